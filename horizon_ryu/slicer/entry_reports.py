"""Entries of a slice, as JSON has them: what its tenants installed, and what that became.

Matches and actions are written as those in statistics of switches are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.wire.capabilities import capabilities_of
from horizon_ryu.wire.stats.action_text import ActionText
from horizon_ryu.wire.stats.form import JsonMembers
from horizon_ryu.wire.stats.match_text import MatchText10, MatchText13
from horizon_ryu.wire.ternary import TernaryMatch
from horizon_ryu.wire.ternary10 import write_match10
from horizon_ryu.wire.ternary13 import write_match13


class SwitchEntry(NamedTuple):
    """An entry of the switch that is one of a tenant's, or a part of it."""

    table_id: int
    match: TernaryMatch
    priority: int
    program: bytes


class EntryWriter:
    """Writes entries of one version."""

    def __init__(self, version: int) -> None:
        form = JsonMembers()
        self._can = capabilities_of(version)
        self._actions = ActionText(version, form)
        self._match10, self._match13 = MatchText10(form), MatchText13(form)

    def write(self, entry: TenantEntry, became: Iterable[SwitchEntry]) -> dict[str, Any]:
        """Return an entry of a tenant, with those of the switch that it ``became``."""
        own = SwitchEntry(entry.table_id, entry.match, entry.priority, entry.program)
        return {
            **self._place(own),
            "cookie": entry.cookie,
            "idle_timeout": entry.idle_timeout,
            "hard_timeout": entry.hard_timeout,
            **self._deeds(own),
            "became": [{**self._place(one), **self._deeds(one)} for one in became],
        }

    def _place(self, one: SwitchEntry) -> dict[str, Any]:
        table = {"table_id": one.table_id} if self._can.tables else {}
        return {**table, **_read(self._match(one.match)), "priority": one.priority}

    def _deeds(self, one: SwitchEntry) -> dict[str, Any]:
        return _read(self._actions.text(one.program))

    def _match(self, match: TernaryMatch) -> str:
        if not self._can.oxm:
            return self._match10.text(write_match10(match), 0)
        written = write_match13(match)
        return self._match13.text(written, 0, int.from_bytes(written[2:4], "big"))


def _read(members: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(f"{{{members}}}")
    return found
