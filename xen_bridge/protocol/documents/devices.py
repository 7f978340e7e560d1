"""Devices that can be given to domains (report 2.5): direct access, SR-IOV, multiple queues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xen_bridge.protocol.documents.domains import DOMAIN, MAC
from xen_bridge.protocol.forms import part

ADDRESS = r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]"
"""A PCI address: domain, bus, slot, function, as 0000:03:00.1."""
MAX_FUNCTIONS = 256
MAX_QUEUES = 64
MIN_VLAN, MAX_VLAN = 1, 4094

Kind = Literal["plain", "physical_function", "virtual_function"]


@dataclass(frozen=True, slots=True)
class Device:
    """A PCI device. ``assignable``: Xen's driver has it, so a domain may be given it.

    ``physical`` is the address of a virtual function's physical one; ``functions`` and
    ``max_functions`` count the virtual functions of a physical one.
    """

    address: str = part(pattern=ADDRESS)
    kind: Kind = part()
    vendor: str = part()
    product: str = part()
    device_class: str = part()
    driver: str | None = part(None)
    interface: str | None = part(None)
    assignable: bool = part(False)
    domain: str | None = part(None)
    physical: str | None = part(None, pattern=ADDRESS)
    functions: int = part(0, least=0)
    max_functions: int = part(0, least=0)


@dataclass(frozen=True, slots=True)
class VifQueues:
    """The queues of one vif."""

    name: str = part()
    receive: int = part(least=0)
    transmit: int = part(least=0)


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues that new vifs may have, and that those of running domains do have."""

    maximum: int | None = part(None, least=0)
    vifs: tuple[VifQueues, ...] = part((), tag="Vif")


@dataclass(frozen=True, slots=True)
class ListDevices:
    """Ask for the devices and queues."""


@dataclass(frozen=True, slots=True)
class Devices:
    """What there is to be given to domains."""

    devices: tuple[Device, ...] = part((), tag="Device")
    queues: Queues = part(Queues())


@dataclass(frozen=True, slots=True)
class SetFunctions:
    """Have a physical function make so many virtual ones; 0 takes all away."""

    device: str = part(pattern=ADDRESS)
    count: int = part(least=0, most=MAX_FUNCTIONS)


@dataclass(frozen=True, slots=True)
class SetQueues:
    """Let new vifs have at most so many queues."""

    count: int = part(least=1, most=MAX_QUEUES)


@dataclass(frozen=True, slots=True)
class SetDriver:
    """Take a device from the host's driver (``xen``) or return it (``host``)."""

    device: str = part(pattern=ADDRESS)
    driver: Literal["xen", "host"] = part()


@dataclass(frozen=True, slots=True)
class AttachDevice:
    """Give a device to a domain; a virtual function may be given an address and a VLAN."""

    domain: str = part(pattern=DOMAIN)
    device: str = part(pattern=ADDRESS)
    mac: str | None = part(None, pattern=MAC)
    vlan: int | None = part(None, least=MIN_VLAN, most=MAX_VLAN)


@dataclass(frozen=True, slots=True)
class RemoveDevice:
    """Take a device back from a domain."""

    domain: str = part(pattern=DOMAIN)
    device: str = part(pattern=ADDRESS)
