"""Runs inside the controller: Horizon's Discovery, and each change of its links reported."""

from __future__ import annotations

from ryu.base import app_manager
from ryu.controller.handler import set_ev_cls

from bench.controller import report
from horizon_ryu.app import HorizonApp
from horizon_ryu.discovery_events import EventTopologyChanged


class Watch(HorizonApp):
    """Counts the links that Discovery knows."""

    @set_ev_cls(EventTopologyChanged)  # type: ignore[untyped-decorator]
    def _topology_changed(self, event: EventTopologyChanged) -> None:
        report(links=len(event.view.links))


app_manager.require_app("horizon_ryu.discovery")
