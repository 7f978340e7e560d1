"""Held messages: what tenants say while their entries move, or a switch is taken over.

It is dealt with when that is done, in its order: a flow-mod would find entries that are half moved,
and the answer to a barrier would come before what it waits for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import TypeAlias

from horizon_ryu.slicer.portions import Work
from horizon_ryu.slicer.presence import TenantConnection

MOST_HELD = 1 << 16
"""Messages of all tenants of a switch: more than is said in the seconds that it takes."""

Deal: TypeAlias = Callable[[TenantConnection, bytes, float], None]


class HeldMessages:
    """What the tenants of some slices have said, or of all, since these have been held."""

    def __init__(self, deal: Deal, most: int = MOST_HELD) -> None:
        """``deal`` takes each message when its tenants are held no more."""
        self._deal = deal
        self._most = most
        self._names: Collection[str] | None = ()
        self._waiting: deque[tuple[TenantConnection, bytes | Work, float]] = deque()
        self.is_on = False
        """Whether anybody is held; not while a message is dealt with that has waited."""
        self.is_dealing = False
        """Whether a message is dealt with that has waited."""
        self._first: deque[Work] = deque()

    def hold(self, names: Collection[str] | None) -> None:
        """Hold the tenants of these slices from now on, besides those that are; None: of all."""
        if self.is_on:
            both = names is not None and self._names is not None
            names = {*(self._names or ()), *(names or ())} if both else None
        self._names = names
        self.is_on = True

    def add(self, slice_name: str) -> None:
        """Hold the tenants of one more slice."""
        if self._names is not None:
            self._names = {*self._names, slice_name}

    def holds(self, tenant: TenantConnection) -> bool:
        """Tell whether what a tenant says is to wait."""
        return self._names is None or tenant.slice_name in self._names

    def put(self, tenant: TenantConnection, message: bytes | Work, now: float = 0.0) -> bool:
        """Keep a message, or work that has come of one; False if too many wait already."""
        if len(self._waiting) >= self._most:
            return False
        self._waiting.append((tenant, message, now))
        return True

    def forget(self, tenant: TenantConnection) -> None:
        """Deal with nothing more of a connection that has ended."""
        if self._waiting:
            self._waiting = deque(one for one in self._waiting if one[0] is not tenant)

    def before_next(self, work: Work) -> None:
        """Have work done that comes of a message which is dealt with, before the next one is."""
        self._first.append(work)

    def releasing(self, may_go_on: Callable[[], bool] = lambda: True) -> Work:
        """Deal with what has waited; what is said meanwhile waits behind it.

        It ends early, and tenants are held further, if it may not go on: a tenant that says more
        all the while must not have others wait for it.
        """
        while self._waiting:
            tenant, said, now = self._waiting.popleft()
            if isinstance(said, bytes):
                self.is_on, self.is_dealing = False, True
                self._deal(tenant, said, now)
                self.is_on, self.is_dealing = True, False
            else:
                yield from said
            yield None
            while self._first:
                yield from self._first.popleft()
            if not may_go_on():
                return
        self._names = ()
        self.is_on = False
