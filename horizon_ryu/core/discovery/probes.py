"""The book of probes: which were sent, which may still be heard, and which were heard where."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum
from hmac import compare_digest
from typing import NamedTuple

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


@dataclass(slots=True)
class _Sent:
    at: float
    heard_at: PortRef | None = None
    tag: bytes = b""


class ExpectedProbe(NamedTuple):
    """The newest probe of a port, until it is heard: where it left, and its number."""

    src: PortRef
    number: int


@dataclass(slots=True)
class _Page:
    """The outstanding probes of one port, oldest first, and how many went unheard in a row."""

    probes: OrderedDict[int, _Sent] = field(default_factory=OrderedDict)
    unheard: int = 0
    expected: bytes = b""


class OutstandingProbes:
    """Numbers probes, and accepts each only once, only soon, only from the port it left by."""

    def __init__(self, validity: float, kept: int = 64, first_number: int = 1) -> None:
        """Probes count up from ``first_number``: books far apart have no number in common."""
        self._validity = validity
        self._kept = kept
        self._pages: dict[PortRef, _Page] = {}
        self._expected: dict[bytes, ExpectedProbe] = {}
        self.next_number = first_number

    def issue(self, ref: PortRef, now: float) -> int:
        """Return the number for a probe that leaves by ``ref`` now."""
        number = self.next_number
        self.next_number += 1
        page = self._pages.get(ref)
        if page is None:
            page = self._pages[ref] = _Page()
        page.probes[number] = _Sent(now)
        page.unheard += 1
        oldest = page.probes[next(iter(page.probes))]
        if len(page.probes) > self._kept or now - oldest.at > self._validity:
            self._tear_out(page, now)
        return number

    def signed(self, ref: PortRef, number: int, tag: bytes) -> None:
        """Remember the signature of a probe that was issued just now."""
        self._pages[ref].probes[number].tag = tag

    def left(self, ref: PortRef, number: int, frame: bytes) -> None:
        """Expect the frame of the newest probe of a port."""
        page = self._pages[ref]
        self._expected.pop(page.expected, None)
        page.expected = frame
        self._expected[frame] = ExpectedProbe(ref, number)

    def expected(self, frame: bytes) -> ExpectedProbe | None:
        """Return which probe a frame is, to the last byte; None for those that are not expected.

        Who guesses learns nothing from how long this takes: frames are told apart by a hash with
        a secret of this process.
        """
        return self._expected.get(frame)

    def knows(self, src: PortRef, number: int, tag: bytes) -> bool:
        """Tell, in constant time, whether an outstanding probe has this signature."""
        page = self._pages.get(src)
        sent = page.probes.get(number) if page is not None else None
        return sent is not None and bool(sent.tag) and compare_digest(sent.tag, tag)

    def _tear_out(self, page: _Page, now: float) -> None:
        """Drop the oldest probes: the ones too old to be heard, and those beyond the cap."""
        while len(page.probes) > 1:
            number, oldest = next(iter(page.probes.items()))
            if len(page.probes) <= self._kept and now - oldest.at <= self._validity:
                return
            del page.probes[number]

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
