"""Parts of which nodes are put together, whichever kind they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xen_bridge.runtime.limiter import ThreadLimiter
from xen_bridge.runtime.port import Runtime
from xen_bridge.server import routers
from xen_bridge.server.dispatcher import Dispatcher, Forward
from xen_bridge.server.request_handler import RequestHandlers
from xen_bridge.server.running import NodeComponents, Serve
from xen_bridge.topology.node_consolidate import AT_ONCE
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList

PLANES_SECONDS = 0.2
"""Between two looks at what is due of routers' planes."""
HYPERVISOR_THREADS, READING_THREADS, PROXY_THREADS, PARSING_THREADS = 16, 24, 32, 2
HYPERVISOR_THREADS_OF_ONE = 12
"""For the requests of one node: the others find one, whatever it asks."""
ROUTER_THREADS, ROUTER_THREADS_OF_ONE = 8, 2
"""For what virtual routers tell, and of these for each."""
LASTING_THREADS = 2
LOOKING_THREADS = AT_ONCE
THREADS = (
    HYPERVISOR_THREADS
    + READING_THREADS
    + PROXY_THREADS
    + PARSING_THREADS
    + ROUTER_THREADS
    + LASTING_THREADS
    + LOOKING_THREADS
)
"""Native ones that the work of a Domain 0 may need."""
AGENT_THREADS = HYPERVISOR_THREADS + READING_THREADS + PARSING_THREADS + 1
"""Those of a virtual router, which is small: all of them are started at once."""
READING_SECONDS = 30.0
"""For one reading of a gatherer."""


def reading_in(runtime: Runtime) -> Runtime:
    """Return ``runtime`` as gatherers use it: so many readings at a time, each in its time."""
    return runtime.limited_by(ThreadLimiter(runtime, "measuring", READING_THREADS), READING_SECONDS)


def node_of(
    directory: Path,
    identity: Identity,
    handlers: RequestHandlers,
    runtime: Runtime,
    serve: Serve,
    forward: Forward | None = None,
    known: routers.RouterList | None = None,
) -> NodeComponents:
    """Return a node; the keys of the virtual routers that are ``known`` may connect too."""
    keys = KeyList(directory / KEYS)

    def guests() -> Mapping[str, str]:
        found = {} if known is None else known.routers()
        return {one.node_pk: one.name for one in found.values()}

    def admitted() -> Mapping[str, str]:
        return {**guests(), **names()}

    def names() -> Mapping[str, str]:
        # Who has this node's own key can change its lists: its own commands ask with it.
        return {identity.node_pk: "this node", **keys.names()}

    dispatcher = Dispatcher(
        identity.node_pk,
        names,
        handlers,
        runtime,
        ThreadLimiter(runtime, "hypervisor", HYPERVISOR_THREADS, HYPERVISOR_THREADS_OF_ONE),
        ThreadLimiter(runtime, "parsing", PARSING_THREADS),
        forward,
        guests,
    )
    return NodeComponents(identity, keys, dispatcher, runtime, serve, admitted)
