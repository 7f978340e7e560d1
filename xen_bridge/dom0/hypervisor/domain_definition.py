"""Definition of a domain, as what would make it again: read back from libvirt's XML."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from lxml import etree

from xen_bridge.dom0.hypervisor.domain_xml import DomainDescription
from xen_bridge.errors import BridgeError
from xen_bridge.protocol import safe_xml
from xen_bridge.protocol.document_schema import check
from xen_bridge.protocol.documents.domains import CreateDomain, NewDisk, NewInterface

_UNITS = {
    **{"b": 1, "bytes": 1, "k": 1024, "kib": 1024, "m": 1 << 20, "mib": 1 << 20},
    **{"g": 1 << 30, "gib": 1 << 30, "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000},
}
"""Bytes of each unit of libvirt's (https://libvirt.org/formatdomain.html#memory-allocation)."""


def definition_of(text: str) -> CreateDomain:
    """Return what would define the domain of this XML.

    ValueError for what no definition of ours can say: an odd name, a disk that is no path ...
    """
    try:
        root = etree.fromstring(text.encode(), safe_xml.parser())
    except etree.XMLSyntaxError as error:
        raise ValueError(f"no XML: {error}") from error
    described = DomainDescription(text)
    vcpus, most = described.vcpus
    loader = os.path.basename(root.findtext("bootloader") or "")
    made = CreateDomain(
        name=root.findtext("name") or "",
        uuid=root.findtext("uuid"),
        memory_kb=_memory(root),
        vcpus=vcpus,
        max_vcpus=most,
        kernel=root.findtext("os/kernel"),
        ramdisk=root.findtext("os/initrd"),
        arguments=root.findtext("os/cmdline"),
        interfaces=tuple(_interfaces(root)),
        disks=tuple(_disks(root)),
        boot_loader="pygrub" if loader == "pygrub" else None,
        on_reboot="destroy" if described.lifecycle[0] == "destroy" else "restart",
        on_crash="destroy" if described.lifecycle[1] == "destroy" else "restart",
        network=described.network,
    )
    try:
        check(made)
    except BridgeError as error:
        raise ValueError(str(error)) from error
    return made


def _memory(root: etree._Element) -> int:
    element = root.find("memory")
    if element is None:
        raise ValueError("it has no memory")
    unit = _UNITS.get(element.get("unit", "KiB").lower())
    if unit is None:
        raise ValueError(f"its memory is told in {element.get('unit')}")
    return int(element.text or "0") * unit // 1024


def _interfaces(root: etree._Element) -> Iterator[NewInterface]:
    for element in root.iterfind("devices/interface"):
        bridge = _of(element.find("source"), "bridge")
        if element.get("type") != "bridge" or bridge is None:
            raise ValueError("it has an interface that is in no bridge")
        mac = _of(element.find("mac"), "address")
        yield NewInterface(bridge, mac.lower() if mac is not None else None)


def _disks(root: etree._Element) -> Iterator[NewDisk]:
    for element in root.iterfind("devices/disk"):
        source, target = element.find("source"), _of(element.find("target"), "dev")
        path = _of(source, "dev") or _of(source, "file")
        if path is None or target is None:
            raise ValueError("it has a disk that is no file and no device of its host")
        yield NewDisk(path, target, element.find("readonly") is not None)


def _of(element: Any, attribute: str) -> str | None:
    return None if element is None else element.get(attribute)
