"""Version trail: what an object was before changes that the switch may still refuse.

Changes are sent without waiting, and a switch tells only of those that it refuses, maybe when later
ones are under way: what counts then is the last version that was not refused.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

V = TypeVar("V")
MOST_VERSIONS = 4
"""Of one object: older ones are forgotten, the switch has had its time to refuse them."""


class Refused(NamedTuple, Generic[V]):
    """What an object is after a refusal: ``version`` None is that it is not there at all."""

    version: V | None


class VersionTrail(Generic[V]):
    """The versions of many objects; a version is told by its identity."""

    def __init__(self) -> None:
        self._trails: dict[Hashable, list[V | None]] = {}

    def came(self, key: Hashable, before: V | None, version: V) -> None:
        """Note a version that is sent, and what was there before it; None: nothing."""
        trail = self._trails.setdefault(key, [before])
        trail.append(version)
        del trail[:-MOST_VERSIONS]

    def refused(self, key: Hashable, version: V) -> Refused[V] | None:
        """Note that a version was refused; return what is there instead.

        None if nothing changes by it: a later version has been sent, or the object is gone.
        """
        trail = self._trails.get(key)
        if trail is None or not any(one is version for one in trail):
            return None
        was_last = trail[-1] is version
        trail[:] = [one for one in trail if one is not version]
        return Refused(trail[-1] if trail else None) if was_last else None

    def forget(self, key: Hashable) -> None:
        """Forget an object that is deleted."""
        self._trails.pop(key, None)
