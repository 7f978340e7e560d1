"""UDP traffic through a network under test: how fast it may be, and whether any of it was lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from tools.controller_process import wait_until
from topologies.driver import SYSTEM_PYTHON, MininetProcess, Ran
from topologies.graphs import GraphHost

PROBE = Path(__file__).with_name("udp_probe.py")
PORT = 5001
SMALL_PACKET = 46
"""IP packet of the smallest Ethernet frame: 64 bytes with the FCS (report 4.1.2)."""
LARGE_PACKET = 1500
"""IP packet of the largest Ethernet frame (report 4.1.2)."""
LOWEST_RATE = 500
FIRST_RATE = 8_000
HIGHEST_RATE = 120_000
"""Datagrams per second; beyond it the sender itself does not keep up."""
FULL_SHARE = 0.97
"""Part of what was due that a sender must have sent for the rate to count as reached."""
SHARE = 0.7
"""Part of the highest rate without loss that is used while something is tested."""
ROUGHLY = 0.3
"""Part of the highest rate to which it need be known, where a share of it is used."""
PATIENCE_SECONDS = 60.0
"""For the machine to have the time for the lowest rate."""
FINISH_SECONDS = 45.0
QUEUE_BYTES = 32 << 20
"""For the frames that wait at one port of a switch."""


@dataclass
class Traffic:
    """What was sent and what came of it; all zero until the traffic has ended.

    ``skipped`` datagrams were due but never sent: the sender did not get the processor in time.
    ``dropped`` reached the receiving host, whose socket had no room. ``reordered``, ``farthest``,
    ``silence`` and ``gaps`` are explained in udp_probe.py.
    """

    sent: int = 0
    skipped: int = 0
    seconds: float = 0.0
    received: int = 0
    duplicated: int = 0
    reordered: int = 0
    farthest: int = 0
    dropped: int = 0
    silence: float = 0.0
    gaps: tuple[tuple[int, int], ...] = ()

    @property
    def lost(self) -> int:
        """Datagrams that did not arrive."""
        return self.sent - self.received

    def __str__(self) -> str:
        rate = self.sent / self.seconds if self.seconds else 0.0
        return (
            f"{self.sent} sent at {rate:.0f}/s, {self.lost} lost, {self.duplicated} duplicated, "
            f"{self.reordered} reordered (by {self.farthest} at most)"
        )

    def expect_intact(self) -> None:
        """AssertionError unless there was traffic and each datagram arrived exactly once."""
        if not self.sent:
            raise AssertionError("nothing was sent")
        if self.lost or self.duplicated:
            where = f"missing {list(self.gaps)}; {self.dropped} dropped by the receiving host"
            raise AssertionError(f"{self}; {where}")

    def note(self, sender: dict[str, Any], receiver: dict[str, Any]) -> None:
        """Take over what the two ends printed."""
        self.sent, self.skipped = sender["sent"], sender["skipped"]
        self.seconds = sender["seconds"]
        for name in ("received", "duplicated", "reordered", "farthest", "dropped", "silence"):
            setattr(self, name, receiver[name])
        self.gaps = tuple((first, last) for first, last in receiver["gaps"])


@dataclass(frozen=True)
class TrafficRoute:
    """Who sends to whom: packets of ``packet`` bytes to ``ports`` UDP ports from PORT on."""

    network: MininetProcess
    source: GraphHost
    target: GraphHost
    packet: int = SMALL_PACKET
    ports: int = 1

    @contextmanager
    def traffic(self, rate: float) -> Iterator[Traffic]:
        """Send while the block runs; the counts are there when it has ended."""
        traffic = Traffic()
        receiver, sender = self._start(rate)
        try:
            yield traffic
        finally:
            sent = _counts(self.network.interrupt(sender, FINISH_SECONDS))
            traffic.note(sent, _counts(self.network.interrupt(receiver, FINISH_SECONDS)))

    def burst(self, rate: float, seconds: float) -> Traffic:
        """Send for so long and return what came of it."""
        receiver, sender = self._start(rate, "--seconds", f"{seconds:g}")
        sent = _counts(self.network.wait(sender, seconds + FINISH_SECONDS))
        traffic = Traffic()
        traffic.note(sent, _counts(self.network.interrupt(receiver, FINISH_SECONDS)))
        return traffic

    def _start(self, rate: float, *options: str) -> tuple[int, int]:
        """Start both ends; return the receiver's job and the sender's."""
        ports = ("--ports", str(self.ports))
        receiver = self._spawn(self.target, "receive", str(PORT), *ports)
        self.network.wait_for_output(receiver, "receiving")
        sizes = ("--rate", f"{rate:g}", "--packet", str(self.packet))
        where = ("send", self.target.ip, str(PORT))
        sender = self._spawn(self.source, *where, *sizes, *ports, *options)
        self.network.wait_for_output(sender, "sending")
        return receiver, sender

    def _spawn(self, host: GraphHost, *words: str) -> int:
        return self.network.spawn(host.name, [SYSTEM_PYTHON, str(PROBE), *words])

    def holds(self, rate: float, seconds: float = 1.0) -> bool:
        """Tell whether a short run goes through whole, with a sender that keeps up.

        At the lowest rate it need not: that is for a machine that has little time at all.
        """
        traffic = self.burst(rate, seconds)
        due = 1 if rate <= LOWEST_RATE else FULL_SHARE * rate * traffic.seconds
        enough = traffic.sent >= due
        return enough and not traffic.lost and not traffic.duplicated

    def steady_rate(self) -> Rate:
        """Find out what goes through just now, and a rate with some room below that.

        The room is for what else runs on the machine during a test. A machine that is too busy
        even for the lowest rate is waited for; AssertionError after PATIENCE_SECONDS.
        """
        lowest = f"{LOWEST_RATE} datagrams a second go through"
        wait_until(lambda: self.holds(LOWEST_RATE), PATIENCE_SECONDS, lowest)
        highest = highest_rate(self.holds, precision=ROUGHLY)
        slower = (max(int(highest * SHARE**times), LOWEST_RATE) for times in count(1))

        def next_that_holds() -> int:
            rate = next(slower)
            return rate if self.holds(rate, seconds=3.0) else 0

        steady = wait_until(next_that_holds, PATIENCE_SECONDS, f"{lowest} for 3 s")
        return Rate(highest, steady)


class Rate(NamedTuple):
    """Datagrams per second: the most that went through, and what is used."""

    highest: int
    steady: int


def highest_rate(
    holds: Callable[[int], bool],
    first: int = FIRST_RATE,
    highest: int = HIGHEST_RATE,
    precision: float = 0.1,
) -> int:
    """Return the highest rate that holds: by doubling, then halving the gap down to ``precision``.

    LOWEST_RATE is known to hold.
    """
    good, bad = LOWEST_RATE, min(first, highest)
    while bad <= highest and holds(bad):
        good, bad = bad, bad * 2
    bad = min(bad, highest)
    while bad - good > precision * good:
        middle = (good + bad) // 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return good


@contextmanager
def roomy_queues() -> Iterator[None]:
    """Give the switches that are started in the block room for frames while they do not run.

    A user-space switch takes frames from a socket for each port. The system's default size holds
    what comes in some 10 ms, and the controller and its tests keep the processors for longer.
    """
    setting = Path("/proc/sys/net/core/rmem_default")
    before = setting.read_text(encoding="ascii")
    if int(before) >= QUEUE_BYTES:
        # By whoever works beside us. Within a sandbox it cannot be changed.
        yield
        return
    setting.write_text(str(QUEUE_BYTES), encoding="ascii")
    try:
        yield
    finally:
        setting.write_text(before, encoding="ascii")


def _counts(ran: Ran) -> dict[str, Any]:
    try:
        counts: dict[str, Any] = json.loads(ran.output.splitlines()[-1])
    except (IndexError, ValueError):
        raise AssertionError(f"the probe ended with {ran.output.strip()[-500:]!r}") from None
    return counts
