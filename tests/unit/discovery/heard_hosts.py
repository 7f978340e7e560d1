"""Frames that hosts send into a small network, for the tests of what Discovery learns of them."""

from __future__ import annotations

from horizon_ryu.core import frames
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import Outgoing, PacketIn
from unit.discovery.small_network import SmallNetwork

ALICE, BOB, EVE = (bytes((0x0A, 0, 0, 0, 0, number)) for number in (1, 2, 3))


def address(number: int) -> bytes:
    return bytes((10, 0, 0, number))


def hear(network: SmallNetwork, ref: PortRef, data: bytes) -> tuple[Outgoing, ...]:
    frame = frames.decode(data)
    assert frame is not None
    return network.core.host_frame(PacketIn(ref.dpid, ref.port_no, data), frame, network.now)


def asks(
    network: SmallNetwork,
    ref: PortRef,
    mac: bytes = ALICE,
    ip: int = 1,
    vlan: int | None = None,
) -> tuple[Outgoing, ...]:
    return hear(network, ref, frames.build_arp_request(mac, address(ip), address(99), vlan))
