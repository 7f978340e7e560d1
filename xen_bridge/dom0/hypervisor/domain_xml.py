"""Domains as libvirt writes them: made for a new one, read for what it has."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any, get_args

from lxml import etree

from xen_bridge.dom0.hypervisor.interface import HostDevice
from xen_bridge.protocol import safe_xml
from xen_bridge.protocol.documents.domains import (
    DEVICE_NAME,
    MAC,
    NETWORK,
    CreateDomain,
    DomainInterface,
    KnownLifecycle,
    NewDisk,
    NewInterface,
)

METADATA_NAMESPACE, METADATA_KEY = "urn:horizon-ryu:domain", "horizon"
"""Of what is Horizon's among a domain's ``<metadata>``: libvirt keeps one element of each."""
_NETWORK_TAG = f"{{{METADATA_NAMESPACE}}}network"


def build(wanted: CreateDomain, kind: str) -> str:
    """Return the XML of a paravirtual domain (``kind`` xen), or of a test one (``kind`` test)."""
    root = etree.Element("domain", type=kind)
    _text(root, "name", wanted.name)
    _text(root, "uuid", wanted.uuid or str(uuid.uuid4()))
    _text(root, "memory", str(wanted.memory_kb), unit="KiB")
    if wanted.network is not None:
        etree.SubElement(root, "metadata").append(_network_element(wanted.network))
    most = max(wanted.vcpus, wanted.max_vcpus or wanted.vcpus)
    _text(root, "vcpu", str(most), current=str(wanted.vcpus))
    _boot(root, wanted, kind)
    _text(root, "on_poweroff", "destroy")
    _text(root, "on_reboot", wanted.on_reboot)
    _text(root, "on_crash", wanted.on_crash)
    devices = etree.SubElement(root, "devices")
    for disk in wanted.disks:
        _disk(devices, disk)
    for interface in wanted.interfaces:
        _interface(devices, interface)
    console = etree.SubElement(devices, "console", type="pty")
    etree.SubElement(console, "target", type="xen" if kind == "xen" else "serial", port="0")
    return etree.tostring(root, encoding="unicode")


def network_text(network: str) -> str:
    """Return the element that names a virtual network; libvirt puts it into our namespace."""
    element = etree.Element("network")
    element.text = network
    return etree.tostring(element, encoding="unicode")


def _network_element(network: str) -> etree._Element:
    element = etree.Element(_NETWORK_TAG, nsmap={METADATA_KEY: METADATA_NAMESPACE})
    element.text = network
    return element


def _boot(root: etree._Element, wanted: CreateDomain, kind: str) -> None:
    system = etree.SubElement(root, "os")
    if kind == "xen":
        _text(system, "type", "linux", arch="x86_64", machine="xenpv")
    else:
        _text(system, "type", "hvm")
    if wanted.kernel is not None:
        _text(system, "kernel", wanted.kernel)
        if wanted.ramdisk is not None:
            _text(system, "initrd", wanted.ramdisk)
        if wanted.arguments is not None:
            _text(system, "cmdline", wanted.arguments)
    elif kind == "xen" and wanted.boot_loader is not None:
        _text(root, "bootloader", wanted.boot_loader)


def _text(parent: etree._Element, tag: str, text: str, **attributes: str) -> None:
    etree.SubElement(parent, tag, attributes).text = text


def _disk(devices: etree._Element, wanted: NewDisk) -> None:
    is_block = wanted.source.startswith("/dev/")
    disk = etree.SubElement(devices, "disk", type="block" if is_block else "file", device="disk")
    # Stated, so that nobody guesses it from what the guest wrote: a header of qcow2 would name
    # any file of Domain 0 as its backing file.
    etree.SubElement(disk, "driver", type="raw")
    etree.SubElement(disk, "source", {"dev" if is_block else "file": wanted.source})
    etree.SubElement(disk, "target", dev=wanted.target)
    if wanted.read_only:
        etree.SubElement(disk, "readonly")


def _interface(devices: etree._Element, wanted: NewInterface) -> None:
    interface = etree.SubElement(devices, "interface", type="bridge")
    etree.SubElement(interface, "source", bridge=wanted.bridge)
    if wanted.mac is not None:
        etree.SubElement(interface, "mac", address=wanted.mac)


class DomainDescription:
    """What the XML of a domain says; ValueError for what is none."""

    def __init__(self, text: str) -> None:
        # It comes from libvirt: the same care costs nothing.
        try:
            self._root = etree.fromstring(text.encode(), safe_xml.parser())
        except etree.XMLSyntaxError as error:
            raise ValueError(f"no XML: {error}") from error

    @property
    def vcpus(self) -> tuple[int, int]:
        """How many vCPUs it has at first, and at most."""
        element = self._root.find("vcpu")
        most = int(element.text or "1") if element is not None else 1
        current = element.get("current") if element is not None else None
        return int(current) if current is not None else most, most

    @property
    def lifecycle(self) -> tuple[str | None, str | None]:
        """What becomes of it when it reboots, and when it crashes; None for what nobody knows."""
        on_reboot, on_crash = (self._root.findtext(tag) for tag in ("on_reboot", "on_crash"))
        known = get_args(KnownLifecycle)
        return (
            on_reboot if on_reboot in known else None,
            on_crash if on_crash in known else None,
        )

    @property
    def network(self) -> str | None:
        """Which virtual network it is a router of; None for none, or a name that is none."""
        return _fitting(NETWORK, self._root.findtext(f"metadata/{_NETWORK_TAG}"))

    @property
    def interfaces(self) -> tuple[DomainInterface, ...]:
        """Its network interfaces, in order."""
        return tuple(self._interfaces())

    def _interfaces(self) -> Iterator[DomainInterface]:
        for element in self._root.iterfind("devices/interface"):
            mac, source, target = (element.find(tag) for tag in ("mac", "source", "target"))
            yield DomainInterface(
                mac=_fitting(MAC, (_of(mac, "address") or "").lower()) or "00:00:00:00:00:00",
                bridge=_fitting(DEVICE_NAME, _of(source, "bridge")),
                target=_fitting(DEVICE_NAME, _of(target, "dev")),
            )

    @property
    def host_devices(self) -> tuple[str, ...]:
        """The PCI devices that it was given, by address."""
        found = (
            element.find("source/address")
            for element in self._root.iterfind("devices/*")
            if element.get("type") in ("pci", "hostdev")
        )
        return tuple(_pci(address) for address in found if address is not None)


def with_lifecycle(text: str, on_reboot: str | None, on_crash: str | None) -> str:
    """Return the XML of a domain with another end of reboots and crashes; None keeps one.

    ValueError for what is no XML.
    """
    try:
        root = etree.fromstring(text.encode(), safe_xml.parser())
    except etree.XMLSyntaxError as error:
        raise ValueError(f"no XML: {error}") from error
    for tag, wanted in (("on_reboot", on_reboot), ("on_crash", on_crash)):
        if wanted is None:
            continue
        element = root.find(tag)
        if element is None:
            element = etree.SubElement(root, tag)
        element.text = wanted
    return etree.tostring(root, encoding="unicode")


def _of(element: Any, attribute: str) -> str | None:
    return None if element is None else element.get(attribute)


def _fitting(pattern: str, text: str | None) -> str | None:
    """Return ``text`` if a message can carry it: one odd name must not spoil all domains."""
    return text if text is not None and re.fullmatch(pattern, text) else None


def _pci(element: etree._Element) -> str:
    def number(name: str) -> int:
        return int(element.get(name) or "0", 16)

    return f"{number('domain'):04x}:{number('bus'):02x}:{number('slot'):02x}.{number('function')}"


def host_device(device: HostDevice) -> str:
    """Return the XML that gives a PCI device to a domain, or takes it back."""
    is_plain = device.mac is None and device.vlan is None
    if is_plain:
        root = etree.Element("hostdev", mode="subsystem", type="pci", managed="yes")
    else:
        root = etree.Element("interface", type="hostdev", managed="yes")
    source = etree.SubElement(root, "source")
    domain, bus, rest = device.address.split(":")
    slot, function = rest.split(".")
    parts = {"domain": domain, "bus": bus, "slot": slot, "function": function}
    kind = {} if is_plain else {"type": "pci"}
    etree.SubElement(source, "address", {**kind, **{k: f"0x{v}" for k, v in parts.items()}})
    if device.mac is not None:
        etree.SubElement(root, "mac", address=device.mac)
    if device.vlan is not None:
        etree.SubElement(etree.SubElement(root, "vlan"), "tag", id=str(device.vlan))
    return etree.tostring(root, encoding="unicode")
