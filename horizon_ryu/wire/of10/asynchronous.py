"""Asynchronous messages of OpenFlow 1.0 (section 5.4), and vendor messages (5.5.4)."""

from __future__ import annotations

from dataclasses import dataclass

from horizon_ryu.wire.layout import OPAQUE, Layout, record
from horizon_ryu.wire.of10.structures import MATCH10, PORT10, Match10, Port10


@dataclass(frozen=True, slots=True)
class PacketIn10:
    """OFPT_PACKET_IN; ``total_len`` is the size of the whole frame.

    Some switches add padding to ``data``, which then is longer than ``total_len``.
    """

    buffer_id: int
    total_len: int
    in_port: int
    reason: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FlowRemoved10:
    """OFPT_FLOW_REMOVED."""

    match: Match10
    cookie: int
    priority: int
    reason: int
    duration_sec: int
    duration_nsec: int
    idle_timeout: int
    packet_count: int
    byte_count: int


@dataclass(frozen=True, slots=True)
class PortStatus10:
    """OFPT_PORT_STATUS."""

    reason: int
    desc: Port10


@dataclass(frozen=True, slots=True)
class Vendor:
    """OFPT_VENDOR; ``data`` is opaque."""

    vendor: int
    data: bytes = b""


PACKET_IN: Layout[PacketIn10] = record(PacketIn10, "IHHBx", OPAQUE)
FLOW_REMOVED: Layout[FlowRemoved10] = record(FlowRemoved10, MATCH10, "QHBxIIH2xQQ")
PORT_STATUS: Layout[PortStatus10] = record(PortStatus10, "B7x", PORT10)
VENDOR: Layout[Vendor] = record(Vendor, "I", OPAQUE)
