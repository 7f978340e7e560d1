"""Needs of flow entries: groups and meters that somebody else keeps on the switch.

An entry whose group is gone is gone as well (1.3.5 section 6.7), and a group without buckets sends
nothing anywhere. Nobody here makes groups, or meters that are named by their id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from horizon_ryu.core.flows.flow import EntrySpec, Flow, Spec
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.wire.messages import OutputGroup


class Needs(NamedTuple):
    """The groups and meters that entries of a flow refer to, all on its first switch."""

    groups: frozenset[int] = frozenset()
    meters: frozenset[int] = frozenset()

    def joined(self, other: Needs) -> Needs:
        """Return what either needs."""
        return Needs(self.groups | other.groups, self.meters | other.meters)


class Inventory(NamedTuple):
    """What a switch has: its groups, each with whether it has a bucket, and its meters."""

    groups: Mapping[int, bool]
    meters: frozenset[int]


class Lack(NamedTuple):
    """What a switch lacks for a spec: the field that names it, and the reason in words."""

    loc: tuple[str, ...]
    reason: str


NOTHING = Needs()


def needs_of(spec: Spec) -> Needs:
    """Return what the switch where the frames of ``spec`` come in must have."""
    groups: frozenset[int] = frozenset()
    if isinstance(spec, EntrySpec):
        groups = frozenset(one.group_id for one in spec.actions if isinstance(one, OutputGroup))
    if not groups and spec.meter is None:
        return NOTHING
    return Needs(groups, frozenset(() if spec.meter is None else (spec.meter,)))


def find_lack(spec: Spec, dpid: int, has: Inventory) -> Lack | None:
    """Return what ``dpid``, which has ``has``, lacks for ``spec``; None if nothing."""
    needs, where = needs_of(spec), dpid_to_text(dpid)
    for group in sorted(needs.groups):
        if group not in has.groups:
            return Lack(("actions",), f"switch {where} has no group {group}")
        if not has.groups[group]:
            reason = f"group {group} of switch {where} has no bucket: it sends nothing anywhere"
            return Lack(("actions",), reason)
    for meter in sorted(needs.meters - has.meters):
        return Lack(("meter",), f"switch {where} has no meter {meter}")
    return None


class Shortages:
    """Why flows do not work though their switch is there: what they need is gone from it."""

    def __init__(self) -> None:
        self._reasons: dict[int, dict[int, str]] = {}

    def reason(self, flow: Flow) -> str | None:
        """Return why ``flow`` does not work; None if it lacks nothing."""
        return self._reasons.get(flow.first_dpid, {}).get(flow.number)

    def of_switch(self, dpid: int) -> Mapping[int, str]:
        """Return the numbers of the flows that lack something on ``dpid``, and the reasons."""
        return self._reasons.get(dpid, {})

    def note(self, dpid: int, flows: Iterable[Flow], has: Inventory) -> None:
        """Take note of which of ``flows``, all that come in at ``dpid``, lack something there."""
        found = {
            flow.number: lack.reason
            for flow in flows
            if (lack := find_lack(flow.spec, dpid, has)) is not None
        }
        self._reasons.pop(dpid, None)
        if found:
            self._reasons[dpid] = found

    def forget(self, flow: Flow) -> None:
        """Take note that ``flow`` is another now, or gone."""
        self._reasons.get(flow.first_dpid, {}).pop(flow.number, None)
