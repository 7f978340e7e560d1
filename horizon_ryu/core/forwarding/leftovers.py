"""Leftover entries: what earlier runs, or the time before a lost connection, left on switches."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from horizon_ryu.core.forwarding.pair_flows import Pair, PairFlows
from horizon_ryu.core.ownership import Owner, Priority, owner_of
from horizon_ryu.core.topology import Switch
from horizon_ryu.wire.messages import (
    FlowCommand,
    FlowEntry,
    FlowMod,
    FlowRemoved,
    Outgoing,
    Output,
    RemovalReason,
)


def stale(
    dpid: int,
    entries: Iterable[FlowEntry],
    wanted: Callable[[FlowEntry], FlowMod | None],
    stays: Callable[[FlowEntry], bool],
) -> list[Outgoing]:
    """Return what removes or repairs the entries of Forwarding that nobody stands behind.

    ``wanted`` returns what a switch should have in the place of an entry; one that is different is
    replaced in place. Entries that ``stays`` holds for are left.
    """
    messages = []
    for entry in entries:
        if owner_of(entry.cookie) is not Owner.FORWARDING or stays(entry):
            continue
        mod = wanted(entry)
        if mod is None:
            messages.append(_deletion(dpid, entry))
        elif (mod.cookie, mod.actions) != (entry.cookie, entry.actions):
            messages.append(Outgoing(dpid, mod))
    return messages


def dead_ends(switch: Switch, entries: Iterable[FlowEntry]) -> list[Outgoing]:
    """Return what removes the entries of Forwarding that lead out of a port that is down."""
    up = {port.port_no for port in switch.ports.values() if port.up}
    return [
        _deletion(switch.dpid, entry)
        for entry in entries
        if owner_of(entry.cookie) is Owner.FORWARDING
        and any(isinstance(a, Output) and a.port_no not in up for a in entry.actions)
    ]


def _deletion(dpid: int, entry: FlowEntry) -> Outgoing:
    command = FlowCommand.DELETE_STRICT
    return Outgoing(dpid, FlowMod(command, entry.match, entry.priority, entry.cookie))


def timed_out(
    pairs: PairFlows, cookie: int, dpid: int, removed: FlowRemoved, now: float
) -> Pair | None:
    """Return the pair whose entry at the first switch timed out; None if a report is not believed.

    Believed only of that very entry, and not before it can have been idle for long enough.
    """
    if removed.cookie != cookie or removed.priority != Priority.UNICAST:
        return None
    if removed.table_id != 0 or not removed.whole:
        return None
    entry = pairs.wanted(dpid, removed.match)
    if entry is None or not entry.send_flow_removed:
        return None
    pair = pairs.of_match(removed.match)
    if pair is None or removed.reason is not RemovalReason.IDLE_TIMEOUT:
        return None
    if not removed.can_be_after(entry.idle_timeout, now - pair.installed_at):
        return None
    return pair
