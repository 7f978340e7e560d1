"""Port frames: frames of ours that leave by one port of one switch."""

from __future__ import annotations

from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import Outgoing, Output, PacketOut


def sent_by(ref: PortRef, frame: bytes) -> Outgoing:
    """Return what has a frame leave by a port."""
    return Outgoing(ref.dpid, PacketOut((Output(ref.port_no),), frame))
