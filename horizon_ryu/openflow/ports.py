"""Ryu's port descriptions of both versions as ports of the core."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from ryu.lib.mac import haddr_to_bin

from horizon_ryu.core.topology import Port, is_port
from horizon_ryu.wire import reserved_ports
from horizon_ryu.wire.capabilities import capabilities_of
from horizon_ryu.wire.messages import LOCAL_PORT
from horizon_ryu.wire.ofp10 import OFPPC, OFPPS
from horizon_ryu.wire.stats.mapping import SPEEDS


def port_number(described: Any, openflow: int) -> int:
    """Return the number of the port that Ryu parsed, as 1.3 has it."""
    return reserved_ports.port_number(openflow, int(described.port_no))


def read_port(described: Any, openflow: int) -> Port | None:
    """Return the port that Ryu parsed; None for reserved ports.

    The switch's own is one while it is up: most machines do not use it, and it is no matter then.
    """
    number = port_number(described, openflow)
    is_up = not described.config & OFPPC.PORT_DOWN and not described.state & OFPPS.LINK_DOWN
    if not is_port(number) or (number == LOCAL_PORT and not is_up):
        return None
    name = described.name.rstrip(b"\0").decode("utf-8", "replace")
    return Port(
        port_no=number,
        name=name,
        hw_addr=haddr_to_bin(described.hw_addr),
        up=is_up,
        speed_kbps=_speed(described, openflow),
        no_flood=not capabilities_of(openflow).flood_group
        and bool(described.config & OFPPC.NO_FLOOD),
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
    return max((speed for bits, speed in SPEEDS[openflow] if described.curr & bits), default=0)
