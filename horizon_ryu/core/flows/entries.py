"""Flow entries that carry a flow, hop by hop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from horizon_ryu.core.flows.flow import EntrySpec, Flow, FlowState, PathSpec, TaggedHop
from horizon_ryu.core.ownership import FLOW_COOKIES
from horizon_ryu.wire.messages import (
    VLAN_NONE,
    Action,
    Enqueue,
    FlowCommand,
    FlowMod,
    FlowModFlags,
    Match,
    Outgoing,
    Output,
    OutputInPort,
    PushVlan,
    SetField,
    StripVlan,
)

_TOLD = FlowModFlags.SEND_FLOW_REM


class EntryKey(NamedTuple):
    """What identifies an entry: two of the same key cannot be on a switch at one time."""

    dpid: int
    match: Match
    priority: int
    table_id: int = 0


class DesiredEntry(NamedTuple):
    """An entry that a flow needs: its key, its flow-mod, and that as a message.

    ``add`` is the message for where no entry of its key is: only then a switch shall look for
    others that overlap, since switches differ in whether an entry overlaps itself.
    """

    key: EntryKey
    mod: FlowMod
    send: Outgoing
    add: Outgoing


def key_of(dpid: int, mod: FlowMod) -> EntryKey:
    """Return the key of the entry that ``mod`` adds to, or deletes from, the switch ``dpid``."""
    return EntryKey(dpid, mod.match, mod.priority, mod.table_id)


class HopKey(NamedTuple):
    """Which frames of one flow a hop takes: those that enter here with this tag."""

    dpid: int
    in_port: int
    in_tag: int | None


def hops_by_key(hops: Iterable[TaggedHop]) -> dict[HopKey, TaggedHop]:
    """Return ``hops`` by the frames that they take, in their order."""
    return {HopKey(hop.dpid, hop.in_port, hop.in_tag): hop for hop in hops}


def entries_of(flow: Flow) -> tuple[DesiredEntry, ...]:
    """Return the entries of ``flow``, in the order in which its frames pass them."""
    entries: tuple[DesiredEntry, ...] | None = flow.memo.get("entries")
    if entries is None:
        entries = flow.memo["entries"] = tuple(_made(flow))
    return entries


def entries_by_hop(flow: Flow) -> dict[HopKey, DesiredEntry]:
    """Return the entries of ``flow`` by the frames that they take, in their order."""
    return dict(zip(hops_by_key(flow.hops), entries_of(flow), strict=True))


def keys_of(flow: Flow) -> tuple[EntryKey, ...]:
    """Return the keys of the entries of ``flow``, in the same order."""
    keys: tuple[EntryKey, ...] | None = flow.memo.get("keys")
    if keys is None:
        keys = flow.memo["keys"] = tuple(entry.key for entry in entries_of(flow))
    return keys


def _made(flow: Flow) -> list[DesiredEntry]:
    if flow.state is FlowState.PENDING:
        return []
    if isinstance(flow.spec, EntrySpec):
        return [_desired(flow.spec.dpid, _single(flow, flow.spec), flow.spec.check_overlap)]
    spec, cookie, rest = flow.spec, FLOW_COOKIES | flow.number, flow.spec.match[1:]
    meter = flow.meter or spec.meter
    return [
        _desired(
            hop.dpid,
            FlowMod(
                FlowCommand.ADD,
                _match_at(rest, hop.in_port, hop.in_tag),
                spec.priority,
                cookie,
                _actions(hop, spec.queue, spec.match.dl_vlan),
                spec.idle_timeout,
                spec.hard_timeout,
                _TOLD,
                meter if index == 0 else None,
            ),
            spec.check_overlap,
        )
        for index, hop in enumerate(flow.hops)
    ]


def _desired(dpid: int, mod: FlowMod, check_overlap: bool) -> DesiredEntry:
    send = add = Outgoing(dpid, mod)
    if check_overlap:
        add = Outgoing(dpid, mod._replace(flags=mod.flags | FlowModFlags.CHECK_OVERLAP))
    return DesiredEntry(key_of(dpid, mod), mod, send, add)


def _single(flow: Flow, spec: EntrySpec) -> FlowMod:
    return FlowMod(
        FlowCommand.ADD,
        spec.match,
        spec.priority,
        FLOW_COOKIES | flow.number,
        spec.actions,
        spec.idle_timeout,
        spec.hard_timeout,
        _TOLD,
        flow.meter or spec.meter,
        spec.table_id,
    )


def _match_at(rest: tuple[Any, ...], in_port: int, tag: int | None) -> Match:
    """Return the match of a flow's frames at one port; ``rest`` is what else they match.

    Behind a tag of ours nothing else is matched: the tag belongs to this flow alone, and a switch
    need not see what lies behind a second tag.
    """
    if tag is not None:
        return Match(in_port=in_port, dl_vlan=tag)
    return Match(in_port, *rest)


@lru_cache(maxsize=4096)
def _actions(hop: TaggedHop, queue: int | None, own_vlan: int | None) -> tuple[Action, ...]:
    """Return what a switch does with the frames at ``hop``: their tag, then the way out.

    A frame goes back out of the port it came in by only if told so by that port's special name
    (1.0 specification, 5.3.3); queues have no such name.
    """
    way: Action = Output(hop.out_port) if queue is None else Enqueue(hop.out_port, queue)
    if hop.out_port == hop.in_port:
        way = OutputInPort()
    return (*_retag(hop.in_tag, hop.out_tag, own_vlan), way)


def _retag(before: int | None, after: int | None, own_vlan: int | None) -> tuple[Action, ...]:
    """Return the actions that change our tag.

    A VLAN tag of the flow's own is overwritten and given back; other flows have none of theirs.
    """
    if before == after:
        return ()
    is_tagged = own_vlan not in (None, VLAN_NONE)
    if after is None:
        return (SetField("dl_vlan", own_vlan or 0),) if is_tagged else (StripVlan(),)
    if before is None and not is_tagged:
        return PushVlan(), SetField("dl_vlan", after)
    return (SetField("dl_vlan", after),)


def in_transit(new: Flow, old: Flow) -> Flow:
    """Return ``new`` as it is first installed beside ``old``: at its priority, without timeouts.

    A waiting entry must not idle out before traffic comes, and entries of both paths on one
    switch must have one priority to replace each other.
    """
    if isinstance(new.spec, EntrySpec):
        spec: EntrySpec | PathSpec = replace(new.spec, idle_timeout=0, hard_timeout=0)
    else:
        spec = replace(new.spec, priority=old.spec.priority, idle_timeout=0, hard_timeout=0)
    return replace(new, spec=spec)
