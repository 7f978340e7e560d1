"""Route Change: what has changed in a router's FIB (report 2.2.4.2), sent unasked over a channel.

Routes that lead the same way stand together, their prefixes in one text, separated by blanks: a
router has them by the hundred thousand. Interfaces are named by the router's own index, protocols,
scopes and types of service by rtnetlink's numbers.
"""

from __future__ import annotations

from typing import Literal

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.measures import ADDRESS

MAX_HOPS = 256
MAX_PREFIXES_TEXT = 512 * 1024
MAX_ID = (1 << 32) - 1
MAX_INDEX = (1 << 31) - 1

RouteType = Literal["unicast", "blackhole", "unreachable", "prohibit", "throw"]
Family = Literal["ipv4", "ipv6"]


@document_form
class RouteHop:
    """One way out: an interface, and who is asked there, if it is not the destination itself."""

    interface: int = document_field(least=1, most=MAX_INDEX)
    gateway: str | None = document_field(None, pattern=ADDRESS)
    weight: int = document_field(1, least=1, most=256)


@document_form
class GroupMember:
    """A nexthop object that is one of several, with its weight."""

    id: int = document_field(tag="Id", least=1, most=MAX_ID)
    weight: int = document_field(1, least=1, most=256)


@document_form
class NexthopDefinition:
    """A nexthop object: one way out, a group of others, or (neither) one that throws away."""

    id: int = document_field(tag="Id", least=1, most=MAX_ID)
    family: Family | None = document_field(None)
    hop: RouteHop | None = document_field(None)
    members: tuple[GroupMember, ...] = document_field((), tag="Member", at_most=MAX_HOPS)


@document_form(kw_only=True)
class RoutesSet:
    """Routes that are there now, and lead by a nexthop object, by hops, or nowhere.

    ``prefixes`` is a text: 192.0.2.0/24 198.51.100.0/24. ``mtu`` is in bytes.
    """

    type: RouteType = document_field()
    protocol: int = document_field(least=0, most=255)
    scope: int = document_field(least=0, most=255)
    tos: int = document_field(0, least=0, most=255)
    metric: int = document_field(0, least=0, most=MAX_ID)
    mtu: int | None = document_field(None, least=68, most=1 << 16)
    nexthop: int | None = document_field(None, least=1, most=MAX_ID)
    hops: tuple[RouteHop, ...] = document_field((), tag="Hop", at_most=MAX_HOPS)
    prefixes: str = document_field(least=1, most=MAX_PREFIXES_TEXT)


@document_form(kw_only=True)
class RoutesRemoved:
    """Routes that are there no longer, whatever way they led."""

    tos: int = document_field(0, least=0, most=255)
    metric: int = document_field(0, least=0, most=MAX_ID)
    prefixes: str = document_field(least=1, most=MAX_PREFIXES_TEXT)


@document_form
class RouteChange:
    """A piece of what changed, to be applied in the order of its fields.

    ``begins`` says that the whole FIB is told from here on, ``ends`` that it has been: what was
    not told in between is not there. An object that is ``forgotten`` and among the ``nexthops`` is
    another one than before.
    """

    begins: bool = document_field(False)
    forgotten: tuple[int, ...] = document_field((), tag="Forgotten", least=1, most=MAX_ID)
    nexthops: tuple[NexthopDefinition, ...] = document_field((), tag="Nexthop")
    routes: tuple[RoutesSet, ...] = document_field((), tag="Routes")
    removed: tuple[RoutesRemoved, ...] = document_field((), tag="Removed")
    ends: bool = document_field(False)
