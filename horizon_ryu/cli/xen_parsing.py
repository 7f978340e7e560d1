"""Parsers of physical CPUs, disks and interfaces as people write them on a command line."""

from __future__ import annotations

import re
from typing import Any

import click

from horizon_ryu.cli.resource_path import ResourcePath, resource_path

HOSTS = ("v1", "xen", "hosts")
LONG = 240.0
"""Seconds for what a host may take its time for: more than a controller gives it."""
_NAME = re.compile(r"[^\s/?#.-]([^/?#]{0,62}[^\s/?#])?")
"""A domain that others made may have any name but these."""
_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", re.ASCII)


def is_name(text: str) -> bool:
    """Tell whether a command takes it as a name; what it does not take has a UUID."""
    return _NAME.fullmatch(text) is not None


def path_of(host: str, *parts: str) -> ResourcePath:
    """Return the path of a host's resource; a name that would lead elsewhere is refused."""
    for part in (host, *parts):
        if not is_name(part):
            raise click.BadParameter(f"{part!r} is no name of a host, a domain or a device")
    return resource_path(*HOSTS, host, *parts)


def affinity_of(text: str) -> list[list[int]]:
    """Return the CPUs of ``0,2-3`` for all vCPUs, or of ``0/1`` for one after the other."""
    return [_cpus_of(part) for part in text.split("/")]


def processor_of(text: str) -> dict[str, Any]:
    """Return what ``--affinity`` asks for: ``all``, or the CPUs of :func:`affinity_of`."""
    is_anywhere = text.strip().lower() == "all"
    return {"anywhere": True} if is_anywhere else {"affinity": affinity_of(text)}


def _cpus_of(text: str) -> list[int]:
    """Return the CPUs of ``0-3,6``, or of ``0-7,^3``, as xl writes all but one."""
    found: set[int] = set()
    for part in map(str.strip, text.split(",")):
        numbers = _span_of(part.removeprefix("^"), part)
        if part.startswith("^"):
            found.difference_update(numbers)
        else:
            found.update(numbers)
    if not found:
        raise click.BadParameter(f"{text!r} leaves no CPU", param_hint="--affinity")
    return sorted(found)


def _span_of(text: str, part: str) -> range:
    numbers = _RANGE.fullmatch(text)
    if numbers is None:
        raise click.BadParameter(
            f"{part!r} is not a CPU or a range (0,2-3); of a NUMA node, name its CPUs "
            "(xl info -n on the host tells them)",
            param_hint="--affinity",
        )
    first, last = int(numbers[1]), int(numbers[2] or numbers[1])
    if last < first:
        raise click.BadParameter(f"{part!r} ends before it begins", param_hint="--affinity")
    return range(first, last + 1)


def interface_of(text: str) -> dict[str, Any]:
    """Return the interface ``BRIDGE[,MAC][,ADDRESS/LENGTH…]``."""
    bridge, *parts = text.split(",")
    addresses = [part for part in parts if "/" in part]
    macs = [part.lower() for part in parts if part and "/" not in part]
    if len(macs) > 1:
        hint = "an address has its prefix length: 192.0.2.1/24"
        raise click.BadParameter(f"{text!r} has several MACs; {hint}", param_hint="--bridge")
    found: dict[str, Any] = {"bridge": bridge}
    if macs:
        found["mac"] = macs[0]
    return {**found, "addresses": addresses} if addresses else found


def route_of(text: str) -> dict[str, Any]:
    """Return the route ``RANGE,VIA``."""
    to, comma, via = text.partition(",")
    if not comma:
        raise click.BadParameter(
            f"{text!r} is not RANGE,VIA, as 10.0.0.0/8,192.0.2.1", param_hint="--route"
        )
    return {"to": to, "via": via}


def disk_of(text: str) -> dict[str, Any]:
    """Return the disk ``SOURCE:TARGET``, with ``:ro`` behind it one that is only read."""
    parts = text.rsplit(":", 2)
    read_only = len(parts) == 3 and parts[2] == "ro"
    if not read_only:
        parts = text.rsplit(":", 1)
    if len(parts) < 2:
        raise click.BadParameter(f"{text!r} is not SOURCE:TARGET", param_hint="--disk")
    return {"source": parts[0], "target": parts[1], "read_only": read_only}
