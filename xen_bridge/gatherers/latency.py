"""The latency gatherer (report 2.3.6): round-trip times to the neighbors, as ping tells them."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence

from xen_bridge.errors import InvalidRequest
from xen_bridge.gatherers.echo import EchoHeard, EchoProbe
from xen_bridge.gatherers.rounds import rounds
from xen_bridge.netlink.constants import NUD_REACHABLE
from xen_bridge.netlink.neighbors import KernelNeighbor
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol.documents.measures import (
    IterationNeighbor,
    LatencyIteration,
    LatencyMeasures,
    LatencySampling,
    NeighborData,
    RttData,
)
from xen_bridge.runtime.port import Runtime

TIMEOUT = 1.0
"""Seconds to wait for replies after the last request of an iteration."""
PROMPT = 0.1
"""Seconds that sending and reading block at most."""
PAUSE = 0.05
"""Seconds between two readings when replies are late."""
WARM_UP = 0.01
"""Seconds after which the kernel keeps the times of packets."""
MOST = 64
"""Neighbors probed at once: as many as a request may name."""


class LatencyGatherer:
    """Probes the neighbors of the machine it runs in, Domain 0 or a virtual router."""

    def __init__(self, netlink: Netlink) -> None:
        self._netlink = netlink

    def get_measures(self, sampling: LatencySampling, runtime: Runtime) -> LatencyMeasures:
        """Return the iterations asked for; all neighbors of one are probed side by side.

        Without neighbors in ``sampling`` they are those of the kernel's table at the beginning of
        each iteration, 64 at most, those reachable first. Raises RequestUnsupported if this process
        may not send ICMP, InvalidRequest for a neighbor that cannot be probed.
        """
        given = self._given(sampling, runtime)
        probe = EchoProbe()
        found = []
        try:
            for number, at in rounds(sampling.iterations, sampling.interval, runtime):
                addresses = given or known_neighbors(runtime.in_thread(self._netlink.neighbors))
                addresses = addresses[:MOST]
                _probe(probe, addresses, sampling, runtime)
                neighbors = tuple(_neighbor(*heard) for heard in probe.heard.items())
                found.append(LatencyIteration(number, at, neighbors))
        finally:
            probe.close()
        return LatencyMeasures(iterations=tuple(found))

    def _given(self, sampling: LatencySampling, runtime: Runtime) -> tuple[str, ...]:
        given = check_neighbors(sampling.neighbors)
        broadcasts = (
            {item.broadcast for item in runtime.in_thread(self._netlink.addresses)}
            if given
            else set()
        )
        for index, text in enumerate(sampling.neighbors):
            if text in broadcasts:
                raise InvalidRequest(("latency", "neighbors", str(index)), "is a broadcast address")
        return given


def check_neighbors(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the addresses, written as usual and each once.

    Raises InvalidRequest for what is no unicast address, and for a link-local IPv6 address, which
    names no machine without an interface.
    """
    found: dict[str, None] = {}
    for index, text in enumerate(texts):
        try:
            address = ipaddress.ip_address(text)
            wrong = _unfit(address)
        except ValueError:
            wrong = "is not an IP address"
        if wrong:
            raise InvalidRequest(("latency", "neighbors", str(index)), wrong)
        found[str(address)] = None
    return tuple(found)


def _unfit(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str | None:
    if address.is_multicast or str(address) == "255.255.255.255":
        return "is a multicast or broadcast address"
    if address.is_unspecified:
        return "is the unspecified address"
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_link_local or address.scope_id:
            return "is link-local: it names no machine without an interface"
        if address.ipv4_mapped:
            return "is an IPv4 address written as IPv6"
    return None


def known_neighbors(table: Sequence[KernelNeighbor]) -> tuple[str, ...]:
    """Return the addresses of a neighbor table, each once, those reachable first."""
    ordered = sorted(table, key=lambda item: not item.state & NUD_REACHABLE)
    found = dict.fromkeys(item.address for item in ordered)
    return tuple(found)


def _probe(
    probe: EchoProbe, addresses: Sequence[str], sampling: LatencySampling, runtime: Runtime
) -> None:
    """Send the requests ``ping_interval`` apart, and wait for what comes back."""
    if runtime.in_thread(probe.begin, addresses):
        runtime.sleep_until(runtime.now() + WARM_UP)
    if not addresses:
        return
    start = runtime.now()
    for sequence in range(sampling.pings):
        runtime.sleep_until(start + sequence * sampling.ping_interval)
        runtime.in_thread(_send_and_read, probe, sequence, min(PROMPT, sampling.ping_interval / 2))
    end = runtime.now() + TIMEOUT
    while probe.waiting and runtime.now() < end:
        # The kernel keeps the times: there is no hurry to read.
        runtime.sleep_until(min(runtime.now() + PAUSE, end))
        runtime.in_thread(probe.collect, 0.0)


def _send_and_read(probe: EchoProbe, sequence: int, seconds: float) -> None:
    """Send, and read what comes back soon; later replies wait in the socket."""
    probe.send(sequence)
    probe.collect(seconds)


def _neighbor(address: str, heard: EchoHeard) -> IterationNeighbor:
    sent, received = heard.transmitted, len(heard.rtts)
    taken = max(heard.ended - heard.began, 0.0) * 1000
    data = NeighborData(
        packets_transmitted=sent,
        packets_received=received,
        packet_loss_percent=round(100 * (sent - received) / sent, 3) if sent else 0.0,
        time_taken=round(taken),
        rtt=round_trip_times(heard.rtts),
    )
    return IterationNeighbor(address, data)


def round_trip_times(rtts: Sequence[float]) -> RttData | None:
    """Return what ping says of round-trip times; None of none.

    Its ``mdev`` is the standard deviation: the root of the mean square minus the squared mean.
    """
    if not rtts:
        return None
    mean = math.fsum(rtts) / len(rtts)
    variance = math.fsum(rtt * rtt for rtt in rtts) / len(rtts) - mean * mean
    return RttData(
        minimum=round(min(rtts), 3),
        average=round(mean, 3),
        maximum=round(max(rtts), 3),
        mean_deviation=round(math.sqrt(max(variance, 0.0)), 3),
    )
