"""All Xen hosts: registered, polled side by side, and told of on ``/v1/events``."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

from horizon_ryu.core.errors import Conflict, HorizonError, LimitExceeded, NotFound
from horizon_ryu.core.given_names import XEN_HOST_NAME, check_name
from horizon_ryu.core.loop_record import PATIENCE, LoopTerms
from horizon_ryu.core.xen.changes import changes
from horizon_ryu.settings import XenOptions
from horizon_ryu.xen_hosts.errors import to_horizon_error
from horizon_ryu.xen_hosts.remote_host import Connect, HostStatus, RemoteHost
from xen_bridge.errors import InvalidRequest
from xen_bridge.protocol.documents.domains import ROUTER, Domain, agent_name
from xen_bridge.protocol.endpoint import check_url
from xen_bridge.runtime.port import Runtime
from xen_bridge.trust.identity import check_node_pk

LOG = logging.getLogger("horizon.xen")

Publish = Callable[[str, Mapping[str, Any]], None]


class HostStore(Protocol):
    """Where hosts outlive a restart."""

    def xen_hosts(self) -> Iterable[Mapping[str, Any]]:
        """Return name, url and node_pk of each."""

    def add_xen_host(self, name: str, url: str, node_pk: str) -> None:
        """Keep one; Conflict."""

    def delete_xen_host(self, name: str) -> None:
        """Forget one; NotFound."""


class XenHosts:
    """The registry of hosts. It asks no host but through :class:`RemoteHost`."""

    def __init__(
        self,
        store: HostStore,
        options: XenOptions,
        connect: Connect,
        publish: Publish,
        runtime: Runtime,
        clock: Callable[[], float],
        spawn_loop: Callable[..., Any],
        told_silent: Callable[[tuple[str, ...]], None] = lambda _found: None,
    ) -> None:
        """``spawn_loop`` begins a loop, as :meth:`horizon_ryu.app.HorizonApp.spawn_loop` does.

        ``told_silent`` is given a sentence for each router whose agent has fallen silent.
        """
        self._told_silent = told_silent
        self.options = options
        self.timers = options.timers
        """In force; what is set at run time is put here."""
        self._store = store
        self._connect = connect
        self._publish = publish
        self._runtime = runtime
        self._clock = clock
        self._spawn_loop = spawn_loop
        self._hosts: dict[str, RemoteHost] = {}
        self._is_watching = False
        self.outcomes: dict[str, int] = {}
        """How many calls had which end."""

    # ---- the registry

    def load(self) -> None:
        """Take up the hosts that are kept."""
        for row in self._store.xen_hosts():
            try:
                check_name(XEN_HOST_NAME, row["name"])
                url, node_pk = _checked(row["url"], row["node_pk"])
            except HorizonError as error:
                LOG.error("the store has a host %r that cannot be read: %s", row["name"], error)
                continue
            self._take(row["name"], url, node_pk)

    def start(self) -> None:
        """Begin to poll every host, one task each."""
        self._is_watching = True
        for host in self._hosts.values():
            self._begin_watching(host)

    def hosts(self) -> Mapping[str, RemoteHost]:
        """Return the hosts by name."""
        return MappingProxyType(self._hosts)

    def host(self, name: str) -> RemoteHost:
        """Return one host; NotFound."""
        found = self._hosts.get(name)
        if found is None:
            raise NotFound(f"no host named {name}")
        return found

    def add(self, name: str, url: str, node_pk: str) -> RemoteHost:
        """Register a host and poll it; one that is away is registered all the same.

        Raises InvalidInput for a URL or a key that is none, Conflict for a name that is taken.
        """
        url, node_pk = _checked(url, node_pk)
        if name in self._hosts:
            raise Conflict(f"a host named {name} is registered already")
        if len(self._hosts) >= self.options.max_hosts:
            raise LimitExceeded(f"{self.options.max_hosts} hosts are registered")
        self._store.add_xen_host(name, url, node_pk)
        host = self._take(name, url, node_pk)
        try:
            self.poll(host)
        finally:
            if self._is_watching:
                self._begin_watching(host)
        return host

    def _take(self, name: str, url: str, node_pk: str) -> RemoteHost:
        host = RemoteHost(
            name,
            url,
            node_pk,
            self._connect,
            self._runtime,
            self._clock,
            self.options.max_calls,
        )
        self._hosts[name] = host
        return host

    def remove(self, name: str) -> None:
        """Forget a host; its domains go on. NotFound."""
        host = self.host(name)
        self._store.delete_xen_host(name)
        del self._hosts[name]
        host.forget()
        self._told_silent(self.silent())
        self._publish("xen_host", {"name": name, "state": "removed", "reason": ""})

    # ---- asking

    def ask(
        self, name: str, body: Any, router: str | None = None, seconds: float | None = None
    ) -> Any:
        """Return what a host answers; raises NotFound, HostAway at once, or what it told of."""
        host = self.host(name)
        try:
            answer = host.ask(body, _agent_of(router, host), seconds)
        except HorizonError as error:
            self._count(type(error).__name__)
            raise
        self._count("done")
        return answer

    def change(self, name: str, body: Any, seconds: float | None = None) -> Any:
        """Have a host change something, and poll it before the answer is returned."""
        host = self.host(name)
        answer = self.ask(name, body, None, seconds)
        self.poll(host)
        return answer

    def silent(self) -> tuple[str, ...]:
        """Return what is to be said of each router whose agent says nothing, of hosts that do."""
        return tuple(
            f"the agent of router {router} on {name} says nothing: its routes may have changed"
            for name, host in sorted(self._hosts.items())
            if host.status.node is not None
            for router in sorted(host.status.silent)
        )

    def count(self, state: str) -> int:
        """Return how many hosts are in a state."""
        return sum(1 for host in self._hosts.values() if host.status.state == state)

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    # ---- polling

    def _begin_watching(self, host: RemoteHost) -> None:
        # One host, whatever it answers, is no reason to end the controller.
        self._spawn_loop(
            partial(self._watch, host),
            is_over=lambda: host.is_forgotten,
            terms=LoopTerms(self._longest_turn, is_vital=False),
        )

    def _longest_turn(self) -> float:
        return PATIENCE + self.timers.poll_interval + self.timers.poll_deadline

    def _watch(self, host: RemoteHost) -> None:
        """Poll once, and wait until the next poll is due."""
        began = self._clock()
        self.poll(host)
        left = self.timers.poll_interval - (self._clock() - began)
        self._runtime.sleep(max(left, 0.0))

    def poll(self, host: RemoteHost) -> None:
        """Poll a host now, and tell what has changed; nothing if it is forgotten."""
        with host.poll_lock:
            if host.is_forgotten:
                return
            before = host.status
            now = host.poll(self.timers.poll_deadline)
        if not host.is_forgotten:
            self._tell(host.name, before, now)

    def _tell(self, name: str, before: HostStatus, now: HostStatus) -> None:
        if before.state != now.state:
            self._publish("xen_host", {"name": name, "state": now.state, "reason": now.reason})
        self._tell_silence(name, before, now)
        # After an absence all that is known is what was there before it.
        if before.seen is None or now.seen is None:
            return
        for item in changes(before.seen, now.seen):
            domain = item.domain
            self._publish(
                "xen_domain",
                {
                    "host": name,
                    "name": domain.name,
                    "uuid": domain.uuid,
                    "change": item.change,
                    "state": domain.state,
                },
            )

    def _tell_silence(self, name: str, before: HostStatus, now: HostStatus) -> None:
        if before.silent or now.silent:
            self._told_silent(self.silent())
        for kind, routers in (
            ("xen_router_silent", now.silent - before.silent),
            ("xen_router_heard", before.silent - now.silent),
        ):
            for router in sorted(routers):
                self._publish(kind, {"host": name, "router": router})

    @contextmanager
    def progress(
        self, host: str, domain: str, operation: str
    ) -> Iterator[Callable[[str, str], None]]:
        """Tell of the beginning and the end of what takes long; yields what tells of more."""

        def tell(phase: str, detail: str = "") -> None:
            data = {"host": host, "domain": domain, "operation": operation}
            self._publish("xen_progress", {**data, "phase": phase, "detail": detail})

        tell("started")
        try:
            yield tell
        except HorizonError as error:
            tell("failed", str(error))
            raise
        except Exception:
            tell("failed", "a fault of the controller: see its log")
            raise
        tell("done")


def domain_of(host: RemoteHost, name: str | None) -> Domain | None:
    """Return a domain by its UUID, name or id, in this order, as far as its host has told of it."""
    domains = host.status.node.domains if host.status.node is not None else ()
    for names in (lambda one: one.uuid, lambda one: one.name, lambda one: str(one.id)):
        for domain in domains:
            if names(domain) == name:
                return domain
    return None


def _agent_of(router: str | None, host: RemoteHost) -> str | None:
    """Return what an agent goes by whose domain is given as :func:`domain_of` finds it.

    One that its host has not told of may be known there all the same. NotFound for what is no name
    of an agent.
    """
    domain = domain_of(host, router)
    if domain is not None:
        return agent_name(domain)
    if router is not None and not re.fullmatch(ROUTER, router):
        raise NotFound(f"host {host.name}: no agent goes by {router}")
    return router


def _checked(url: str, node_pk: str) -> tuple[str, str]:
    try:
        return check_url(url), check_node_pk(node_pk)
    except InvalidRequest as error:
        raise to_horizon_error("", error) from error
