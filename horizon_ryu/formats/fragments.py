"""Fragments: the items of a long document as texts, each kept while what it tells stays the same.

One change of a network of 500 switches makes one item anew, not 500.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

State = TypeVar("State", bound=tuple[object, ...])

_TURN = 64
"""Items that are made before others have their turns: about a millisecond."""


class Fragments:
    """The items of one list, by their keys; those that the list has no more are forgotten."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[tuple[object, ...], str]] = {}
        self.made = 0
        """Items written in all."""

    def texts(
        self,
        items: Iterable[tuple[Hashable, State]],
        write: Callable[..., str],
        rest: Callable[[], None],
    ) -> list[str]:
        """Return the text of each item: that of ``write(*state)``, kept while its state is equal.

        ``rest`` is called between items that have to be made, to let others have their turns.
        """
        before, kept, texts = self._kept, {}, []
        for key, state in items:
            found = before.get(key)
            if found is None or found[0] != state:
                found = state, write(*state)
                self.made += 1
                if self.made % _TURN == 0:
                    rest()
            kept[key] = found
            texts.append(found[1])
        self._kept = kept
        return texts
