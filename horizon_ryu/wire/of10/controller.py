"""Controller's messages of OpenFlow 1.0 that change a switch (5.3.3 and 5.3.6)."""

from __future__ import annotations

from dataclasses import dataclass

from horizon_ryu.wire.layout import OPAQUE, Layout, record, sized
from horizon_ryu.wire.of10.structures import ACTIONS10, MATCH10, Action10, Match10


@dataclass(frozen=True, slots=True)
class FlowMod10:
    """OFPT_FLOW_MOD."""

    match: Match10
    cookie: int
    command: int
    idle_timeout: int
    hard_timeout: int
    priority: int
    buffer_id: int
    out_port: int
    flags: int
    actions: tuple[Action10, ...] = ()


@dataclass(frozen=True, slots=True)
class PacketOut10:
    """OFPT_PACKET_OUT; ``data`` is there only without a ``buffer_id``."""

    buffer_id: int
    in_port: int
    actions: tuple[Action10, ...] = ()
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class PortMod10:
    """OFPT_PORT_MOD."""

    port_no: int
    hw_addr: bytes
    config: int
    mask: int
    advertise: int


FLOW_MOD: Layout[FlowMod10] = record(FlowMod10, MATCH10, "QHHHHIHH", ACTIONS10)
PACKET_OUT: Layout[PacketOut10] = record(PacketOut10, "IH", sized("H", ACTIONS10), OPAQUE)
PORT_MOD: Layout[PortMod10] = record(PortMod10, "H6sIII4x")
