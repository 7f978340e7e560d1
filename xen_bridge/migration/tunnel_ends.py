"""Tunnel ends: those of this host, kept in files, made and removed with what they are for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from xen_bridge.errors import BridgeError, RequestConflict
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.link_tunnels import TunnelEnd, kind_of, needed
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.migration import MigrateDomain
from xen_bridge.protocol.documents.migration_advise import LinkTunnel, PrepareIncoming
from xen_bridge.protocol.documents.planes import PlaneTunnel, TunnelKind

LOG = logging.getLogger(__name__)


class EndMaker(Protocol):
    """The kernel, as :class:`~xen_bridge.migration.tunnel_kernel.TunnelKernel` is one."""

    def bridges(self) -> Mapping[str, int]:
        """Return the bridges that are here, each with its MTU."""

    def kinds(self) -> tuple[TunnelKind, ...]:
        """Return the kinds of tunnels that the kernel has."""

    def mtu(self, end: TunnelEnd) -> int:
        """Return how long a packet may be that goes through whole."""

    def make(self, end: TunnelEnd) -> None:
        """Make what of an end is not there."""

    def look(self, ends: Sequence[TunnelEnd]) -> list[tuple[int | None, tuple[str, ...]]]:
        """Return the MTU of each end's device, if it is there, and what of the end is not there."""

    def remove(self, end: TunnelEnd) -> None:
        """Remove what of an end is there."""


class TunnelEnds:
    """The ends here, by their numbers. Any native thread may call. Raises BridgeError."""

    def __init__(self, own_pk: str, journal: MigrationJournal[TunnelEnd], kernel: EndMaker) -> None:
        """``own_pk`` is the key of this node."""
        self._own_pk = own_pk
        self._journal = journal
        self._kernel = kernel
        self._lock = threading.RLock()
        self._ends = {one.number: one for one in journal.load().values()}
        self._absent: set[tuple[int, str]] = set()

    def restore(self) -> None:
        """Make again what is not there any more, as far as that can be done."""
        for end in self.view():
            try:
                self._kernel.make(end)
            except BridgeError as error:
                LOG.warning("the tunnel of %s is not whole: %s", end.bridge, error)

    def view(self) -> tuple[TunnelEnd, ...]:
        """Return all ends, by their numbers."""
        with self._lock:
            return tuple(sorted(self._ends.values(), key=lambda one: one.number))

    def of(self, uuid: str) -> tuple[TunnelEnd, ...]:
        """Return the ends for one domain."""
        return tuple(one for one in self.view() if uuid in one.routers)

    def told(self, check: bool = False) -> tuple[PlaneTunnel, ...]:
        """Return all ends for people; with ``check`` the kernel is asked what is not there."""
        found, ends = [], self.view()
        for end, (mtu, faults) in zip(ends, self._kernel.look(ends), strict=True):
            found.append(
                PlaneTunnel(
                    bridge=end.bridge,
                    device=end.device,
                    near=end.near,
                    far=end.far,
                    is_away=end.is_away,
                    kind=end.kind,
                    mtu=mtu,
                    routers=end.routers,
                    faults=faults if check else (),
                )
            )
        return tuple(found)

    # ---- at the destination

    def needed(self, wanted: PrepareIncoming, source_pk: str) -> tuple[LinkTunnel, ...]:
        """Return the tunnels that a domain needs to come here; none where none are wanted."""
        if wanted.tunnel_from is None or wanted.tunnel_to is None:
            return ()
        bridges = self._kernel.bridges()
        kind = kind_of(wanted, self._kinds() if wanted.tunnel_kinds else ())
        return needed(wanted.definition, bridges, self.view(), source_pk, self._own_pk, kind)

    def _kinds(self) -> tuple[TunnelKind, ...]:
        with self._lock:
            return self._kernel.kinds()

    def land(
        self, wanted: PrepareIncoming, source_pk: str, tunnels: tuple[LinkTunnel, ...]
    ) -> None:
        """Make the ends of a domain that is to come."""
        for one in tunnels:
            self._add(
                TunnelEnd(
                    bridge=one.bridge,
                    number=one.number,
                    near=wanted.tunnel_to or "",
                    far=wanted.tunnel_from or "",
                    is_away=True,
                    peer_pk=source_pk,
                    kind=one.kind,
                ),
                wanted.definition,
            )

    # ---- at the source

    def with_kinds(self, wanted: PrepareIncoming) -> PrepareIncoming:
        """Return a request with the kinds of tunnels that there are here, if it wants any."""
        if wanted.tunnel_from is None:
            return wanted
        return replace(wanted, tunnel_kinds=self._kinds())

    def depart(
        self,
        order: MigrateDomain,
        wanted: PrepareIncoming,
        tunnels: tuple[LinkTunnel, ...],
    ) -> None:
        """Make the home's ends for a domain that is to go; RequestConflict for what is none."""
        names = {one.bridge for one in wanted.definition.interfaces}
        for one in tunnels:
            if one.bridge not in names or wanted.tunnel_from is None or wanted.tunnel_to is None:
                raise RequestConflict(f"the destination wants a tunnel of {one.bridge}, unasked")
            self._add(
                TunnelEnd(
                    bridge=one.bridge,
                    number=one.number,
                    near=wanted.tunnel_from,
                    far=wanted.tunnel_to,
                    is_away=False,
                    peer_pk=order.destination_pk,
                    peer_url=order.destination_url,
                    kind=one.kind,
                ),
                wanted.definition,
            )

    def _add(self, end: TunnelEnd, definition: CreateDomain) -> None:
        with self._lock:
            known = self._ends.get(end.number)
            if known is not None and (known.peer_pk, known.is_away) != (end.peer_pk, end.is_away):
                raise RequestConflict(f"tunnel {end.number} is another host's")
            if known is not None and known.kind != end.kind:
                raise RequestConflict(f"{end.bridge} goes on there by {known.kind}, not {end.kind}")
            kept = (known or end).with_router(definition.uuid or "")
            self._keep(kept)
            self._kernel.make(kept)

    # ---- the end

    def drop(self, uuid: str, *, away: bool) -> tuple[TunnelEnd, ...]:
        """Have the ends of one kind be for a domain no more; return which it had.

        The last one takes an end along.
        """
        with self._lock:
            found = tuple(one for one in self.of(uuid) if one.is_away == away)
            for end in found:
                kept = end.without_router(uuid)
                if kept.routers:
                    self._keep(kept)
                    continue
                self._kernel.remove(end)
                self._journal.forget(_name(end))
                del self._ends[end.number]
            return found

    def mtu(self, end: TunnelEnd) -> int:
        """Return how long a packet of a router may be that goes through an end whole."""
        return self._kernel.mtu(end)

    def bridge_mtu(self, name: str) -> int | None:
        """Return the MTU of a bridge; None if it is not here."""
        return self._kernel.bridges().get(name)

    def sweep(self, is_there: Callable[[TunnelEnd, str], bool]) -> None:
        """Remove the ends of domains that are gone, when that was so twice."""
        gone = {
            (end.number, uuid)
            for end in self.view()
            for uuid in end.routers
            if not is_there(end, uuid)
        }
        for number, uuid in gone & self._absent:
            end = self._ends.get(number)
            if end is not None:
                LOG.warning("%s is gone, and its tunnel of %s with it", uuid, end.bridge)
                self.drop(uuid, away=end.is_away)
        self._absent = gone

    def _keep(self, end: TunnelEnd) -> None:
        self._journal.keep(_name(end), end)
        self._ends[end.number] = end


def _name(end: TunnelEnd) -> str:
    return f"{end.number:012x}"
