"""Separated router: what a Domain 0 knows of one, whole and immutable, to be looked at or moved."""

from __future__ import annotations

from dataclasses import dataclass

from xen_bridge.planes.data_plane import DataPlanePlan
from xen_bridge.planes.fib import FibChange
from xen_bridge.protocol.documents.hello import RouterHello


@dataclass(frozen=True, slots=True)
class SeparatedRouter:
    """A router with all that another Domain 0 needs to pass its packets.

    ``router`` is the name by which its host knows it (``xen-bridge router add``), ``node_pk`` the
    key of its agent, ``uuid`` that of its domain. ``interfaces`` are, in the order of the plan's
    ports, the names of the router's own interfaces and ``indices`` their indices in its kernel, by
    which ``fib`` names them. ``plan`` is of the host that told it: slot, virtual and physical
    interfaces are that host's. ``fib`` is the whole FIB that the router told, as pieces to be
    applied in order: the first begins, the last ends.
    """

    router: str
    node_pk: str
    uuid: str
    hello: RouterHello
    interfaces: tuple[str, ...]
    indices: tuple[int, ...]
    plan: DataPlanePlan
    fib: tuple[FibChange, ...]
