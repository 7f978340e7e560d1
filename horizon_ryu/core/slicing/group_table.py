"""Group table of a tenant: its groups as it wrote them, and which of them send frames to which.

It follows OpenFlow 1.3.5 section 7.3.4.3. Chains are bounded: groups that multiply frames in the
switch, each sending several times to the next, are refused before they reach it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_PATHS = 4096
"""Ways that one frame may take through a group and those that it sends to."""
MOST_DEPTH = 16
"""Groups behind one another."""
MOST_BYTES = 4 << 20
"""All groups of a slice on a switch together, as they were written."""


class GroupLoop(ValueError):
    """A group that would send frames to itself, maybe through others."""


class GroupTooDeep(ValueError):
    """Too many groups behind one another."""


class GroupTooLarge(ValueError):
    """Too many ways through groups, or too many bytes of them."""


@dataclass(frozen=True, slots=True)
class TenantGroup:
    """A group as its tenant wrote it; ``buckets`` are opaque here, and ``size`` their bytes.

    ``chained`` are the groups that buckets send to, each as often as it is named; ``watched`` those
    whose liveness they ask.
    """

    group_id: int
    kind: int
    buckets: Any
    size: int
    chained: tuple[int, ...] = ()
    watched: frozenset[int] = frozenset()

    @property
    def needs(self) -> frozenset[int]:
        """Other groups that it has to do with."""
        return self.watched.union(self.chained)


class GroupTable:
    """The groups of one slice on one switch."""

    def __init__(self) -> None:
        self._groups: dict[int, TenantGroup] = {}
        self._needed_by: dict[int, set[int]] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[TenantGroup]:
        return iter(tuple(self._groups.values()))

    def find(self, group_id: int) -> TenantGroup | None:
        """Return a group; None if there is none."""
        return self._groups.get(group_id)

    def needing(self, group_id: int) -> frozenset[int]:
        """Return the groups that send to this one or watch it, whether it is there or not."""
        return frozenset(self._needed_by.get(group_id, ()))

    def check(self, group: TenantGroup) -> None:
        """Return if a group may be put in; GroupLoop, GroupTooDeep, GroupTooLarge."""
        before = self._groups.get(group.group_id)
        size = self._size + group.size - (0 if before is None else before.size)
        if size > MOST_BYTES:
            raise GroupTooLarge(f"{size} bytes of groups, at most {MOST_BYTES}")
        measured: dict[int, tuple[int, int]] = {}
        self._measure(group.group_id, group, measured, (group.group_id,))
        for upper in self._above(group.group_id):
            self._measure(upper, group, measured, (upper,))

    def _above(self, group_id: int) -> set[int]:
        """Return the groups from which a frame or a question may come to this one."""
        found: set[int] = set()
        left = [group_id]
        while left:
            new = self._needed_by.get(left.pop(), set()) - found
            found |= new
            left += new
        return found

    def _measure(
        self,
        group_id: int,
        coming: TenantGroup,
        measured: dict[int, tuple[int, int]],
        path: tuple[int, ...],
    ) -> tuple[int, int]:
        """Return the ways through a group and how many stand behind one another from it on.

        ``coming`` is as if it were there. No path is followed beyond MOST_DEPTH.
        """
        known = measured.get(group_id)
        if known is not None:
            return known
        if len(path) > MOST_DEPTH:
            raise GroupTooDeep(f"more than {MOST_DEPTH} groups behind one another")
        group = coming if group_id == coming.group_id else self._groups.get(group_id)
        ways = depth = 1
        for other in (*group.chained, *group.watched) if group is not None else ():
            if other in path:
                raise GroupLoop(f"group {other} would send to itself")
            its_ways, its_depth = self._measure(other, coming, measured, (*path, other))
            ways += its_ways
            depth = max(depth, its_depth + 1)
        if ways > MOST_PATHS:
            raise GroupTooLarge(f"more than {MOST_PATHS} ways through group {group_id}")
        if depth > MOST_DEPTH:
            raise GroupTooDeep(f"more than {MOST_DEPTH} groups behind one another")
        measured[group_id] = ways, depth
        return ways, depth

    def put(self, group: TenantGroup) -> None:
        """Put a group in, or in the place of the one with its number."""
        self.remove(group.group_id)
        self._groups[group.group_id] = group
        self._size += group.size
        for other in group.needs:
            self._needed_by.setdefault(other, set()).add(group.group_id)

    def remove(self, group_id: int) -> None:
        """Take a group out, if it is there."""
        group = self._groups.pop(group_id, None)
        if group is None:
            return
        self._size -= group.size
        for other in group.needs:
            needing = self._needed_by[other]
            needing.discard(group_id)
            if not needing:
                del self._needed_by[other]

    def outermost_first(self) -> list[int]:
        """Return all groups, each before those that it sends to."""
        order: list[int] = []
        seen: set[int] = set()

        def visit(group_id: int) -> None:
            group = self._groups.get(group_id)
            if group is None or group_id in seen:
                return
            seen.add(group_id)
            for other in group.needs:
                visit(other)
            order.append(group_id)

        for group_id in self._groups:
            visit(group_id)
        order.reverse()
        return order
