"""Devices that can be given to domains (report 2.5): direct access, SR-IOV, multiple queues."""

from __future__ import annotations

from typing import Literal

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import DOMAIN, MAC

ADDRESS = r"[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]"
"""A PCI address: domain, bus, slot, function, as 0000:03:00.1."""
MAX_FUNCTIONS = 256
MAX_QUEUES = 64
MIN_VLAN, MAX_VLAN = 1, 4094

Kind = Literal["plain", "physical_function", "virtual_function"]


@document_form
class Device:
    """A PCI device. ``assignable``: Xen's driver has it, so a domain may be given it.

    ``physical`` is the address of a virtual function's physical one; ``functions`` and
    ``max_functions`` count the virtual functions of a physical one. What sysfs does not tell is
    None.
    """

    address: str = document_field(pattern=ADDRESS)
    kind: Kind = document_field()
    vendor: str | None = document_field(None)
    product: str | None = document_field(None)
    device_class: str | None = document_field(None)
    driver: str | None = document_field(None)
    interface: str | None = document_field(None)
    assignable: bool = document_field(False)
    domain: str | None = document_field(None)
    physical: str | None = document_field(None, pattern=ADDRESS)
    functions: int = document_field(0, least=0)
    max_functions: int = document_field(0, least=0)


@document_form
class VifQueues:
    """The queues of one vif."""

    name: str = document_field()
    receive: int = document_field(least=0)
    transmit: int = document_field(least=0)


@document_form
class Queues:
    """The queues that new vifs may have, and that those of running domains do have."""

    maximum: int | None = document_field(None, least=0)
    vifs: tuple[VifQueues, ...] = document_field((), tag="Vif")


@document_form
class ListDevices:
    """Ask for the devices and queues."""


@document_form
class Devices:
    """What there is to be given to domains.

    ``unknown`` names the domains of which nobody can tell which devices they have.
    """

    devices: tuple[Device, ...] = document_field((), tag="Device")
    queues: Queues = document_field(Queues())
    unknown: tuple[str, ...] = document_field((), tag="Unknown")


@document_form
class SetFunctions:
    """Have a physical function make so many virtual ones; 0 takes all away."""

    device: str = document_field(pattern=ADDRESS)
    count: int = document_field(least=0, most=MAX_FUNCTIONS)


@document_form
class SetQueues:
    """Let new vifs have at most so many queues."""

    count: int = document_field(least=1, most=MAX_QUEUES)


@document_form
class SetDriver:
    """Take a device from the host's driver (``xen``) or return it (``host``)."""

    device: str = document_field(pattern=ADDRESS)
    driver: Literal["xen", "host"] = document_field()


@document_form
class AttachDevice:
    """Give a device to a domain; a virtual function may be given an address and a VLAN."""

    domain: str = document_field(pattern=DOMAIN)
    device: str = document_field(pattern=ADDRESS)
    mac: str | None = document_field(None, pattern=MAC)
    vlan: int | None = document_field(None, least=MIN_VLAN, most=MAX_VLAN)


@document_form
class RemoveDevice:
    """Take a device back from a domain."""

    domain: str = document_field(pattern=DOMAIN)
    device: str = document_field(pattern=ADDRESS)
