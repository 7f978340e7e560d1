"""Parsers of physical CPUs, disks and interfaces as people write them on a command line."""

from __future__ import annotations

import re
from typing import Any

import click

from horizon_ryu.cli.resource_path import ResourcePath, resource_path

HOSTS = ("v1", "xen", "hosts")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+:-]*", re.ASCII)
_RANGE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", re.ASCII)


def path_of(host: str, *parts: str) -> ResourcePath:
    """Return the path of a host's resource; a name that would lead elsewhere is refused."""
    for part in (host, *parts):
        if not _NAME.fullmatch(part):
            raise click.BadParameter(f"{part!r} is no name of a host, a domain or a device")
    return resource_path(*HOSTS, host, *parts)


def affinity_of(text: str) -> list[list[int]]:
    """Return the CPUs of ``0,2-3`` for all vCPUs, or of ``0/1`` for one after the other."""
    return [_cpus_of(part) for part in text.split("/")]


def processor_of(text: str) -> dict[str, Any]:
    """Return what ``--affinity`` asks for: ``all``, or the CPUs of :func:`affinity_of`."""
    return {"anywhere": True} if text == "all" else {"affinity": affinity_of(text)}


def _cpus_of(text: str) -> list[int]:
    found: set[int] = set()
    for part in text.split(","):
        numbers = _RANGE.fullmatch(part.strip())
        if numbers is None:
            raise click.BadParameter(f"{part!r} is not a CPU or a range", param_hint="--affinity")
        first, last = int(numbers[1]), int(numbers[2] or numbers[1])
        if last < first:
            raise click.BadParameter(f"{part!r} ends before it begins", param_hint="--affinity")
        found.update(range(first, last + 1))
    return sorted(found)


def interface_of(text: str) -> dict[str, Any]:
    """Return the interface ``BRIDGE`` or ``BRIDGE,MAC``."""
    bridge, _, mac = text.partition(",")
    return {"bridge": bridge, "mac": mac.lower()} if mac else {"bridge": bridge}


def disk_of(text: str) -> dict[str, Any]:
    """Return the disk ``SOURCE:TARGET``, with ``:ro`` behind it one that is only read."""
    parts = text.rsplit(":", 2)
    read_only = len(parts) == 3 and parts[2] == "ro"
    if not read_only:
        parts = text.rsplit(":", 1)
    if len(parts) < 2:
        raise click.BadParameter(f"{text!r} is not SOURCE:TARGET", param_hint="--disk")
    return {"source": parts[0], "target": parts[1], "read_only": read_only}
