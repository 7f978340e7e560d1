"""Events of Discovery: what it publishes and what others may tell it, immutable."""

from __future__ import annotations

from dataclasses import dataclass

from ryu.controller.event import EventBase

from horizon_ryu.core.topology import TopologyChange, TopologyView

# Ryu starts the application of this name for whoever observes one of these events.
_SERVICE_NAME = "horizon_ryu.discovery"


@dataclass(frozen=True)
class EventTopologyChanged(EventBase):
    """The network is another one: ``changes`` led to ``view``, in this order."""

    view: TopologyView
    changes: tuple[TopologyChange, ...]


@dataclass(frozen=True)
class EventSetProbeInterval(EventBase):
    """Send rounds of probes this many seconds apart (report 3.5, third timer)."""

    seconds: float
