"""Asynchronous messages of OpenFlow 1.3 (section 7.4), and experimenters' (7.5.4)."""

from __future__ import annotations

from dataclasses import dataclass

from horizon_ryu.wire.layout import OPAQUE, Layout, record
from horizon_ryu.wire.of13.match import MATCH13, OxmMatch
from horizon_ryu.wire.of13.structures import PORT13, Port13


@dataclass(frozen=True, slots=True)
class PacketIn13:
    """OFPT_PACKET_IN; ``total_len`` is the size of the whole frame.

    Some switches add padding to ``data``, which then is longer than ``total_len``.
    """

    buffer_id: int
    total_len: int
    reason: int
    table_id: int
    cookie: int
    match: OxmMatch
    data: bytes


@dataclass(frozen=True, slots=True)
class FlowRemoved13:
    """OFPT_FLOW_REMOVED."""

    cookie: int
    priority: int
    reason: int
    table_id: int
    duration_sec: int
    duration_nsec: int
    idle_timeout: int
    hard_timeout: int
    packet_count: int
    byte_count: int
    match: OxmMatch


@dataclass(frozen=True, slots=True)
class PortStatus13:
    """OFPT_PORT_STATUS."""

    reason: int
    desc: Port13


@dataclass(frozen=True, slots=True)
class Experimenter:
    """OFPT_EXPERIMENTER; ``data`` is opaque."""

    experimenter: int
    exp_type: int
    data: bytes = b""


PACKET_IN: Layout[PacketIn13] = record(PacketIn13, "IHBBQ", MATCH13, "2x", OPAQUE)
FLOW_REMOVED: Layout[FlowRemoved13] = record(FlowRemoved13, "QHBBIIHHQQ", MATCH13)
PORT_STATUS: Layout[PortStatus13] = record(PortStatus13, "B7x", PORT13)
EXPERIMENTER: Layout[Experimenter] = record(Experimenter, "II", OPAQUE)
