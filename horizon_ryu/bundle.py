"""Every application of Horizon in one controller: ``ryu-manager horizon_ryu.bundle``.

Events in: none. Events out: none. What it requires is what it is.
"""

from __future__ import annotations

from horizon_ryu.core.collection_pause import collection_paused

# All that is loaded stays: to look through it meanwhile takes a tenth of the start.
with collection_paused():
    from ryu.base.app_manager import require_app

    from horizon_ryu.app import HorizonApp

APPLICATIONS = (
    "horizon_ryu.discovery",
    "horizon_ryu.spanning_tree",
    "horizon_ryu.forwarding",
    "horizon_ryu.flow_manager",
    "horizon_ryu.flow_migration",
    "horizon_ryu.stats",
    "horizon_ryu.xen",
)


class Bundle(HorizonApp):
    """Loads all applications and does nothing itself."""


for _application in APPLICATIONS:
    require_app(_application)
