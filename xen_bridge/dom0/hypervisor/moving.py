"""Interface of back ends that move a running domain to another host, on either side of the move.

The destination makes room and tells where (:class:`Site`, facts that only the back ends read); the
source moves; the destination is told that the domain has come. Every call may be made again, also
by a program that was started anew meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.migration import GivenUp
from xen_bridge.protocol.documents.migration_advise import RestartGrace

Site: TypeAlias = Mapping[str, str]
"""Where a domain is to arrive: names and values of the back end's own."""
Graces: TypeAlias = tuple[RestartGrace, ...]


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """A domain, by its UUID, that is to be moved as ``migration`` to ``site``.

    Of one that is ``separated`` the interfaces that have left their bridges here do not get into
    those of the other host: somebody else binds them. ``is_there`` is what the destination said,
    if it was asked. For one that was ``given_up`` nobody waits whose destination does not tell.
    """

    migration: str
    uuid: str
    site: Site
    separated: bool = False
    is_there: bool | None = None
    given_up: GivenUp | None = None


@dataclass(frozen=True, slots=True)
class MoveHooks:
    """What is called during a move.

    ``may_go_on`` is told how long the domain has stood still, again and again until the domain is
    there, and raises a BridgeError to have it stay here. ``stopped`` is called when it has begun
    to stand still, ``arrived`` when it is there and does not go on yet; that raises nothing. A back
    end that hears a moment late that it stands still calls ``may_stop`` before that can be.
    ``start_there`` has it started at the destination, where its routing daemons are told for how
    long their neighbors wait for them, and raises a BridgeError. ``noted`` is given what is to be
    told of the move.
    """

    may_go_on: Callable[[float], None] = lambda _seconds: None
    stopped: Callable[[], None] = lambda: None
    arrived: Callable[[], None] = lambda: None
    may_stop: Callable[[], None] = lambda: None
    start_there: Callable[[Graces], None] = lambda _graces: None
    noted: Callable[[str], None] = lambda _text: None


@runtime_checkable
class DomainMover(Protocol):
    """A back end that moves domains. Raises the errors of Hypervisor, HypervisorError for a fault.

    Whatever fails before a domain is at the destination leaves it, running, at the source.
    """

    def definition_of(self, domain: str) -> CreateDomain:
        """Return what a running domain was defined by, with its UUID and MACs.

        Raises RequestConflict where it does not run, or cannot be moved as it is now.
        """

    def check_incoming(self, definition: CreateDomain) -> Site:
        """Return where a domain could come, without room being made for it.

        Raises why it cannot: its name is taken, a bridge is missing ...
        """

    def prepare_incoming(self, migration: str, definition: CreateDomain) -> Site:
        """Make room for a domain under its name and UUID, and return where that is."""

    def check_site(self, uuid: str, site: Site) -> None:
        """Raise InvalidRequest (``destination``) where this domain cannot be moved to that site."""

    def move(self, order: MoveOrder, pause_s: float, hooks: MoveHooks) -> float:
        """Move a domain, and return for how many seconds it stood still.

        ``pause_s`` lengthens that.
        """

    def settle(self, order: MoveOrder) -> bool:
        """Make whole what an interrupted move left: it is there (True), or here and runs."""

    def forget_outgoing(self, order: MoveOrder) -> None:
        """Remove what is left here of a domain that is there."""

    def is_here(self, uuid: str) -> bool:
        """Tell whether a domain that was to come has come."""

    def abort_incoming(self, migration: str, uuid: str) -> None:
        """Remove the room that was made; RequestConflict if the domain is in it."""

    def finish_incoming(self, migration: str, uuid: str) -> None:
        """Do what is left to do here for a domain that has come."""


@runtime_checkable
class MtuTeller(Protocol):
    """A back end that can tell a domain how long packets of an interface may be."""

    def tell_mtu(self, uuid: str, bridge: str, mtu: int) -> None:
        """Have the domain's interfaces in a bridge have that MTU, in bytes, on its own side."""


@runtime_checkable
class ReconnectingMover(Protocol):
    """A back end whose domains hear nothing for a moment after they have come."""

    def is_connected(self, uuid: str) -> bool:
        """Tell whether all interfaces of a domain that is here hear what comes."""


@runtime_checkable
class RestartingMover(Protocol):
    """A back end that has domains started anew where it cannot hand them over.

    Its :meth:`DomainMover.settle` needs to be told where a domain is that :meth:`is_asked`.
    """

    def restarts(self, site: Site) -> bool:
        """Tell whether a domain is started anew at a site; InvalidRequest for one that is none."""

    def is_asked(self, order: MoveOrder) -> bool:
        """Tell whether only the destination knows whether a domain runs there."""

    def start_incoming(
        self,
        migration: str,
        definition: CreateDomain,
        bound: Collection[str],
        graces: Graces = (),
    ) -> None:
        """Start a domain here; interfaces with the MACs ``bound`` are bound by somebody else.

        Neighbors of its daemons wait for as long as ``graces`` say.
        """


def mover_of(hypervisor: object) -> DomainMover | None:
    """Return a back end as one that moves domains; None if it is none."""
    return hypervisor if isinstance(hypervisor, DomainMover) else None
