"""Runner of a node, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from xen_bridge.claim import Claim
from xen_bridge.runtime.port import Runtime
from xen_bridge.server.dispatcher import Dispatcher
from xen_bridge.server.lasting import run_lasting
from xen_bridge.server.tls_listener import TlsListener, listen
from xen_bridge.server.web import BridgeApplication
from xen_bridge.serving.abandonment import abandon_process
from xen_bridge.serving.descriptors import raise_limit
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import KeyList

LOG = logging.getLogger(__name__)
ENOUGH_DESCRIPTORS = 1024
"""For all connections that are accepted, and what the node has open itself."""
_ENDING = (signal.SIGTERM, signal.SIGINT)
GRACE = 10.0
"""Seconds that requests in flight are given when the node is told to stop."""

Serve = Callable[[Runtime, TlsListener, BridgeApplication], None]
"""Serves an application to the peers that a listener lets in, for ever."""


@dataclass(frozen=True, slots=True)
class NodeComponents:
    """What a node is served from, and what it runs on."""

    identity: Identity
    keys: KeyList
    dispatcher: Dispatcher
    runtime: Runtime
    serve: Serve
    admitted: Callable[[], Mapping[str, str]] | None = None
    """The keys that may connect, with their names; those of ``keys`` if it is None."""
    lasting: tuple[tuple[str, Callable[[], object]], ...] = ()
    """What it does besides, for ever, by name."""
    claim: Claim | None = None
    """Its claim on its files."""


def run(node: NodeComponents, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve ``node`` on ``host``:``port`` (0: any free one) until SIGTERM or SIGINT; then exit.

    ``say`` is told the URL and the key once connections are accepted. OSError if the address
    cannot be had.
    """
    runtime = node.runtime
    stopping = _signals(runtime)
    listening = listen(runtime, host, port)
    admitted = node.admitted or node.keys.names
    peers = TlsListener(runtime, listening, node.identity, admitted, _descriptors())
    application = BridgeApplication(node.dispatcher, runtime)
    is_stopping = runtime.event()
    serving = partial(node.serve, runtime, peers, application)
    for name, work in (("serving requests", serving), *node.lasting):
        runtime.spawn(run_lasting, runtime, name, work, is_stopping.is_set)
    shown = f"[{host}]" if ":" in host else host
    say(f"listening on https://{shown}:{listening.getsockname()[1]} as {node.identity.node_pk}")
    _wait_for_signal(stopping)
    is_stopping.set()
    peers.close()
    _wait_for_answers(runtime, application)
    LOG.info("stopped")
    # A thread that waits for a hypervisor that hangs would keep the process for ever.
    abandon_process(0)


def _descriptors() -> int:
    """Return how many descriptors this process may have, after raising the limit."""
    descriptors = raise_limit()
    if descriptors < ENOUGH_DESCRIPTORS:
        LOG.warning("only %d open files are allowed (ulimit -n)", descriptors)
    return descriptors


def _signals(runtime: Runtime) -> Any:
    """Return a socket that has something to read once the process was told to stop."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    for number in _ENDING:
        signal.signal(number, lambda *_: None)
    # Whoever waits sleeps in the kernel and would not see a flag; it does see a byte.
    signal.set_wakeup_fd(writing.detach())
    return runtime.adopt(reading)


def _wait_for_signal(signals: Any) -> None:
    """Wait until one of those has come that end a node: each is a byte, its number."""
    while signals.recv(1)[0] not in _ENDING:
        LOG.info("a signal that is passed over: keys are read whenever they have changed")


def _wait_for_answers(runtime: Runtime, application: BridgeApplication) -> None:
    until = runtime.now() + GRACE
    while application.under_way and runtime.now() < until:
        runtime.sleep(0.05)
