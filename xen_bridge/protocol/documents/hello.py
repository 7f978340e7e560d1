"""Hello: a node tells that it is there (the report's Fig. 2.1, module Hello; 2.2.4.1).

A virtual router asks with :class:`RouterHello` to have its planes separated, again and again: the
answer says whether they are, and which routes Domain 0 has.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import DEVICE_NAME, MAC, ROUTER
from xen_bridge.protocol.documents.measures import ADDRESS

MAX_INTERFACES, MAX_ADDRESSES, MAX_KINDS = 64, 64, 64
PREFIX = ADDRESS + r"/[0-9]{1,3}"
KIND = r"[a-z][a-z0-9_-]{0,31}"
MAX_GENERATION = (1 << 63) - 1

HelloState = Literal["separated", "refused"]


@document_form
class NodeHello:
    """Who is there: a Domain 0 or a virtual router, and its name where it knows one.

    ``number`` counts the times that it said so since it began.
    """

    TAG: ClassVar[str] = "Hello"
    kind: Literal["domain_0", "virtual_router"] = document_field()
    name: str | None = document_field(None, pattern=ROUTER)
    number: int = document_field(1, least=1)


@document_form
class RouterInterface:
    """An Ethernet interface of a router, as its kernel has it.

    ``kind`` is what the kernel calls a device that it made up itself (IFLA_INFO_KIND), None for
    one that it was given. By the one of ``control`` the agent reaches Domain 0: it stays the
    router's own.
    """

    name: str = document_field(pattern=DEVICE_NAME)
    index: int = document_field(least=1, most=(1 << 31) - 1)
    mac: str = document_field(pattern=MAC)
    mtu: int = document_field(1500, least=68, most=1 << 16)
    kind: str | None = document_field(None, least=1, most=32)
    control: bool = document_field(False)
    addresses: tuple[str, ...] = document_field(
        (), tag="Address", pattern=PREFIX, at_most=MAX_ADDRESSES
    )


@document_form
class KernelKind:
    """A kind of thing that the router's own kernel does with packets and Domain 0 would not."""

    kind: str = document_field(pattern=KIND)
    evidence: str = document_field("", most=300)


@document_form
class RouterHello:
    """The name that a router gives itself, its Ethernet interfaces, and what its kernel does.

    ``number`` counts the times that its agent said so since it began; ``addresses`` are those
    of its other interfaces, such as its loopback.
    """

    name: str = document_field(least=1, most=64)
    number: int = document_field(1, least=1, most=MAX_GENERATION)
    interfaces: tuple[RouterInterface, ...] = document_field(
        (), tag="Interface", at_most=MAX_INTERFACES
    )
    addresses: tuple[str, ...] = document_field(
        (), tag="Address", pattern=PREFIX, at_most=MAX_ADDRESSES
    )
    kinds: tuple[KernelKind, ...] = document_field((), tag="Kind", at_most=MAX_KINDS)


@document_form
class HelloAnswer:
    """What became of a Hello, and why not, where it was refused.

    ``generation`` is another one whenever Domain 0 holds nothing, or not surely all, of the routes
    that it was told: then all are to be told anew. ``bound`` are the interfaces whose packets
    Domain 0 passes, ``unbound`` those that the router keeps.
    """

    state: HelloState = document_field()
    generation: int = document_field(0, least=0, most=MAX_GENERATION)
    bound: tuple[str, ...] = document_field((), tag="Bound")
    unbound: tuple[str, ...] = document_field((), tag="Unbound")
    refusals: tuple[str, ...] = document_field((), tag="Refusal")
