"""Texts of the sections of statistics, kept while the answers they tell of stay the same.

A listing of 500 switches is joined from texts; only what a poll has changed is written anew, and
only when somebody asks for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, AnyStr

MOST_CHARACTERS = 64 * 1024 * 1024
"""Of all texts that are kept; those that were asked for longest ago give way."""
LONGEST = 256 * 1024
"""Characters of texts that are kept: the ports of some 700, or as many flow entries."""


class SectionTexts:
    """Texts by key, each with the objects it was made from; at most so many characters."""

    def __init__(self, most: int = MOST_CHARACTERS) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[tuple[object, ...], tuple[Any, ...]]] = (
            OrderedDict()
        )
        self.characters = 0
        """Kept in all."""
        self.written = 0
        """Texts made in all."""

    def texts(
        self,
        key: Hashable,
        sources: tuple[object, ...],
        write: Callable[[], tuple[AnyStr, ...]],
    ) -> tuple[AnyStr, ...]:
        """Return the texts of ``key``; ``write`` makes them if a source is another object."""
        found = self._kept.get(key)
        if found is not None and all(map(_is_same, found[0], sources)):
            self._kept.move_to_end(key)
            kept: tuple[AnyStr, ...] = found[1]
            return kept
        texts = write()
        self.written += 1
        self._forget(key)
        size = sum(map(len, texts))
        if size <= LONGEST:
            self._kept[key] = sources, texts
            self.characters += size
        while self.characters > self._most:
            self._forget(next(iter(self._kept)))
        return texts

    def _forget(self, key: Hashable) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self.characters -= sum(map(len, gone[1]))


def _is_same(one: object, other: object) -> bool:
    return one is other or (type(one) is int and one == other)
