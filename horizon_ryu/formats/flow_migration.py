"""The document of a flow migration: the entire path and how it ended (report 3.2.2.1)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from horizon_ryu.formats.model import Document, Dpid, Model, PortNo, Repeated
from horizon_ryu.formats.router_migration import RouterMigrationDocument


class PassedSwitch(Model):
    """A switch on the path: where frames enter and leave."""

    dpid: Dpid
    in_port: PortNo
    out_port: PortNo


class EntirePath(Model):
    """The switches in the order in which frames pass them."""

    switches: Annotated[tuple[PassedSwitch, ...], Repeated("switch")] = ()


class FlowMigrationDocument(Document):
    """A migration: ``status`` is its state, or ``error`` with the reason and the switch."""

    XML_ROOT: ClassVar[str] = "flow_migration"
    XML_SCHEMA: ClassVar[str] = "flow_migration"

    path: EntirePath = EntirePath()
    status: str
    error: str | None = None
    switch: Dpid | None = None


class FlowMigrationsDocument(Document):
    """Several migrations: of flows, then of routers, each in the order of time."""

    XML_ROOT: ClassVar[str] = "flow_migrations"
    XML_SCHEMA: ClassVar[str] = "flow_migration"

    migrations: Annotated[tuple[FlowMigrationDocument, ...], Repeated("flow_migration")]
    routers: Annotated[tuple[RouterMigrationDocument, ...], Repeated("router_migration")] = ()
