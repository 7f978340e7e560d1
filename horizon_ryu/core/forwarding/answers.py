"""Answers: what becomes of one frame, as messages to its switch or to that of its destination."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from horizon_ryu.core import frames
from horizon_ryu.core.frames import Arp
from horizon_ryu.core.port_frames import sent_by
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import Action, DropBuffered, Flood, Outgoing, PacketIn, PacketOut

Answer: TypeAlias = tuple[bool, Sequence[Outgoing]]
"""Whether the frame is consumed, and what to send."""

PASSED: Answer = (False, ())
DROPPED: Answer = (True, ())
FloodActions: TypeAlias = Callable[[int | None, int, int], tuple[Action, ...]]
"""Returns what floods a frame of a VLAN that came in at a switch by a port."""


def along_the_tree(_vlan: int | None, _dpid: int, _in_port: int) -> tuple[Action, ...]:
    """Return what floods a frame where the tree is the same for all VLANs."""
    return (Flood(),)


def flooded(flood: FloodActions, packet: PacketIn, vlan: int | None) -> list[Outgoing]:
    """Return what floods a frame along the tree of its VLAN."""
    actions = flood(vlan, packet.dpid, packet.in_port)
    return [Outgoing(packet.dpid, PacketOut(actions, packet.data, packet.in_port))]


def delivered(packet: PacketIn, there: PortRef) -> list[Outgoing]:
    """Return what emits a frame at ``there``."""
    if there.port_no == packet.in_port and there.dpid == packet.dpid:
        # Both stations sit behind this port and have heard each other there.
        return []
    return [sent_by(there, packet.data)]


def arp_answer(packet: PacketIn, arp: Arp, mac: bytes, vlan: int | None) -> Answer:
    """Answer a question by ARP where it came in."""
    reply = frames.build_arp_reply(mac, arp.tpa, arp.sha, arp.spa, vlan)
    return True, [sent_by(PortRef(packet.dpid, packet.in_port), reply)]


def free_buffer(packet: PacketIn, answer: Answer) -> Answer:
    """Have the switch give up its copy of a frame that was consumed."""
    consumed, messages = answer
    if not consumed or packet.buffer_id is None:
        return answer
    return True, [*messages, Outgoing(packet.dpid, DropBuffered(packet.buffer_id, packet.in_port))]
