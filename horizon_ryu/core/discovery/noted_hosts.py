"""Noted hosts: the caps of the host table, and what a frame of a station leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from horizon_ryu.core.topology import PortRef, TopologyChange
from horizon_ryu.wire.messages import Outgoing


@dataclass(frozen=True, slots=True)
class HostLimits:
    """Caps that keep a flood of made-up addresses from filling memory."""

    hosts: int = 65_536
    hosts_per_port: int = 2_048
    addresses_per_host: int = 16
    move_window: float = 1.0
    hosts_per_switch: int = 8_192
    idle: float = 300.0


class Noted(NamedTuple):
    """What a frame taught: changes to publish and messages to send."""

    changes: tuple[TopologyChange, ...] = ()
    messages: tuple[Outgoing, ...] = ()


class Move(NamedTuple):
    """A station that showed up at ``new``; decided at ``deadline`` unless ``exposed`` before."""

    new: PortRef
    deadline: float
    exposed: bool = False


class Entrance(NamedTuple):
    """Whether a station may be learned, and what was changed for it."""

    may_enter: bool
    changes: tuple[TopologyChange, ...]


NOTHING = Noted()
