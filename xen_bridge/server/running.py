"""Runner of a node, until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import eventlet
from eventlet import tpool
from eventlet.greenio import GreenSocket

from xen_bridge.server.dispatcher import Dispatcher
from xen_bridge.server.tls_listener import TlsListener, listen, serve
from xen_bridge.server.web import Application
from xen_bridge.serving.descriptors import raise_limit
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import KeyList

LOG = logging.getLogger(__name__)
ENOUGH_DESCRIPTORS = 1024
"""For all connections that are accepted, and what the node has open itself."""
GRACE = 10.0
"""Seconds that requests in flight are given when the node is told to stop."""


@dataclass(frozen=True, slots=True)
class NodeComponents:
    """What a node is served from; ``threads`` is how many native ones its work may need."""

    identity: Identity
    keys: KeyList
    dispatcher: Dispatcher
    threads: int


def run(node: NodeComponents, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve ``node`` on ``host``:``port`` (0: any free one) until SIGTERM or SIGINT; then exit.

    ``say`` is told the URL and the key once connections are accepted. OSError if the address
    cannot be had.
    """
    tpool.set_num_threads(node.threads)
    stopping = _signals()
    listening = listen(host, port)
    peers = TlsListener(listening, node.identity, node.keys.names, _descriptors())
    application = Application(node.dispatcher)
    eventlet.spawn(serve, peers, application)
    shown = f"[{host}]" if ":" in host else host
    say(f"listening on https://{shown}:{listening.getsockname()[1]} as {node.identity.node_pk}")
    stopping.recv(1)
    peers.close()
    _wait_for_answers(application)
    LOG.info("stopped")
    logging.shutdown()
    # A thread that waits for a hypervisor that hangs would keep the process for ever.
    os._exit(0)


def _descriptors() -> int:
    """Return how many descriptors this process may have, after raising the limit."""
    descriptors = raise_limit()
    if descriptors < ENOUGH_DESCRIPTORS:
        LOG.warning("only %d open files are allowed (ulimit -n)", descriptors)
    return descriptors


def _signals() -> GreenSocket:
    """Return a socket that has something to read once the process was told to stop."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    # The hub sleeps in the kernel and would not see a flag; it does see a byte.
    signal.set_wakeup_fd(os.dup(writing.fileno()))
    return GreenSocket(reading)


def _wait_for_answers(application: Application) -> None:
    until = time.monotonic() + GRACE
    while application.under_way and time.monotonic() < until:
        eventlet.sleep(0.05)
