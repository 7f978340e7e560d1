"""Negotiation of the version: what our Hello offers, and what follows from the peer's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.guard.hello import read_hello
from horizon_ryu.wire.symmetric import Hello, version_bitmap
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13


class NoCommonVersion(Exception):
    """The two sides have no version in common; the message says so in ASCII, for the peer."""


@dataclass(frozen=True, slots=True)
class VersionOffer:
    """The versions that we speak (wire numbers), and whether our Hello lists them.

    A Hello without a list offers one number. Most switches understand no elements of a Hello, so
    a controller sends none unless it is told to (1.3.5 section 6.3.1 allows both).
    """

    versions: frozenset[int] = frozenset({OPENFLOW_10, OPENFLOW_13})
    listed: bool = False

    @property
    def newest(self) -> int:
        """The number in the header of our Hello."""
        return max(self.versions)

    @property
    def _lists(self) -> bool:
        # 1.0 knows no elements.
        return self.listed and self.newest != OPENFLOW_10

    def encode_hello(self, xid: int) -> bytes:
        """Return our Hello."""
        elements = (version_bitmap(*self.versions),) if self._lists else ()
        return codec_of(self.newest).messages.encode(xid, Hello(elements))

    def agree(self, hello: bytes) -> int:
        """Return the version that both sides speak after the peer's ``hello``.

        The peer reckons by the same rule, and without a list of ours it believes that we speak
        every version up to our number: so what it will speak must be one of ours, and to speak
        an older one, which both know, would not help. NoCommonVersion; Violation if malformed.
        """
        offered = read_hello(hello)
        if offered is None:
            spoken = min(hello[0], self.newest)
        else:
            known = _numbers(offered)
            common = self.versions.intersection(known) if self._lists else known
            spoken = max((version for version in common if version <= self.newest), default=0)
        if spoken not in self.versions:
            theirs = f"up to {hello[0]}" if offered is None else sorted(_numbers(offered))
            raise NoCommonVersion(
                f"no version in common: yours {theirs}, ours {sorted(self.versions)}"
            )
        return spoken


def _numbers(bitmap: int) -> Iterator[int]:
    return (version for version in range(bitmap.bit_length()) if bitmap >> version & 1)
