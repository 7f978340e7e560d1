"""Presence of a slice on a switch: its connections, its ports, its limits and its counters."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from horizon_ryu.core.slicing.latency import SliceLatency
from horizon_ryu.core.slicing.limits import Limited, RateLimiter
from horizon_ryu.core.slicing.slice_settings import BandwidthMode, SliceSettings
from horizon_ryu.slicer.actions10 import SliceMarks
from horizon_ryu.slicer.lldp_trailer import ProbeOrigin

MOST_BUFFERS = 256
"""Buffered frames that one connection may still name."""
DEFAULT_MISS_SEND_LEN = 128
_PACKET_INS = Limited.PACKET_INS


class TenantConnection:
    """One controller of a slice, as it is connected to one switch.

    ``say`` takes whole messages for it. ``granted``: the buffers that it may name, each with the
    header of the frame in it.
    """

    def __init__(
        self, slice_name: str, say: Callable[[bytes], None], is_monitor: bool = False
    ) -> None:
        self.slice_name = slice_name
        self.say = say
        self.is_monitor = is_monitor
        self.miss_send_len = DEFAULT_MISS_SEND_LEN
        self.latency = SliceLatency()
        """What is added to its messages: counted with those of its slice, once it takes part."""
        self._granted: OrderedDict[int, int] = OrderedDict()

    def grant(self, buffer_id: int, header: int) -> None:
        """Let the tenant name a buffer."""
        self._granted.pop(buffer_id, None)
        self._granted[buffer_id] = header
        if len(self._granted) > MOST_BUFFERS:
            self._granted.popitem(last=False)

    def consume(self, buffer_id: int) -> int | None:
        """Return the header of a buffered frame and forget it; None if it was not granted."""
        return self._granted.pop(buffer_id, None)

    def header_of(self, buffer_id: int) -> int | None:
        """Return the header of a buffered frame; None if it was not granted."""
        return self._granted.get(buffer_id)


class SeenProbe(NamedTuple):
    """LLDP of a slice that came over a cable: where it had left the switches, and when it came."""

    origin: ProbeOrigin
    at: float


@dataclass(slots=True)
class SlicePresence:
    """What one slice has on one switch; ``shared`` are its rates on all switches together."""

    settings: SliceSettings
    shared: RateLimiter
    own: RateLimiter | None = None
    connections: list[TenantConnection] = field(default_factory=list)
    no_flood: set[int] = field(default_factory=set)
    counted: Counter[str] = field(default_factory=Counter)
    """Messages by direction and type, such as ``tenant.flow_mod``."""
    refused: Counter[str] = field(default_factory=Counter)
    """Messages of the tenant by the reason for which they were refused."""
    latency: SliceLatency = field(default_factory=SliceLatency)
    probes: dict[int, SeenProbe] = field(default_factory=dict)
    """The slice's LLDP that came in last, by the port."""
    bandwidth_fault: str | None = None
    """Why the bandwidth of the slice is not held here; None where it is, or none is asked for."""

    def admit(self, kind: Limited, now: float) -> bool:
        """Take a token from the slice's rates; most have none of the kind."""
        own, shared = self.own, self.shared
        if own is not None and own.buckets and not own.admit(kind, now):
            return False
        return not shared.buckets or shared.admit(kind, now)

    def admit_frame(self, now: float) -> list[TenantConnection]:
        """Return who may be told of one more frame, and count it."""
        if not self.connections:
            return []
        if not self.admit(_PACKET_INS, now):
            self.refused[_PACKET_INS] += 1
            return []
        self.counted["switch.packet_in"] += 1
        return self.connections

    def quota(self, dpid: int, kind: str) -> int | None:
        """Return how many things the slice may have on a switch; None without a limit.

        ``kind``: the field of the limits, ``groups`` or ``meters``.
        """
        settings = self.settings
        here = settings.per_switch.get(dpid)
        found: int | None = None if here is None else getattr(here, kind)
        return getattr(settings.limits, kind) if found is None else found

    def marks(self, ports: frozenset[int]) -> SliceMarks:
        """Return what the frames of the slice are marked with."""
        share = self.settings.bandwidth
        if share is None or share.value is None:
            return SliceMarks()
        if share.mode is BandwidthMode.VLAN_PCP:
            return SliceMarks(vlan_pcp=share.value)
        if share.mode is BandwidthMode.IP_TOS:
            return SliceMarks(nw_tos=share.value)
        if share.mode is BandwidthMode.QUEUE:
            return SliceMarks(queues=tuple((port, share.value) for port in sorted(ports)))
        return SliceMarks()
