"""Id map: the numbers that tenants give their groups or meters, and those that the switch has.

One map for each switch and kind of object. A tenant's number may be any of 32 bits, and two slices
may have the same. A number of the switch that was given back rests until the switch has said that
it is through with what came before: until then an answer may still speak of its last owner.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from itertools import islice
from types import MappingProxyType

MOST_RESTING = 65_536
"""Numbers that a switch which answers nothing may hold back; then no more are given."""


class IdTaken(ValueError):
    """The slice has an object of this number already."""


class IdsExhausted(ValueError):
    """The slice has as many objects as it may, or the switch has no number left."""


class IdMap:
    """Numbers of all slices on one switch, from 1 to ``last`` on the switch."""

    def __init__(self, last: int, most_resting: int = MOST_RESTING) -> None:
        self._last = last
        self._most_resting = most_resting
        self._unused = 1
        self._free: list[int] = []
        self._resting: set[int] = set()
        self._reals: dict[str, dict[int, int]] = {}
        self._owners: dict[int, tuple[str, int]] = {}

    def take(self, slice_name: str, tenant_id: int, quota: int) -> int:
        """Return the switch's number for a new object of a slice; IdTaken, IdsExhausted."""
        own = self._reals.get(slice_name, {})
        if tenant_id in own:
            raise IdTaken(f"{tenant_id} is there")
        if len(own) >= quota:
            raise IdsExhausted(f"{len(own)} of {quota} are there")
        real = self.reserve()
        self._reals.setdefault(slice_name, own)[tenant_id] = real
        self._owners[real] = slice_name, tenant_id
        return real

    def reserve(self) -> int:
        """Return a number for an object of the slicer's own; IdsExhausted."""
        if self._free:
            return heapq.heappop(self._free)
        while self._unused in self._resting:
            self._unused += 1
        if self._unused > self._last or len(self._resting) > self._most_resting:
            raise IdsExhausted(f"{self._unused - 1} numbers are in use")
        self._unused += 1
        return self._unused - 1

    def restore(self, given: Mapping[int, tuple[str, int] | None], last: int) -> None:
        """Go on with numbers that another map has given, before this one gives any.

        None is an object of the slicer's own. The others up to ``last`` rest: they may be there.
        """
        for real, owner in given.items():
            if owner is not None:
                self._reals.setdefault(owner[0], {})[owner[1]] = real
                self._owners[real] = owner
        last = min(last, self._last)
        others = (real for real in range(self._unused, last + 1) if real not in given)
        self._resting.update(islice(others, self._most_resting))
        self._unused = max(self._unused, last + 1)

    def find(self, slice_name: str, tenant_id: int) -> int | None:
        """Return the switch's number of a slice's object; None if it has none."""
        return self._reals.get(slice_name, {}).get(tenant_id)

    def owner(self, real: int) -> tuple[str, int] | None:
        """Return whose object it is on the switch, and its number there; None if no slice's."""
        return self._owners.get(real)

    def of_slice(self, slice_name: str) -> Mapping[int, int]:
        """Return the numbers of a slice's objects, and of each the switch's."""
        return MappingProxyType(self._reals.get(slice_name, {}))

    def release(self, slice_name: str, tenant_id: int) -> int:
        """Forget an object; its number on the switch, which is returned, rests. KeyError."""
        own = self._reals[slice_name]
        real = own.pop(tenant_id)
        if not own:
            del self._reals[slice_name]
        del self._owners[real]
        self._resting.add(real)
        return real

    def rest(self, reals: Iterable[int]) -> None:
        """Let numbers rest that the switch has, though nobody is known who has them."""
        self._resting.update(reals)

    def give_back(self, real: int) -> None:
        """Let a number rest that :meth:`reserve` has given."""
        self._resting.add(real)

    @property
    def resting(self) -> frozenset[int]:
        """The numbers that the switch may still speak of."""
        return frozenset(self._resting)

    def settle(self, reals: Iterable[int]) -> None:
        """Let numbers be given again: the switch is through with them."""
        for real in reals:
            if real in self._resting:
                self._resting.discard(real)
                if real < self._unused:
                    heapq.heappush(self._free, real)
