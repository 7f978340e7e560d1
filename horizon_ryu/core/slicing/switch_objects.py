"""Objects of slices on a switch: their marks, groups and meters, by the switch's numbers.

They are what a flow entry of OpenFlow 1.3 names: an engine that goes on with a switch which another
has filled must give everything the numbers that it has there (report 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple, Protocol


class ObjectKind(IntEnum):
    """What an object is; FLOOD and SHARE are the slicer's own group and meter for a slice.

    IDS is of no slice: the id before those that entries have had since a switch connected.
    """

    MARK = 1
    GROUP = 2
    METER = 3
    FLOOD = 4
    SHARE = 5
    IDS = 6


class ObjectKey(NamedTuple):
    """What no two objects of a switch share; ``number`` is the slice's own, 0 if it gave none."""

    kind: ObjectKind
    slice_name: str
    number: int = 0


class SwitchObject(NamedTuple):
    """An object and the number that the switch has for it; ``body`` is what its tenant wrote."""

    key: ObjectKey
    real: int
    body: bytes = b""


class ObjectListener(Protocol):
    """Who is told what becomes of the objects."""

    def object_put(self, one: SwitchObject) -> None:
        """Tell that there is an object, or that the one of its key is so now."""

    def object_gone(self, key: ObjectKey) -> None:
        """Tell that an object is there no more."""


class SwitchObjects:
    """The objects of all slices on one switch."""

    def __init__(self) -> None:
        self._listener: ObjectListener | None = None
        self._objects: dict[ObjectKey, SwitchObject] = {}
        self._untold: dict[ObjectKey, None] = {}

    def __iter__(self) -> Iterator[SwitchObject]:
        return iter(tuple(self._objects.values()))

    def listen(self, listener: ObjectListener | None) -> None:
        """Have one told what becomes of the objects, also since :meth:`load`; None: nobody."""
        self._listener = listener
        if listener is not None:
            untold, self._untold = self._untold, {}
            for key in untold:
                self._tell(key)

    def of_kind(self, *kinds: ObjectKind) -> list[SwitchObject]:
        """Return the objects of some kinds, in the order in which they came."""
        return [one for one in self._objects.values() if one.key.kind in kinds]

    def load(self, objects: Iterable[SwitchObject]) -> None:
        """Begin with what was there before; nobody is told."""
        self._objects = {one.key: one for one in objects}

    def put(self, one: SwitchObject) -> None:
        """Note an object, or what it is now."""
        if self._objects.get(one.key) != one:
            self._objects[one.key] = one
            self._tell(one.key)

    def remove(self, kind: ObjectKind, slice_name: str, number: int = 0) -> None:
        """Note that an object is there no more; nothing if it was not."""
        key = ObjectKey(kind, slice_name, number)
        if self._objects.pop(key, None) is not None:
            self._tell(key)

    def _tell(self, key: ObjectKey) -> None:
        one = self._objects.get(key)
        if self._listener is None:
            self._untold[key] = None
        elif one is None:
            self._listener.object_gone(key)
        else:
            self._listener.object_put(one)
