"""Hands requests to the agents of virtual routers, and their answers back (report, chapter 2).

The controller reaches Domain 0 only; Domain 0 reaches its routers. The request goes on under
Domain 0's own key, which is the one that the router knows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from xen_bridge.client import BridgeClient
from xen_bridge.errors import BridgeError, Deadline, NotFound, PeerAway
from xen_bridge.protocol.messages import Message
from xen_bridge.server.routers import Router
from xen_bridge.server.workers import Workers
from xen_bridge.trust.identity import Identity

MAX_IDLE = 8
"""Connections kept open to one router."""


class Proxy:
    """The connections to virtual routers."""

    def __init__(
        self, identity: Identity, routers: Callable[[], Mapping[str, Router]], workers: Workers
    ) -> None:
        """Reach ``routers`` as ``identity``."""
        self._identity = identity
        self._routers = routers
        self._workers = workers
        self._idle: dict[Router, deque[BridgeClient]] = {}

    def forward(self, message: Message, seconds: float) -> Any:
        """Return what the router that ``message`` is for answers.

        Raises NotFound for one that is not known, PeerAway for one that cannot be reached, and
        whatever error the router told of.
        """
        router = self._routers().get(str(message.router))
        if router is None:
            raise NotFound(
                f"no agent is known for {message.router} "
                "(make it known on its host: xen-bridge router add)"
            )
        client = self._client(router)
        try:
            body = self._workers.call(seconds + 2.0, client.ask, message.body, None, seconds)
        except Deadline as error:
            # A thread may still have the connection.
            raise Deadline(f"virtual router {router.name}: {error}") from error
        except PeerAway as error:
            raise PeerAway(f"virtual router {router.name}: {error}") from error
        except BridgeError:
            self._put_back(router, client)
            raise
        self._put_back(router, client)
        return body

    def _client(self, router: Router) -> BridgeClient:
        idle = self._idle.get(router)
        if idle:
            return idle.pop()
        return BridgeClient(router.url, router.node_pk, self._identity)

    def _put_back(self, router: Router, client: BridgeClient) -> None:
        self._forget_strangers()
        idle = self._idle.setdefault(router, deque())
        if len(idle) < MAX_IDLE:
            idle.append(client)
        else:
            client.close()

    def _forget_strangers(self) -> None:
        known = set(self._routers().values())
        for router in self._idle.keys() - known:
            for client in self._idle.pop(router):
                client.close()
