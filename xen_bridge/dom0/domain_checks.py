"""What is wrong with a change of a domain, or with a new one, before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xen_bridge.dom0.hypervisor.interface import Capability, require
from xen_bridge.errors import Conflict, InvalidInput
from xen_bridge.protocol.documents.domains import CreateDomain, Domain, SetDomain, VcpuPins


def check_change(
    wanted: SetDomain, domain: Domain, cpus: int, capabilities: frozenset[Capability]
) -> None:
    """Check a change of ``domain`` on a host of ``cpus`` physical CPUs.

    Raises Unsupported for what the back end cannot do, InvalidInput for a value out of range,
    Conflict for what needs a domain that runs, or another than Domain 0.
    """
    if wanted.state not in (None, "running"):
        check_guest(domain)
    for value, capability in (
        (wanted.weight, Capability.WEIGHT),
        (wanted.cap, Capability.CAP),
        (wanted.vcpus, Capability.VCPUS),
        (wanted.affinity or None, Capability.AFFINITY),
    ):
        if value is not None:
            require(capabilities, capability)
    _check_cap(wanted.cap, cpus)
    if wanted.vcpus is not None and wanted.vcpus > domain.vcpus.maximum:
        raise InvalidInput(("vcpus",), f"{domain.name} may have {domain.vcpus.maximum}")
    if wanted.affinity:
        _check_affinity(wanted.affinity, wanted.vcpus or domain.vcpus.current, cpus)
    needs_life = wanted.weight is not None or wanted.cap is not None or bool(wanted.affinity)
    if needs_life and domain.id is None and wanted.state != "running":
        raise Conflict(f"{domain.name} does not run: it can be given a share only while it does")


def check_guest(domain: Domain) -> None:
    """Raise Conflict for Domain 0, which nobody may pause, end or send away."""
    if domain.id == 0:
        raise Conflict(f"{domain.name} is the host itself: it can be neither paused nor ended")


def check_new(
    wanted: CreateDomain, others: Iterable[Domain], cpus: int, capabilities: frozenset[Capability]
) -> None:
    """Check a new domain beside ``others``; Unsupported, InvalidInput, Conflict."""
    if wanted.weight is not None:
        require(capabilities, Capability.WEIGHT)
    if wanted.cap is not None:
        require(capabilities, Capability.CAP)
    _check_cap(wanted.cap, cpus)
    if wanted.max_vcpus is not None and wanted.max_vcpus < wanted.vcpus:
        raise InvalidInput(("max_vcpus",), "must not be less than vcpus")
    for domain in others:
        if wanted.name == domain.name or wanted.uuid == domain.uuid:
            raise Conflict(f"a domain {domain.name} ({domain.uuid}) exists already")


def check_pin(vcpu: int | None, chosen: Sequence[int], domain: Domain, cpus: int) -> None:
    """Check where one vCPU of ``domain`` may run, or all (None); InvalidInput."""
    _check_cpus((VcpuPins(tuple(chosen)),), cpus, "cpus")
    if vcpu is not None and not 0 <= vcpu < domain.vcpus.current:
        raise InvalidInput(("vcpu",), f"{domain.name} has {domain.vcpus.current} vCPUs")


def _check_cap(cap: int | None, cpus: int) -> None:
    most = 100 * cpus
    if cap is not None and cap > most:
        raise InvalidInput(("cap",), f"must be at most {most}: 100 per physical CPU")


def _check_affinity(pins: Sequence[VcpuPins], vcpus: int, cpus: int) -> None:
    _check_cpus(pins, cpus, "affinity")
    if len(pins) not in (1, vcpus):
        raise InvalidInput(("affinity",), f"must be one list for all, or one for each of {vcpus}")


def _check_cpus(pins: Sequence[VcpuPins], cpus: int, field: str) -> None:
    for one in pins:
        if not one.cpus or not all(0 <= cpu < cpus for cpu in one.cpus):
            raise InvalidInput((field,), f"physical CPUs are 0 to {cpus - 1}, at least one")
