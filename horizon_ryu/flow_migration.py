"""Flow Migration: a flow moves to another path, and not one packet is lost (report 3.2).

Events in: none. Events out: none; how migrations end is told on ``/v1/events``.

It serves ``/v1/migrations``. What is decided is decided in :mod:`horizon_ryu.core.flows` and
:mod:`horizon_ryu.core.routes`; the Flow Manager, which keeps the flows, carries it out.
"""

from __future__ import annotations

from typing import Any

from ryu.base.app_manager import require_app

from horizon_ryu.app import HorizonApp
from horizon_ryu.flows.migrations import FlowMigrations
from horizon_ryu.rest import migrations as migrations_resource
from horizon_ryu.rest.migration_directory import offer

require_app("horizon_ryu.flow_manager")


class FlowMigration(HorizonApp):
    """Offers the primitive; begins when the Flow Manager is there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

        def migrations() -> FlowMigrations:
            found = self.horizon.flow_migrations
            if found is None:
                raise TypeError("the Flow Manager is not loaded")
            return found

        self.horizon.router.add(migrations_resource.resources(migrations))
        offer(self.horizon, migrations_resource.FlowMigrationReader(migrations))
