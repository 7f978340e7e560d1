"""Kept answers: documents as bytes, per representation, while what they tell of is unchanged.

A document is kept by its path, query and media type, with the sources it was made from. A source
is the same while it is the same object: what is published never changes, it is replaced. The
compressed form is made once, when somebody likes it, where it holds nobody up. Nothing here knows
who asks: the router has let them in before.
"""

from __future__ import annotations

import gzip
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

from horizon_ryu.http import representation
from horizon_ryu.http.representation import LEAST_BYTES

Aside: TypeAlias = Callable[..., Any]
"""Runs a function with its arguments where it holds nobody up, and returns what it returns."""

MOST_BYTES = 64 * 1024 * 1024
"""Of all documents that are kept; those that were asked for longest ago give way."""
LEVEL = 6
"""Of compression: it is done once for everybody who asks."""
_PLAIN_VALUES = (int, str, bytes, tuple)
"""Sources that are compared by what they are; tuples are of such."""
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Accept, Accept-Encoding"}


def here(function: Callable[..., Any], *args: Any) -> Any:
    """Run a function at once."""
    return function(*args)


class KeptAnswer:
    """One representation of a document, plain and, once somebody wanted it, compressed."""

    __slots__ = ("data", "packed", "sources", "tag")

    def __init__(self, sources: tuple[object, ...], data: bytes) -> None:
        self.sources = sources
        self.data = data
        self.packed: bytes | None = None
        self.tag = representation.tag_of(data)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return len(self.data) + len(self.packed or b"")

    def is_of(self, sources: tuple[object, ...]) -> bool:
        """Tell whether it was made from these: the same objects, or equal numbers and texts."""
        return len(sources) == len(self.sources) and all(map(_is_same, sources, self.sources))


def _is_same(one: object, other: object) -> bool:
    return one is other or (isinstance(one, _PLAIN_VALUES) and one == other)


class KeptAnswers:
    """All documents that are kept, at most so many bytes."""

    def __init__(self, aside: Aside = here, most_bytes: int = MOST_BYTES) -> None:
        """``aside`` compresses without holding anybody up."""
        self._aside = aside
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, KeptAnswer] = OrderedDict()
        self._packing: set[int] = set()
        self.bytes = 0
        """Kept in all."""

    def answer(
        self, key: Hashable, sources: tuple[object, ...], write: Callable[[], bytes]
    ) -> KeptAnswer:
        """Return the document of ``key`` as it is with these sources, written if it is another."""
        kept = self._kept.get(key)
        if kept is not None and kept.is_of(sources):
            self._kept.move_to_end(key)
            return kept
        made = KeptAnswer(sources, write())
        self._forget(key)
        self._kept[key] = made
        self.bytes += made.size
        self._make_room()
        return made

    def representation(self, kept: KeptAnswer, compressed: bool) -> tuple[bytes, dict[str, str]]:
        """Return the bytes to send and their headers: the tag is strong, one per representation.

        While somebody else compresses a document it is told plain: that is what all accept.
        """
        if not compressed or len(kept.data) < LEAST_BYTES or not self._pack(kept):
            return kept.data, {**_HEADERS, **representation.headers(kept.tag, False)}
        return kept.packed or b"", {**_HEADERS, **representation.headers(kept.tag, True)}

    def _pack(self, kept: KeptAnswer) -> bool:
        if kept.packed is not None:
            return True
        if id(kept) in self._packing:
            return False
        self._packing.add(id(kept))
        try:
            kept.packed = self._aside(gzip.compress, kept.data, LEVEL)
        finally:
            self._packing.discard(id(kept))
        self._count_packed(kept)
        return True

    def _count_packed(self, kept: KeptAnswer) -> None:
        """Count a compressed form, unless its document was replaced meanwhile."""
        if any(one is kept for one in self._kept.values()):
            self.bytes += len(kept.packed or b"")
            self._make_room()

    def _forget(self, key: Hashable) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self.bytes -= gone.size

    def _make_room(self) -> None:
        while self.bytes > self._most:
            self._forget(next(iter(self._kept)))
