"""Hands requests to the agents of virtual routers, and their answers back (report, chapter 2).

The controller reaches Domain 0 only; Domain 0 reaches its routers. The request goes on under
Domain 0's own key, which is the one that the router knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from xen_bridge.client import BridgeClient
from xen_bridge.client_pool import IdlePool
from xen_bridge.errors import BridgeError, Deadline, PeerAway, SubjectNotFound
from xen_bridge.protocol.messages import Message
from xen_bridge.runtime.limiter import ThreadLimiter
from xen_bridge.server.routers import VirtualRouter
from xen_bridge.trust.identity import Identity


class Proxy:
    """The connections to virtual routers."""

    def __init__(
        self,
        identity: Identity,
        routers: Callable[[], Mapping[str, VirtualRouter]],
        limiter: ThreadLimiter,
    ) -> None:
        """Reach ``routers`` as ``identity``, in threads of ``limiter``."""
        self._identity = identity
        self._routers = routers
        self._limiter = limiter
        self._pools: dict[VirtualRouter, IdlePool[BridgeClient]] = {}

    def forward(self, message: Message, seconds: float) -> Any:
        """Return what the router that ``message`` is for answers; raises what :meth:`ask` does."""
        return self.ask(str(message.router), message.body, seconds)

    def ask(self, name: str, body: Any, seconds: float) -> Any:
        """Return what the agent of the router ``name`` answers to ``body``.

        Raises SubjectNotFound for one that is not known, PeerAway for one that cannot be reached,
        and whatever error the router told of.
        """
        router = self._routers().get(name)
        if router is None:
            raise SubjectNotFound(
                f"no agent is known for {name} (make it known on its host: xen-bridge router add)"
            )
        pool = self._pool(router)
        client = pool.take()
        try:
            answer = self._limiter.call(seconds + 2.0, client.ask, body, None, seconds)
        except Deadline as error:
            # A thread may still have the connection.
            raise Deadline(f"virtual router {router.name}: {error}") from error
        except PeerAway as error:
            raise PeerAway(f"virtual router {router.name}: {error}") from error
        except BridgeError:
            pool.put_back(client)
            raise
        pool.put_back(client)
        return answer

    def _pool(self, router: VirtualRouter) -> IdlePool[BridgeClient]:
        self._forget_strangers()
        if router not in self._pools:
            connect = partial(BridgeClient, router.url, router.node_pk, self._identity)
            self._pools[router] = IdlePool(connect)
        return self._pools[router]

    def _forget_strangers(self) -> None:
        known = set(self._routers().values())
        for router in self._pools.keys() - known:
            self._pools.pop(router).close()
