"""A flow table with OpenFlow's semantics."""

from __future__ import annotations

from dataclasses import dataclass

from horizon_ryu.wire.messages import (
    Action,
    FlowCommand,
    FlowDeleteByCookie,
    FlowEntry,
    FlowMod,
    Match,
)
from simulator.wire import Fields


@dataclass(slots=True)
class Entry:
    """An installed entry and when it was made and last hit."""

    mod: FlowMod
    since: float
    hit: float

    def is_over(self, now: float) -> bool:
        """Tell whether a timeout has passed."""
        idle, hard = self.mod.idle_timeout, self.mod.hard_timeout
        return bool((idle and now - self.hit >= idle) or (hard and now - self.since >= hard))


def covers(match: Match, in_port: int, fields: Fields) -> bool:
    """Tell whether a frame that came in by ``in_port`` has what ``match`` asks for."""
    return (
        match.in_port in (None, in_port)
        and match.dl_src in (None, fields.dl_src)
        and match.dl_dst in (None, fields.dl_dst)
        and (not match.dl_dst_multicast or fields.is_multicast)
        and match.dl_type in (None, fields.dl_type)
        and match.dl_vlan in (None, fields.dl_vlan)
        and _in_prefix(match.nw_src, fields.nw_src)
        and _in_prefix(match.nw_dst, fields.nw_dst)
    )


def _in_prefix(prefix: tuple[int, int] | None, address: int | None) -> bool:
    if prefix is None:
        return True
    shift = 32 - prefix[1]
    return address is not None and address >> shift == prefix[0] >> shift


class FlowTable:
    """Entries by match and priority; of several that fit the highest priority counts."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Match, int], Entry] = {}

    def apply(self, message: FlowMod | FlowDeleteByCookie, now: float) -> None:
        """Carry out a flow-mod; an ADD replaces the entry with the same match and priority."""
        if isinstance(message, FlowDeleteByCookie):
            wanted = message.cookie & message.mask
            for key, entry in list(self._entries.items()):
                if entry.mod.cookie & message.mask == wanted:
                    del self._entries[key]
            return
        key = (message.match, message.priority)
        if message.command is FlowCommand.ADD:
            self._entries[key] = Entry(message, now, now)
        else:
            self._entries.pop(key, None)

    def lookup(self, in_port: int, fields: Fields, now: float) -> tuple[Action, ...] | None:
        """Return the actions for a frame; None when no entry fits."""
        for key in [key for key, entry in self._entries.items() if entry.is_over(now)]:
            del self._entries[key]
        fitting = [e for e in self._entries.values() if covers(e.mod.match, in_port, fields)]
        best = max(fitting, key=lambda entry: entry.mod.priority, default=None)
        if best is None:
            return None
        best.hit = now
        return best.mod.actions

    def entries(self) -> tuple[FlowEntry, ...]:
        """Return the table as flow statistics show it."""
        return tuple(
            FlowEntry(e.mod.match, e.mod.priority, e.mod.cookie, e.mod.actions)
            for e in self._entries.values()
        )

    def clear(self) -> None:
        """Lose everything, as a switch that restarts does."""
        self._entries.clear()
