"""Groups of OpenFlow 1.3: tables of them, and which buckets a frame takes (1.3.5 section 5.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from horizon_ryu.wire.of13.controller import GroupMod
from horizon_ryu.wire.of13.structures import Bucket
from horizon_ryu.wire.ofp13 import OFPG, OFPGC, OFPGT
from virtual_switch.refusal import SwitchRefusal
from virtual_switch.steps import Step, ToGroup, read_actions


@dataclass(slots=True)
class SwitchGroup:
    """A group with its buckets as they came, and their steps."""

    group_id: int
    type: int
    buckets: tuple[Bucket, ...]
    steps: tuple[tuple[Step, ...], ...]
    since: float
    packets: int = 0
    octets: int = 0

    def taken(self, key: int, is_live: Callable[[int], bool]) -> list[tuple[Step, ...]]:
        """Return the steps of the buckets for a frame; SELECT chooses by ``key`` and weight."""
        if self.type in (OFPGT.ALL, OFPGT.INDIRECT):
            return list(self.steps)
        if self.type == OFPGT.FF:
            pairs = zip(self.buckets, self.steps, strict=True)
            return [next((steps for bucket, steps in pairs if is_live(bucket.watch_port)), ())]
        chosen = [
            steps
            for bucket, steps in zip(self.buckets, self.steps, strict=True)
            for _ in range(bucket.weight)
        ]
        return [chosen[key % len(chosen)]] if chosen else []


class GroupTable:
    """The groups of a switch, by number."""

    def __init__(self) -> None:
        self._groups: dict[int, SwitchGroup] = {}

    def get(self, group_id: int) -> SwitchGroup | None:
        """Return a group, if it is there."""
        return self._groups.get(group_id)

    def all(self) -> list[SwitchGroup]:
        """Return every group."""
        return list(self._groups.values())

    def check(self, groups: set[int]) -> None:
        """SwitchRefusal unless all of these groups are there."""
        if not groups <= self._groups.keys():
            raise SwitchRefusal("BAD_ACTION", "BAD_OUT_GROUP")

    def change(self, mod: GroupMod, now: float) -> set[int]:
        """Carry out a group-mod and return the groups that are gone; SwitchRefusal."""
        if mod.command == OFPGC.DELETE:
            gone = set(self._groups) if mod.group_id == OFPG.ALL else {mod.group_id}
            for group_id in gone:
                self._groups.pop(group_id, None)
            return gone
        if mod.command not in (OFPGC.ADD, OFPGC.MODIFY):
            raise SwitchRefusal("GROUP_MOD_FAILED", "BAD_COMMAND")
        before = self._groups.get(mod.group_id)
        if mod.group_id > OFPG.MAX:
            raise SwitchRefusal("GROUP_MOD_FAILED", "INVALID_GROUP")
        if mod.command == OFPGC.ADD and before is not None:
            raise SwitchRefusal("GROUP_MOD_FAILED", "GROUP_EXISTS")
        if mod.command == OFPGC.MODIFY and before is None:
            raise SwitchRefusal("GROUP_MOD_FAILED", "UNKNOWN_GROUP")
        self._groups[mod.group_id] = self._made(mod, now if before is None else before.since)
        return set()

    def _made(self, mod: GroupMod, since: float) -> SwitchGroup:
        if mod.type not in tuple(OFPGT):
            raise SwitchRefusal("GROUP_MOD_FAILED", "BAD_TYPE")
        if mod.type == OFPGT.INDIRECT and len(mod.buckets) != 1:
            raise SwitchRefusal("GROUP_MOD_FAILED", "INVALID_GROUP")
        steps = tuple(read_actions(bucket.actions) for bucket in mod.buckets)
        chained = {one.group_id for bucket in steps for one in bucket if isinstance(one, ToGroup)}
        if mod.group_id in chained:
            raise SwitchRefusal("GROUP_MOD_FAILED", "LOOP")
        self.check(chained)
        return SwitchGroup(mod.group_id, mod.type, mod.buckets, steps, since)

    def clear(self) -> None:
        """Lose everything."""
        self._groups.clear()
