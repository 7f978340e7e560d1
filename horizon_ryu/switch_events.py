"""Events of switches, immutable. Published by ``horizon_ryu.switches``."""

from __future__ import annotations

from dataclasses import dataclass

from ryu.controller.event import EventBase

from horizon_ryu.core.topology import Port, Switch

# Ryu starts the application of this name for whoever observes one of these events.
_SERVICE_NAME = "horizon_ryu.switches"


@dataclass(frozen=True)
class EventSwitchJoining(EventBase):
    """A switch has told its dpid and is not under control yet."""

    dpid: int


@dataclass(frozen=True)
class EventSwitchConnected(EventBase):
    """The handshake is complete and the ports are known."""

    switch: Switch


@dataclass(frozen=True)
class EventSwitchLeft(EventBase):
    """The connection of a switch that was connected or joining is gone."""

    dpid: int


@dataclass(frozen=True)
class EventPortChanged(EventBase):
    """A port was added or changed, or removed when ``port`` is None."""

    dpid: int
    port_no: int
    port: Port | None
