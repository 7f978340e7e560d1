"""Leaving: the migrations from a Domain 0, as its node has them, and alone where that was killed.

A node that is killed in a migration leaves a router that stands still, or is at the other host and
only half taken over there. If the node is not started anew within :data:`GRACE_SECONDS`, its
:mod:`~xen_bridge.migration.keeper` does here what the node would do first: each migration is taken
back, or gone on with to its end. What is being done when the node is started meanwhile that node
goes on with, which serves at once: a destination that is gone for good would keep it waiting.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from xen_bridge.claim import Claim
from xen_bridge.client import BridgeClient
from xen_bridge.migration.held_sessions import ConnectAgent
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.keeper import Keeper
from xen_bridge.migration.link_tunnels import TunnelEnd
from xen_bridge.migration.outgoing import OutgoingMigration
from xen_bridge.migration.peer import PeerConnection, connecting
from xen_bridge.migration.source import MigrationSource
from xen_bridge.migration.tunnel_ends import TunnelEnds
from xen_bridge.migration.tunnel_kernel import TunnelKernel
from xen_bridge.protocol.documents.migration import ENDED, MigrationStatus
from xen_bridge.separation.judge import judge_of
from xen_bridge.separation.node_store import FOLDER as PLANES
from xen_bridge.separation.node_store import NodeStore
from xen_bridge.separation.plane_kernel import RealPlaneKernel
from xen_bridge.separation.registry import SeparatedRouters
from xen_bridge.server import routers
from xen_bridge.trust.identity import Identity
from xen_bridge.virtual_management import PhysicalHost

LOG = logging.getLogger(__name__)
SETTINGS_FILE = "weights.json"
FOLDER, CLAIM, TUNNELS = "migrations-from-here", "in-use", "tunnels"
GRACE_SECONDS = 5.0
"""For whoever starts services anew (``RestartSec=2`` in ours)."""
HANDOVER_SECONDS = 2.0
"""For a step that is being done when a service wants to go on; after that it is done again."""
_LOOK = 0.1


def keeper_command(directory: Path, uri: str) -> tuple[str, ...]:
    """Return what starts :func:`settle` for a node."""
    where = ("--directory", str(directory.resolve()), "--uri", uri)
    return (sys.executable, "-m", "xen_bridge.command", "settle", *where)


def separated_routers(
    directory: Path, host: PhysicalHost, known: routers.RouterList, skipped: Collection[str] = ()
) -> SeparatedRouters:
    """Return the separated routers of a host, as they were left."""
    made = SeparatedRouters(
        host.hypervisor,
        _router_of(known),
        RealPlaneKernel(),
        NodeStore(directory / PLANES),
        judge_of(skipped),
    )
    made.restore()
    return made


def _router_of(known: routers.RouterList) -> Callable[[str], str | None]:
    """Return what names the one router of a key."""

    def router_of(node_pk: str) -> str | None:
        names = [one.name for one in known.routers().values() if one.node_pk == node_pk]
        return names[0] if len(names) == 1 else None

    return router_of


def migration_source(
    directory: Path,
    identity: Identity,
    host: PhysicalHost,
    planes: SeparatedRouters,
    known: routers.RouterList,
    tunnels: TunnelEnds,
    keeper: Callable[[], Keeper] = Keeper,
) -> MigrationSource:
    """Return the migrations from here; none of them is gone on with yet."""
    journal: MigrationJournal[OutgoingMigration] = MigrationJournal(
        directory / FOLDER, OutgoingMigration, lambda one: one.has_ended
    )
    return MigrationSource(
        host,
        journal,
        connecting(identity),
        planes,
        connect_agent=_connecting_agents(identity, known),
        keeper=keeper,
        tunnels=tunnels,
    )


def tunnel_ends(directory: Path, identity: Identity) -> TunnelEnds:
    """Return the ends of tunnels that were left here."""
    kept: MigrationJournal[TunnelEnd] = MigrationJournal(
        directory / TUNNELS, TunnelEnd, lambda _end: False
    )
    return TunnelEnds(identity.node_pk, kept, TunnelKernel())


def _connecting_agents(identity: Identity, known: routers.RouterList) -> ConnectAgent:
    """Return what connects to the agents of the routers that are known, by name or UUID."""

    def connect(status: MigrationStatus) -> PeerConnection | None:
        found = known.routers()
        agent = found.get(status.domain) or found.get(status.uuid)
        return None if agent is None else BridgeClient(agent.url, agent.node_pk, identity)

    return connect


def settle(
    directory: Path,
    uri: str,
    grace: float = GRACE_SECONDS,
    leave: Callable[[], None] = lambda: os._exit(0),
) -> bool:
    """End the migrations of a node that does not run; return whether that was to be done here.

    If the node is started meanwhile, what is left is its own: this program ends by ``leave``, at a
    moment at which a step may be half done.
    """
    time.sleep(grace)
    claim = Claim.in_its_place(directory / CLAIM)
    if claim is None:
        return False
    try:
        LOG.warning("the node was killed in a migration, and not started anew: it is ended here")
        host = PhysicalHost(uri, settings_file=directory / SETTINGS_FILE)
        known = routers.RouterList(directory / routers.FILE)
        planes = separated_routers(directory, host, known)
        identity = Identity.load(directory)
        tunnels = tunnel_ends(directory, identity)
        source = migration_source(directory, identity, host, planes, known, tunnels)
        source.resume()
        while any(one.state not in ENDED for one in source.list().migrations):
            if Claim.is_wanted(directory / CLAIM):
                LOG.warning("the node is started: it goes on with what is left")
                if not source.halt(HANDOVER_SECONDS):
                    leave()
                return True
            time.sleep(_LOOK)
        return True
    finally:
        claim.close()


def keepers(directory: Path, uri: str) -> Callable[[], Keeper]:
    """Return what makes the keeper of one migration of a node."""
    return partial(Keeper, keeper_command(directory, uri))
