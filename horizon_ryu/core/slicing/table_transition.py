"""Transition of a switch from the entries of one flowspace to those of another, step by step.

What comes is sent from the highest place down, then what goes from the lowest up: at each moment a
frame is handled as before or as after, never by a slice that it belongs to neither before nor
after. A guard is an entry among the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple, TypeAlias

from horizon_ryu.core.slicing.installed_table import InstalledTable
from horizon_ryu.core.slicing.switch_entries import Address, InstalledEntry, SwitchChanges
from horizon_ryu.core.slicing.tenant_table import TableCommand, TenantEntry


class MoveStep(NamedTuple):
    """What is to be sent for one entry of a tenant, and that if it has no place any more."""

    changes: SwitchChanges = SwitchChanges()
    lost: TenantEntry | None = None


Steps: TypeAlias = Iterator[MoveStep]


class TransitionStep(NamedTuple):
    """One thing to be sent; ``entry`` None: a guard stands or has stood there."""

    command: TableCommand
    address: Address
    entry: InstalledEntry | None


class TableTransition:
    """The way from one table of a switch to another: worked out in steps, then sent."""

    def __init__(
        self,
        before: InstalledTable,
        after: InstalledTable,
        guards_before: AbstractSet[Address],
        guards: AbstractSet[Address],
        lost: list[TenantEntry],
    ) -> None:
        """``guards`` stand among ``after``; ``lost``: entries that have no place in it."""
        self._before, self._after = before, after
        self._guards_before = guards_before
        self.guards = guards
        self.lost = lost
        self._coming: defaultdict[int, list[TransitionStep]] = defaultdict(list)
        self._going: defaultdict[int, list[TransitionStep]] = defaultdict(list)

    def work_out(self) -> Iterator[None]:
        """Find what differs, an entry in each step; nothing of it may be changed meanwhile."""
        for key in self._after.keys():  # noqa: SIM118 - a list, made once
            self._come(self._after.at(key))
            yield None
        for address in self.guards - self._guards_before:
            self._coming[address[1]].append(TransitionStep(TableCommand.ADD, address, None))
        for key in self._before.keys():  # noqa: SIM118
            self._go(self._before.at(key))
            yield None
        for address in self._guards_before - self.guards:
            if self._after.find(*address) is None:
                self._leave(address, None)
        yield from self._before.letting_go()

    def _come(self, now: InstalledEntry | None) -> None:
        """Note an entry that the switch lacks, or has as another."""
        if now is None:
            return
        old = self._before.find(*now.address)
        if old is None or old.owner.entry_id != now.owner.entry_id:
            step = TransitionStep(TableCommand.ADD, now.address, now)
        elif old.program != now.program:
            step = TransitionStep(TableCommand.MODIFY_STRICT, now.address, now)
        else:
            return
        self._coming[now.priority].append(step)

    def _go(self, old: InstalledEntry | None) -> None:
        """Note an entry in whose place nothing comes."""
        if (
            old is not None
            and old.address not in self.guards
            and self._after.find(*old.address) is None
        ):
            self._leave(old.address, old)

    def _leave(self, address: Address, old: InstalledEntry | None) -> None:
        self._going[address[1]].append(TransitionStep(TableCommand.DELETE_STRICT, address, old))

    def steps(self) -> Iterator[TransitionStep]:
        """Yield what is to be sent, but for entries that have ended since."""
        for place in sorted(self._coming, reverse=True):
            for step in _one_by_one(self._coming.pop(place)):
                if step.entry is None or self._after.holds(step.entry.owner.entry_id):
                    yield step
        for place in sorted(self._going):
            yield from _one_by_one(self._going.pop(place))


def _one_by_one(steps: list[TransitionStep]) -> Iterator[TransitionStep]:
    """Yield steps, and let go of each: thousands at once would take long."""
    steps.reverse()
    while steps:
        yield steps.pop()
