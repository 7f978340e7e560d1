"""The document of a router's migration: from where, to where, step after step (report 2.2.4)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from horizon_ryu.formats.model import Document, Model, Repeated


class RouterStepDocument(Model):
    """One step: when it began and ended, in seconds since the migration began."""

    name: str
    state: str
    began_s: float | None = None
    ended_s: float | None = None


class RouterMigrationDocument(Document):
    """A migration of a router: ``status`` is its state, ``error`` what went wrong."""

    XML_ROOT: ClassVar[str] = "router_migration"
    XML_SCHEMA: ClassVar[str] = "flow_migration"

    id: str
    host: str
    domain: str
    destination: str
    mode: str
    status: str
    error: str | None = None
    duration_ms: float | None = None
    pause_ms: float | None = None
    lost: int | None = None
    steps: Annotated[tuple[RouterStepDocument, ...], Repeated("step")] = ()
