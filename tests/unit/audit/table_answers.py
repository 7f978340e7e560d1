"""Answers of switches whose tables are lists of entries: for audits without a registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from horizon_ryu.audit.examination import Examination
from horizon_ryu.core.errors import SwitchError
from horizon_ryu.openflow.queries import EntryQuery, Query, SwitchAnswer
from horizon_ryu.wire.messages import FlowEntry


class TableAnswer(NamedTuple):
    """What a switch said: entries, or ports."""

    found: tuple[FlowEntry, ...] = ()
    ports: frozenset[int] | None = None

    def told(self) -> tuple[bytes, ...]:
        return (repr(self).encode(),)

    def entries(self) -> tuple[FlowEntry, ...]:
        return self.found

    def flooding(self) -> frozenset[int] | None:
        return self.ports


def entries_read(
    flow_entries: Callable[..., Sequence[FlowEntry]],
    dpid: int,
    queries: Sequence[Query],
    flooding_ports: Callable[[int], frozenset[int] | None] = lambda _dpid: None,
) -> list[SwitchAnswer | SwitchError]:
    """SwitchAnswer queries by the methods of a fake; errors are answers, as the registry has it."""
    answers: list[SwitchAnswer | SwitchError] = []
    for query in queries:
        try:
            if isinstance(query, EntryQuery):
                answers.append(TableAnswer(tuple(flow_entries(dpid, **arguments(query)))))
            else:
                answers.append(TableAnswer(ports=flooding_ports(dpid)))
        except SwitchError as error:
            answers.append(error)
    return answers


def arguments(query: EntryQuery) -> dict[str, Any]:
    """Return what a query says beyond the default."""
    default = EntryQuery()
    names = ("match", "cookie", "mask", "to_controller")
    found = {name: getattr(query, name) for name in names}
    return {name: value for name, value in found.items() if value != getattr(default, name)}


def audited(
    begun: Examination | int, dpid: int, read: Callable[..., list[SwitchAnswer | SwitchError]]
) -> int:
    """Carry out one audit, as the service does, and return how much it restored."""
    if isinstance(begun, int):
        return begun
    answers: list[Any] = read(dpid, begun.queries)
    return begun.judge(answers)
