"""Node store: the separated routers of a host in files, so that a restart finds their planes.

One file per router, written before anything is made in the kernel and removed after all of it is
gone: whatever is there is in a file.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from lxml import etree

from xen_bridge.atomic_write import forget_file, replace_file
from xen_bridge.errors import BridgeError
from xen_bridge.planes.data_plane import SLOTS, DataPlanePlan, RouterPort
from xen_bridge.protocol.document_schema import check, document_field, from_element, to_element
from xen_bridge.protocol.documents.domains import DEVICE_NAME, MAC, ROUTER, UUID, Domain
from xen_bridge.protocol.documents.hello import PREFIX, RouterHello
from xen_bridge.protocol.safe_xml import parse

LOG = logging.getLogger(__name__)
FOLDER = "planes"
_SUFFIX = ".xml"


@dataclass(frozen=True, slots=True)
class KeptPort:
    """An interface that is bound: the router's name and index of it, and Domain 0's."""

    interface: str = document_field(pattern=DEVICE_NAME)
    index: int = document_field(least=1)
    vif: str = document_field(pattern=DEVICE_NAME)
    physical: str = document_field(pattern=DEVICE_NAME)
    mac: str = document_field(pattern=MAC)
    addresses: tuple[str, ...] = document_field((), tag="Address", pattern=PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparatedNode:
    """A router as it is kept. ``domain_id`` is the run of its domain that said Hello.

    One with ``refusals`` was separated, and has its packets back for these reasons.
    """

    router: str = document_field(pattern=ROUTER)
    node_pk: str = document_field()
    uuid: str = document_field(pattern=UUID)
    domain_id: int | None = document_field(None, least=0)
    slot: int = document_field(least=SLOTS.start, most=SLOTS.stop - 1)
    pinned: bool = document_field(False)
    ports: tuple[KeptPort, ...] = document_field((), tag="Port")
    unbound: tuple[str, ...] = document_field((), tag="Unbound")
    refusals: tuple[str, ...] = document_field((), tag="Refusal")
    hello: RouterHello = document_field()

    @property
    def plan(self) -> DataPlanePlan:
        """The plan of its data plane."""
        return DataPlanePlan(
            self.slot,
            tuple(
                RouterPort(
                    one.vif, one.physical, bytes.fromhex(one.mac.replace(":", "")), one.addresses
                )
                for one in self.ports
            ),
            self.hello.addresses,
        )

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The router's names of the interfaces that are bound."""
        return tuple(one.interface for one in self.ports)

    @property
    def indices(self) -> tuple[int, ...]:
        """The router's indices of them."""
        return tuple(one.index for one in self.ports)

    def is_another(self, domain: Domain) -> bool:
        """Tell whether a domain is not the run of it that said Hello."""
        return domain.uuid != self.uuid or domain.id != self.domain_id


def kept_ports(
    interfaces: tuple[str, ...], indices: tuple[int, ...], ports: tuple[RouterPort, ...]
) -> tuple[KeptPort, ...]:
    """Return ports as they are kept."""
    return tuple(
        KeptPort(name, index, port.vif, port.physical, port.mac.hex(":"), port.addresses)
        for name, index, port in zip(interfaces, indices, ports, strict=True)
    )


class NodeStore:
    """The files of one host; one call at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def nodes(self) -> list[SeparatedNode]:
        """Return all that can be read, by name; what cannot is logged."""
        found = (self._read(path) for path in sorted(self._folder.glob(f"*{_SUFFIX}")))
        return [one for one in found if one is not None]

    def put(self, node: SeparatedNode) -> None:
        """Keep a router; BridgeError if it cannot be kept."""
        text = etree.tostring(to_element(node), encoding="unicode")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._path(node.router), text)
        except OSError as error:
            raise BridgeError(f"{error.filename or self._folder}: {error.strerror}") from error

    def remove(self, router: str) -> None:
        """Forget a router."""
        try:
            forget_file(self._path(router))
        except OSError as error:
            raise BridgeError(f"{error.filename}: {error.strerror}") from error

    def _path(self, router: str) -> Path:
        return self._folder / f"{router}{_SUFFIX}"

    def _read(self, path: Path) -> SeparatedNode | None:
        try:
            found = from_element(SeparatedNode, parse(path.read_bytes()))
            check(found)
            # Whether its ports make a plan.
            _ = found.plan
        except (OSError, BridgeError) as error:
            LOG.warning("%s cannot be read, its router's data plane is not found: %s", path, error)
            return None
        return found if found.router == path.name.removesuffix(_SUFFIX) else None


def still_bound(
    known: SeparatedNode | None, ports: tuple[RouterPort, ...]
) -> tuple[RouterPort, ...]:
    """Return the ports that a router says it has; what a migration bound them to stays.

    A Hello may be read here when the machine already stands still.
    """
    if known is None or not known.pinned:
        return ports
    kept = {one.mac: one.vif for one in known.ports}
    return tuple(replace(one, vif=kept.get(one.mac.hex(":"), one.vif)) for one in ports)
