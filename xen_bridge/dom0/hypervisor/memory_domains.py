"""Domains of hosts in memory: what they begin with, and what they have that cannot be read."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    Domain,
    DomainInterface,
    SchedulerParameters,
    VcpuPins,
    Vcpus,
)

DEFAULT_WEIGHT, DEFAULT_CAP = 256, 0

UNKNOWN: Mapping[str, Any] = MappingProxyType(
    {
        "state": "unknown",
        "memory_kb": None,
        "cpu_time_s": None,
        "vcpus": Vcpus(),
        "scheduler": SchedulerParameters(),
        "persistent": None,
        "interfaces": (),
    }
)
"""What a field has that a host cannot tell."""


def domain_0(cpus: int) -> Domain:
    """Return Domain 0 of a host of ``cpus`` physical CPUs."""
    everywhere = VcpuPins(tuple(range(cpus)))
    return Domain(
        name="Domain-0",
        uuid="00000000-0000-0000-0000-000000000000",
        id=0,
        state="running",
        memory_kb=524_288,
        vcpus=Vcpus(1, cpus, (everywhere,)),
        scheduler=SchedulerParameters("credit", DEFAULT_WEIGHT, DEFAULT_CAP),
        cpu_time_s=0.0,
        persistent=False,
    )


def defined(wanted: CreateDomain, cpus: int) -> Domain:
    """Return a new domain, which does not run yet."""
    everywhere = VcpuPins(tuple(range(cpus)))
    name = wanted.uuid or str(uuid.uuid4())
    interfaces = tuple(
        DomainInterface(item.mac or f"00:16:3e:{name[0:2]}:{name[2:4]}:{number:02x}", item.bridge)
        for number, item in enumerate(wanted.interfaces)
    )
    most = max(wanted.vcpus, wanted.max_vcpus or wanted.vcpus)
    return Domain(
        name=wanted.name,
        uuid=name,
        id=None,
        state="shutoff",
        memory_kb=wanted.memory_kb,
        vcpus=Vcpus(wanted.vcpus, most, (everywhere,) * wanted.vcpus),
        scheduler=SchedulerParameters("credit"),
        cpu_time_s=0.0,
        persistent=True,
        interfaces=interfaces,
        on_reboot=wanted.on_reboot,
        on_crash=wanted.on_crash,
        autostart=False,
        network=wanted.network,
    )
