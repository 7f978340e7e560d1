"""The book of probes: which were sent, which may still be heard, and which were heard where."""

from __future__ import annotations

from enum import Enum
from hmac import compare_digest

from horizon_ryu.core.topology import PortRef


class ProbeVerdict(Enum):
    """What hearing a probe means."""

    FRESH = "fresh"
    UNKNOWN = "unknown"
    """Never sent from there, or too old."""
    REPEATED = "repeated"
    """Heard before at the same port: a replay."""
    SHARED = "shared"
    """Heard before at another port: the probed port leads to more than one."""


class SentProbe:
    """A probe that has left by ``src``: when, and where it was heard."""

    __slots__ = ("at", "heard_at", "page", "src", "tag")

    def __init__(self, src: PortRef, at: float, page: _Page) -> None:
        self.src = src
        self.at = at
        self.page = page
        self.heard_at: PortRef | None = None
        self.tag = b""


class _Page:
    """The outstanding probes of one port, oldest first, and how many went unheard in a row."""

    __slots__ = ("expected", "newest", "probes", "unheard")

    def __init__(self) -> None:
        self.probes: dict[int, SentProbe] = {}
        self.unheard = 0
        self.newest: SentProbe | None = None
        self.expected = b""
        """The frame of the newest, until one is heard."""


class OutstandingProbes:
    """Numbers probes, and accepts each only once, only soon, only from the port it left by."""

    def __init__(self, validity: float, kept: int = 64, first_number: int = 1) -> None:
        """Probes count up from ``first_number``: books far apart have no number in common."""
        self._validity = validity
        self._kept = kept
        self._pages: dict[PortRef, _Page] = {}
        self._expected: dict[bytes, SentProbe] = {}
        """The newest probe of each port by its frame, until it is heard."""
        self.next_number = first_number

    def issue(self, ref: PortRef, now: float) -> int:
        """Return the number for a probe that leaves by ``ref`` now."""
        number = self.next_number
        self.next_number += 1
        page = self._pages.get(ref)
        if page is None:
            page = self._pages[ref] = _Page()
        probes = page.probes
        probes[number] = page.newest = SentProbe(ref, now, page)
        page.unheard += 1
        oldest = probes[next(iter(probes))]
        if len(probes) > self._kept or now - oldest.at > self._validity:
            self._tear_out(page, now)
        return number

    def left(self, ref: PortRef, tag: bytes, frame: bytes) -> None:
        """Remember the signature of the newest probe of a port, and expect its frame."""
        page = self._pages[ref]
        newest = page.newest
        if newest is None:
            return
        newest.tag = tag
        if page.expected:
            self._expected.pop(page.expected, None)
        page.expected = frame
        self._expected[frame] = newest

    def expected(self, frame: bytes) -> SentProbe | None:
        """Return which probe a frame is, to the last byte; None for those that are not expected.

        Who guesses learns nothing from how long this takes: frames are told apart by a hash with
        a secret of this process.
        """
        return self._expected.get(frame)

    def take(self, sent: SentProbe, dst: PortRef, now: float) -> float | None:
        """Note that a probe was heard as expected; return its age, None if it is too old."""
        page, age = sent.page, now - sent.at
        if age > self._validity:
            return None
        sent.heard_at = dst
        page.unheard = 0
        del self._expected[page.expected]
        page.expected = b""
        return age

    def knows(self, src: PortRef, number: int, tag: bytes) -> bool:
        """Tell, in constant time, whether an outstanding probe has this signature."""
        page = self._pages.get(src)
        sent = page.probes.get(number) if page is not None else None
        return sent is not None and bool(sent.tag) and compare_digest(sent.tag, tag)

    def _tear_out(self, page: _Page, now: float) -> None:
        """Drop the oldest probes: the ones too old to be heard, and those beyond the cap."""
        probes, born = page.probes, now - self._validity
        while len(probes) > 1:
            number = next(iter(probes))
            if len(probes) <= self._kept and probes[number].at >= born:
                return
            del probes[number]

    def hear(
        self, src: PortRef, number: int, dst: PortRef, now: float
    ) -> tuple[ProbeVerdict, PortRef]:
        """Judge a genuine probe of ``src`` heard at ``dst``; with SHARED comes the other port."""
        page = self._pages.get(src)
        sent = page.probes.get(number) if page is not None else None
        if page is None or sent is None or now - sent.at > self._validity:
            return ProbeVerdict.UNKNOWN, dst
        if sent.heard_at is not None:
            other = sent.heard_at
            return (ProbeVerdict.REPEATED, dst) if other == dst else (ProbeVerdict.SHARED, other)
        sent.heard_at = dst
        page.unheard = 0
        # What comes once more is no news, and judged as what it is then.
        self._expected.pop(page.expected, None)
        return ProbeVerdict.FRESH, dst

    def age(self, src: PortRef, number: int, now: float) -> float:
        """Return how many seconds ago a probe left; 0 if that is not known any more."""
        page = self._pages.get(src)
        sent = page.probes.get(number) if page is not None else None
        return now - sent.at if sent is not None else 0.0

    def unheard(self, ref: PortRef) -> int:
        """Return how many probes left by ``ref`` since one was last heard."""
        page = self._pages.get(ref)
        return page.unheard if page is not None else 0

    def forget(self, ref: PortRef) -> None:
        """Void every outstanding probe of ``ref``."""
        page = self._pages.pop(ref, None)
        if page is not None:
            self._expected.pop(page.expected, None)
