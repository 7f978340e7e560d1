"""Measures as the report writes them: listings 2.1 to 2.6, tag for tag.

Times of an iteration are seconds since 1970; memory is in kB; round-trip times and ``TimeTaken``
are in milliseconds; counters only ever grow. The viewpoint of a domain's counters is xentop's:
what Domain 0 received on the vif is what the guest transmitted.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar

from xen_bridge.errors import InvalidRequest
from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field

XENTOP, IFCONFIG, LATENCY, MEMORY = 1, 2, 3, 4
"""MeasureToolId of the listings."""

ADDRESS = r"[0-9A-Fa-f:.]{2,45}"
"""An IP address, roughly; the ipaddress module has the last word."""
MAX_SECONDS = 3600.0
"""Of one request, all its iterations together."""


@document_form
class UsedGatherers:
    """Which gatherers to use (listing 2.1); all four are named, in any order."""

    ORDERED: ClassVar[bool] = False
    STRICT: ClassVar[bool] = True
    ifconfig: bool = document_field(False, tag="ifconfigGatherer")
    xentop: bool = document_field(False, tag="xentopGatherer")
    latency: bool = document_field(False, tag="latencyGatherer")
    memory: bool = document_field(False, tag="memGatherer")


@document_form
class Sampling:
    """How often to measure: ``interval`` is in seconds, between the beginnings of iterations."""

    ORDERED: ClassVar[bool] = False
    iterations: int = document_field(1, tag="iterations", least=1, most=1000)
    interval: float = document_field(1.0, tag="interval", least=0.01, most=600)

    @property
    def seconds(self) -> float:
        """How long it takes at least."""
        return (self.iterations - 1) * self.interval


@document_form
class LatencySampling:
    """As :class:`Sampling`, and how to probe each neighbor; ``ping_interval`` is in seconds.

    Without ``neighbors``, those of the node's neighbor table are probed.
    """

    iterations: int = document_field(1, tag="iterations", least=1, most=1000)
    interval: float = document_field(1.0, tag="interval", least=0.01, most=600)
    pings: int = document_field(4, tag="pings", least=1, most=1000)
    ping_interval: float = document_field(0.2, tag="pingInterval", least=0.01, most=60)
    neighbors: tuple[str, ...] = document_field((), tag="neighbor", pattern=ADDRESS, at_most=64)

    @property
    def seconds(self) -> float:
        """How long it takes at least."""
        probing = (self.pings - 1) * self.ping_interval
        return (self.iterations - 1) * max(self.interval, probing) + probing


@document_form
class GathererParameters:
    """What should not have its default value (listing 2.1)."""

    ORDERED: ClassVar[bool] = False
    ifconfig: Sampling | None = document_field(None, tag="ifconfigGatherer")
    xentop: Sampling | None = document_field(None, tag="xentopGatherer")
    latency: LatencySampling | None = document_field(None, tag="latencyGatherer")
    memory: Sampling | None = document_field(None, tag="memGatherer")


@document_form
class Measures:
    """How the measures should be done (listing 2.1)."""

    used: UsedGatherers = document_field(tag="UsedGatherers")
    parameters: GathererParameters | None = document_field(None, tag="GathererParameters")

    def sampling(self) -> dict[str, Any]:
        """Return how each gatherer in use samples, by its name, in the order of the ids."""
        given = self.parameters or GathererParameters()
        chosen: dict[str, Any] = {}
        for name, default in (
            ("xentop", Sampling()),
            ("ifconfig", Sampling()),
            ("latency", LatencySampling()),
            ("memory", Sampling()),
        ):
            if getattr(self.used, name):
                chosen[name] = getattr(given, name) or default
        return chosen

    @property
    def seconds(self) -> float:
        """How long it takes at least: the gatherers run side by side."""
        return max((sampling.seconds for sampling in self.sampling().values()), default=0.0)

    @property
    def seconds_at_most(self) -> float:
        """How long it may take: an iteration before the first (xentop), and silent neighbors."""
        return self.seconds + max((one.interval for one in self.sampling().values()), default=0.0)

    def check_length(self) -> None:
        """Raise InvalidRequest if a request would take longer than an hour."""
        for name, sampling in self.sampling().items():
            if sampling.seconds > MAX_SECONDS:
                raise InvalidRequest((name, "iterations"), f"takes more than {MAX_SECONDS:g} s")


# ---- xentop (listing 2.3)


@document_form
class VirtualInterface:
    """The counters of one vif, seen from Domain 0."""

    number: int = document_field(tag="NetworkInterfaceNumber", least=0)
    received_bytes: int = document_field(least=0)
    received_packets: int = document_field(least=0)
    reception_errors: int = document_field(least=0)
    reception_drops: int = document_field(least=0)
    transmitted_bytes: int = document_field(least=0)
    transmitted_packets: int = document_field(least=0)
    transmission_errors: int = document_field(least=0)
    transmission_drops: int = document_field(least=0)


@document_form
class DomainUsage:
    """What one domain uses: CPU seconds so far, CPU percent of one physical CPU, memory in kB.

    None is what the host could not tell of it; a vif that could not be read is not among
    ``interfaces``, but counted.
    """

    name: str = document_field(tag="DomainName", least=1)
    cpu_time: int | None = document_field(None, tag="DomainCPUTime", least=0)
    cpu_percent: float | None = document_field(None, tag="DomainCPUPercentUsage", least=0)
    memory: int | None = document_field(None, tag="DomainMemory", least=0)
    memory_percent: float | None = document_field(None, tag="DomainMemoryPercentUsage", least=0)
    vcpus: int | None = document_field(None, tag="DomainVCPUCount", least=0)
    interface_count: int | None = document_field(None, tag="DomainNetInterfacesCount", least=0)
    interfaces: tuple[VirtualInterface, ...] = document_field((), tag="NetworkInterface")


@document_form
class XentopIteration:
    """One round of the xentop gatherer."""

    number: int = document_field(tag="IterationNum", least=1)
    at: float = document_field(tag="IterationDateTime")
    domains: tuple[DomainUsage, ...] = document_field((), tag="Domain")


# ---- memory (listing 2.4)


@document_form
class MemoryIteration:
    """One round of the memory gatherer, in kB."""

    number: int = document_field(tag="IterationNum", least=1)
    at: float = document_field(tag="IterationDateTime")
    free_mem: float = document_field(least=0)
    used_mem: float = document_field(least=0)
    total_mem: float = document_field(least=0)
    free_swap: float = document_field(least=0)
    used_swap: float = document_field(least=0)
    total_swap: float = document_field(least=0)


# ---- ifconfig (listing 2.5)


@document_form
class IPv4Address:
    """An address of an interface, its broadcast address and its mask."""

    address: str | None = document_field(None, tag="IPv4Addr", empty=True)
    broadcast: str | None = document_field(None, tag="IPv4BcastAddr", empty=True)
    netmask: str | None = document_field(None, tag="IPv4NetMask", empty=True)


@document_form
class IPv6Address:
    """An address of an interface with its prefix length, and its scope."""

    address: str | None = document_field(None, tag="IPv6Addr", empty=True)
    scope: str | None = document_field(None, tag="IPv6Scope", empty=True)


@document_form
class NetworkInterface:
    """An interface as ifconfig describes it; rates are bytes per second, None at first."""

    name: str = document_field(tag="NetworkInterfaceName", least=1)
    link_encap: str = document_field()
    link_mac: str | None = document_field(None, tag="LinkMAC", empty=True)
    ipv4: tuple[IPv4Address, ...] = document_field((), inline=True)
    ipv6: tuple[IPv6Address, ...] = document_field((), inline=True)
    link_metric: int = document_field(1)
    link_mtu: int = document_field(0, tag="LinkMTU", least=0)
    transmitted_bytes: int = document_field(0, least=0)
    transmitted_packets: int = document_field(0, least=0)
    transmission_errors: int = document_field(0, least=0)
    transmission_drops: int = document_field(0, least=0)
    transmission_overruns: int = document_field(0, least=0)
    transmission_carrier_errors: int = document_field(0, least=0)
    transmission_collisions: int = document_field(0, least=0)
    transmission_queue_length: int = document_field(0, least=0)
    transmission_rate: float | None = document_field(None, least=0, empty=True)
    received_bytes: int = document_field(0, least=0)
    received_packets: int = document_field(0, least=0)
    reception_errors: int = document_field(0, least=0)
    reception_drops: int = document_field(0, least=0)
    reception_overruns: int = document_field(0, least=0)
    reception_frame_errors: int = document_field(0, least=0)
    reception_rate: float | None = document_field(None, least=0, empty=True)


@document_form
class IfconfigIteration:
    """One round of the ifconfig gatherer."""

    number: int = document_field(tag="IterationNum", least=1)
    at: float = document_field(tag="IterationDateTime")
    interfaces: tuple[NetworkInterface, ...] = document_field((), tag="NetworkInterface")


# ---- latency (listing 2.6)


@document_form
class RttData:
    """Round-trip times in milliseconds."""

    minimum: float = document_field(tag="Min", least=0)
    average: float = document_field(tag="Avg", least=0)
    maximum: float = document_field(tag="Max", least=0)
    mean_deviation: float = document_field(tag="MDev", least=0)


@document_form
class NeighborData:
    """The probes to one neighbor; ``rtt`` is None when nothing came back."""

    packets_transmitted: int = document_field(least=0)
    packets_received: int = document_field(least=0)
    packet_loss_percent: float = document_field(tag="PercentageOfPacketLoss", least=0, most=100)
    time_taken: int = document_field(least=0)
    rtt: RttData | None = document_field(None, tag="RttData")


@document_form
class IterationNeighbor:
    """One neighbor and its latency."""

    ip: str = document_field(tag="NeighborIP", pattern=ADDRESS)
    data: NeighborData = document_field(tag="NeighborData")


@document_form
class LatencyIteration:
    """One round of the latency gatherer."""

    number: int = document_field(tag="IterationNum", least=1)
    at: float = document_field(tag="IterationDateTime")
    neighbors: tuple[IterationNeighbor, ...] = document_field((), tag="IterationNeighbor")


# ---- listing 2.2


@document_form
class XentopMeasures:
    """What the xentop gatherer measured.

    ``problem`` says why some of it is libvirt's figures, and ``failures`` how often that was so
    since the service began; None if xentop told all.
    """

    TAG: ClassVar[str] = "MeasureToolResponse"
    tool_id: int = document_field(XENTOP, tag="MeasureToolId", least=XENTOP, most=XENTOP)
    iterations: tuple[XentopIteration, ...] = document_field((), tag="Iteration")
    problem: str | None = document_field(None)
    failures: int | None = document_field(None, least=0)


@document_form
class IfconfigMeasures:
    """What the ifconfig gatherer measured."""

    TAG: ClassVar[str] = "MeasureToolResponse"
    tool_id: int = document_field(IFCONFIG, tag="MeasureToolId", least=IFCONFIG, most=IFCONFIG)
    iterations: tuple[IfconfigIteration, ...] = document_field((), tag="Iteration")


@document_form
class LatencyMeasures:
    """What the latency gatherer measured."""

    TAG: ClassVar[str] = "MeasureToolResponse"
    tool_id: int = document_field(LATENCY, tag="MeasureToolId", least=LATENCY, most=LATENCY)
    iterations: tuple[LatencyIteration, ...] = document_field((), tag="Iteration")


@document_form
class MemoryMeasures:
    """What the memory gatherer measured."""

    TAG: ClassVar[str] = "MeasureToolResponse"
    tool_id: int = document_field(MEMORY, tag="MeasureToolId", least=MEMORY, most=MEMORY)
    iterations: tuple[MemoryIteration, ...] = document_field((), tag="Iteration")


ToolMeasures = XentopMeasures | IfconfigMeasures | LatencyMeasures | MemoryMeasures

TOOLS: dict[int, type[Any]] = {
    XENTOP: XentopMeasures,
    IFCONFIG: IfconfigMeasures,
    LATENCY: LatencyMeasures,
    MEMORY: MemoryMeasures,
}


@document_form
class MeasuresAnswer:
    """The measures of one request, one entry per gatherer used."""

    xentop: XentopMeasures | None = field(default=None)
    ifconfig: IfconfigMeasures | None = field(default=None)
    latency: LatencyMeasures | None = field(default=None)
    memory: MemoryMeasures | None = field(default=None)

    def tools(self) -> tuple[ToolMeasures, ...]:
        """Return what there is, in the order of the tools' ids."""
        found = (self.xentop, self.ifconfig, self.latency, self.memory)
        return tuple(one for one in found if one is not None)


def answer_of(tools: tuple[ToolMeasures, ...]) -> MeasuresAnswer:
    """Return the answer that holds ``tools``."""
    names = {XENTOP: "xentop", IFCONFIG: "ifconfig", LATENCY: "latency", MEMORY: "memory"}
    found: dict[str, Any] = {names[tool.tool_id]: tool for tool in tools}
    return MeasuresAnswer(**found)
