"""One Xen host: its connections, what is known of it, and whether it is there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from horizon_ryu.core.errors import HostUnreached, LimitExceeded
from horizon_ryu.core.xen.changes import DomainView, remembered
from horizon_ryu.xen_hosts.errors import to_horizon_error
from xen_bridge import errors as bridge
from xen_bridge.client_pool import IdlePool
from xen_bridge.protocol.documents.domains import GetNode, Node
from xen_bridge.runtime.port import Runtime

LOG = logging.getLogger(__name__)

State = Literal["unknown", "connected", "away"]


class Asking(Protocol):
    """A connection to a host, as :class:`xen_bridge.client.BridgeClient` is one."""

    def ask(self, body: Any, router: str | None = None, seconds: float | None = None) -> Any:
        """Send a request, return the body of the answer; raises a BridgeError."""

    def close(self) -> None:
        """End the connection."""


Connect = Callable[[str, str], Asking]
"""From a URL and a NodePK to a connection, which is opened at its first use."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What is known of a host: ``reason`` and ``since`` (the clock's) tell of its state.

    ``node`` is what it has, None while it is away; ``seen`` its domains as they are known from
    all looks, None before the first; ``silent`` the routers whose agents were silent at the last.
    """

    state: State = "unknown"
    reason: str = ""
    since: float = 0.0
    node: Node | None = None
    seen: tuple[DomainView, ...] | None = None
    silent: frozenset[str] = frozenset()


class RemoteHost:
    """A registered host. Every call may wait, for as long as its deadline."""

    def __init__(
        self,
        name: str,
        url: str,
        node_pk: str,
        connect: Connect,
        runtime: Runtime,
        clock: Callable[[], float],
        max_calls: int,
    ) -> None:
        self.name = name
        self.url = url
        self.node_pk = node_pk
        self.status = HostStatus(since=clock())
        self.is_forgotten = False
        self.poll_lock = runtime.semaphore()
        """Held by whoever polls: there is one connection for it."""
        self._connect = connect
        self._clock = clock
        self._max_calls = max_calls
        self._calls = 0
        self._pool: IdlePool[Asking] = IdlePool(lambda: connect(url, node_pk))
        """Besides the connection that polls."""
        self._poll_connection: Asking | None = None

    # ---- asking

    def ask(self, body: Any, router: str | None = None, seconds: float | None = None) -> Any:
        """Return what the host answers to ``body``.

        Raises HostUnreached at once, without a try, while the host is known to be away;
        LimitExceeded when too many calls are under way; otherwise what the host told of.
        """
        known = self.status
        if known.state == "away":
            ago = self._clock() - known.since
            raise HostUnreached(self.name, f"away for {ago:.0f} s: {known.reason}")
        if self._calls >= self._max_calls:
            raise LimitExceeded(f"host {self.name}: {self._max_calls} calls are under way")
        self._calls += 1
        try:
            return self._ask(body, router, seconds)
        finally:
            self._calls -= 1

    def _ask(self, body: Any, router: str | None, seconds: float | None) -> Any:
        connection = self._pool.take()
        try:
            return connection.ask(body, router, seconds)
        except bridge.BridgeError as error:
            # Silence, or a broken connection, may be the host's end: the next poll tells.
            raise to_horizon_error(self.name, error) from error
        finally:
            self._pool.put_back(connection)

    # ---- polling

    def poll(self, seconds: float) -> HostStatus:
        """Ask the host for all it has, on a connection of its own; return what is known then."""
        try:
            self.status = self._now("connected", "", self._seen(seconds))
        except bridge.BridgeError as error:
            self.status = self._now("away", str(error), None)
        except Exception:
            # Whoever watches must go on: else the host would stay as it was seen last.
            if self.status.state != "away":
                LOG.exception("the look at host %s failed", self.name)
            self.status = self._now("away", "the look at it failed: see the controller's log", None)
        finally:
            if self.is_forgotten:
                self._close_poll_connection()
        return self.status

    def _seen(self, seconds: float) -> Node:
        if self._poll_connection is None:
            self._poll_connection = self._connect(self.url, self.node_pk)
        node: Node = self._poll_connection.ask(GetNode(affinity=False), None, seconds)
        return node

    def _now(self, state: State, reason: str, node: Node | None) -> HostStatus:
        old = self.status
        since = old.since if old.state == state else self._clock()
        seen = old.seen if node is None else remembered(old.seen or (), _views(node))
        silent = old.silent if node is None else frozenset(node.host.silent_routers)
        return HostStatus(state, reason, since, node, seen, silent)

    def forget(self) -> None:
        """End all connections; those in use end with their calls."""
        self.is_forgotten = True
        self._pool.close()
        if self.poll_lock.acquire(blocking=False):
            self._close_poll_connection()
            self.poll_lock.release()

    def _close_poll_connection(self) -> None:
        connection, self._poll_connection = self._poll_connection, None
        if connection is not None:
            connection.close()


def _views(node: Node) -> Iterator[DomainView]:
    for domain in node.domains:
        yield DomainView(domain.uuid, domain.name, domain.id, domain.state)
