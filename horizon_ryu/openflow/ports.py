"""Ryu's port descriptions of both versions as ports of the core."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from ryu.lib.mac import haddr_to_bin

from horizon_ryu.core.topology import MAX_PHYSICAL_PORT, Port

_PORT_DOWN = 1
_LINK_DOWN = 1
_NO_FLOOD = 1 << 4
# Feature bits, the same on 1.0 (5.2.1) and 1.3 (7.2.1) up to 10 Gbit/s; the fastest wins.
_SPEEDS = (
    (0b11, 10_000),
    (0b1100, 100_000),
    (0b11_0000, 1_000_000),
    (1 << 6, 10_000_000),
)
_SPEEDS_13 = ((1 << 7, 40_000_000), (1 << 8, 100_000_000), (1 << 9, 1_000_000_000))


def read_port(described: Any, openflow: int) -> Port | None:
    """Return the port that Ryu parsed; None for reserved ports, the switch's own among them."""
    number = int(described.port_no)
    if not 0 < number <= MAX_PHYSICAL_PORT:
        return None
    name = described.name.rstrip(b"\0").decode("utf-8", "replace")
    return Port(
        port_no=number,
        name=name,
        hw_addr=haddr_to_bin(described.hw_addr),
        up=not described.config & _PORT_DOWN and not described.state & _LINK_DOWN,
        speed_kbps=_speed(described, openflow),
        no_flood=openflow == 1 and bool(described.config & _NO_FLOOD),
    )


def read_ports(described: Iterable[Any], openflow: int) -> MappingProxyType[int, Port]:
    """Return the physical ports by number."""
    ports = (read_port(port, openflow) for port in described)
    return MappingProxyType({port.port_no: port for port in ports if port is not None})


def _speed(described: Any, openflow: int) -> int:
    """Return kbit/s: what the port says, else what its features allow, else 0."""
    said = int(getattr(described, "curr_speed", 0))
    if said:
        return said
    table = _SPEEDS if openflow == 1 else (*_SPEEDS, *_SPEEDS_13)
    return max((speed for bits, speed in table if described.curr & bits), default=0)
