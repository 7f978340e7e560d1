"""Checks of a change of a domain, or of a new one, before anything is touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xen_bridge.dom0.hypervisor.interface import Capability, require
from xen_bridge.errors import HypervisorError, InvalidRequest, RequestConflict
from xen_bridge.protocol.documents.domains import (
    MAX_CPUS,
    CreateDomain,
    Domain,
    SetDomain,
    VcpuPins,
)


@dataclass(frozen=True, slots=True)
class PhysicalCpus:
    """The physical CPUs of a host: how many there are, and the highest number one may have."""

    count: int
    last: int = MAX_CPUS
    """MAX_CPUS where nobody tells: the hypervisor refuses what is too high."""


PHYSICAL = "physical"
PER_VCPU = 100
"""A vCPU uses one physical CPU at most: 100 %."""


def check_change(
    wanted: SetDomain,
    domain: Domain,
    kept_cap: int | None,
    cpus: PhysicalCpus,
    capabilities: frozenset[Capability],
) -> None:
    """Check a change of ``domain`` on a host with these ``cpus``.

    ``kept_cap`` is what the domain is given whenever it is started. Raises RequestUnsupported for
    what the back end cannot do, InvalidRequest for a value out of range, RequestConflict for what
    needs a domain that runs, or another than Domain 0, or a lower cap; HypervisorError for a change
    that could not be taken back, since what there is cannot be read.
    """
    check_origin(domain)
    if wanted.state not in (None, "running"):
        check_guest(domain)
    if (wanted.on_reboot, wanted.on_crash, wanted.autostart) != (None, None, None):
        check_guest(domain, "whether it starts, and starts again, is not Horizon's to say")
    _check_network(wanted, domain)
    _check_can_be_done(wanted, capabilities)
    _check_cap(wanted.cap, cpus.count)
    _check_known(wanted, domain)
    _check_vcpus(wanted, domain)
    vcpus = wanted.vcpus or domain.vcpus.current
    if vcpus is not None:
        _check_cap_fits(wanted, domain, kept_cap, vcpus)
        if wanted.affinity:
            _check_affinity(wanted.affinity, vcpus, cpus.last)


def _check_can_be_done(wanted: SetDomain, capabilities: frozenset[Capability]) -> None:
    """Raise RequestUnsupported for what the back end cannot do."""
    for value, capability in (
        (wanted.weight, Capability.WEIGHT),
        (wanted.cap, Capability.CAP),
        (wanted.vcpus, Capability.VCPUS),
        (wanted.affinity or None, Capability.AFFINITY),
    ):
        if value is not None:
            require(capabilities, capability)


def _check_vcpus(wanted: SetDomain, domain: Domain) -> None:
    """Raise InvalidRequest for more vCPUs than the domain was made for."""
    most = domain.vcpus.maximum
    if wanted.vcpus is not None and most is not None and wanted.vcpus > most:
        raise InvalidRequest(
            ("vcpus",),
            f"{domain.name} may have {most} at most, as it was made: choose up to {most}, "
            "or make it again with a greater max_vcpus",
        )


def _check_network(wanted: SetDomain, domain: Domain) -> None:
    if wanted.network is None and not wanted.no_network:
        return
    check_guest(domain, "it is a router of no virtual network")
    if wanted.network is not None and wanted.no_network:
        raise InvalidRequest(("no_network",), "contradicts network")
    check_network_name(wanted.network)


def check_network_name(name: str | None) -> None:
    """Raise InvalidRequest for the name that means the network of all hosts."""
    if name == PHYSICAL:
        raise InvalidRequest(("network",), f"{name} means the network of all hosts")


def _check_known(wanted: SetDomain, domain: Domain) -> None:
    """Refuse to change what cannot be read: a change that fails half-way must be taken back."""
    has_share = wanted.weight is not None or wanted.cap is not None
    has_vcpus = wanted.vcpus is not None or bool(wanted.affinity)
    for name, is_wanted in (
        ("scheduler", has_share and domain.id is not None),
        ("vcpus", has_vcpus),
        ("network", wanted.network is not None or wanted.no_network),
    ):
        if is_wanted and name in domain.unknown:
            raise HypervisorError(f"what {domain.name} has now cannot be read: {_reason(domain)}")


def _reason(domain: Domain) -> str:
    return "; ".join(domain.problems) or "the hypervisor does not say why"


def _check_cap_fits(wanted: SetDomain, domain: Domain, kept_cap: int | None, vcpus: int) -> None:
    """Check that a cap is no more than ``vcpus`` can use, whichever of the two is changed."""
    if wanted.cap is not None:
        _check_cap_of(wanted.cap, vcpus)
    elif wanted.vcpus is not None:
        cap = max(domain.scheduler.cap or 0, kept_cap or 0)
        if cap > PER_VCPU * vcpus:
            raise RequestConflict(
                f"{domain.name} has a cap of {cap}, more than {vcpus} vCPUs can use "
                f"({PER_VCPU} each): set a lower cap before, or with vcpus"
            )


def _check_cap_of(cap: int, vcpus: int) -> None:
    if cap > PER_VCPU * vcpus:
        raise InvalidRequest(
            ("cap",), f"{cap} is more than {PER_VCPU} for each of its {vcpus} vCPUs"
        )


def check_guest(domain: Domain, why: str = "it can be neither paused nor ended") -> None:
    """Raise RequestConflict for Domain 0, which nobody may pause, end or send away.

    And for a domain of another tool.
    """
    check_origin(domain)
    if domain.id == 0:
        raise RequestConflict(f"{domain.name} is the host itself: {why}")


def check_origin(domain: Domain) -> None:
    """Raise RequestConflict for a domain that libvirt does not see: it can be looked at only."""
    if domain.origin == "xl":
        raise RequestConflict(of_xl(domain.name, domain.id))


def of_xl(name: str, number: int | None) -> str:
    """Return why a domain of xl cannot be changed, and who can."""
    return (
        f"{name} was made by xl, so libvirt does not see it and Horizon can only look at it: "
        f"change or end it on its host, as by 'xl destroy {number}'"
    )


def check_unambiguous(asked: str, meant: Domain, foreign: Iterable[Domain]) -> None:
    """Raise RequestConflict if ``asked`` may mean one of the ``foreign`` domains as well.

    What is to go, and cannot be brought back, is not guessed.
    """
    for other in foreign:
        if asked != meant.uuid and asked in (other.name, str(other.id), other.uuid):
            raise RequestConflict(
                f"{asked} may also mean {other.name} (id {other.id}), which was made by xl: "
                f"name it by its UUID, {meant.uuid}"
            )


def check_new(
    wanted: CreateDomain, others: Iterable[Domain], cpus: int, capabilities: frozenset[Capability]
) -> None:
    """Check a new domain beside ``others``; RequestUnsupported, InvalidRequest, RequestConflict."""
    if wanted.weight is not None:
        require(capabilities, Capability.WEIGHT)
    if wanted.cap is not None:
        require(capabilities, Capability.CAP)
    check_network_name(wanted.network)
    if any(one.addresses for one in wanted.interfaces) or any(
        (wanted.routes, wanted.daemons, wanted.configuration)
    ):
        require(capabilities, Capability.ROUTER_SETUP)
    _check_cap(wanted.cap, cpus)
    if wanted.cap is not None:
        _check_cap_of(wanted.cap, wanted.vcpus)
    if wanted.max_vcpus is not None and wanted.max_vcpus < wanted.vcpus:
        raise InvalidRequest(
            ("max_vcpus",), f"must not be less than vcpus ({wanted.vcpus}); left out, it is equal"
        )
    _check_boot(wanted)
    for domain in others:
        if wanted.name == domain.name or wanted.uuid == domain.uuid:
            raise RequestConflict(f"a domain {domain.name} ({domain.uuid}) exists already")


def _check_boot(wanted: CreateDomain) -> None:
    """Refuse what would be left out without a word."""
    if wanted.kernel is not None and wanted.boot_loader is not None:
        raise InvalidRequest(("boot_loader",), "a domain that has a kernel needs none")
    for name, value in (("ramdisk", wanted.ramdisk), ("arguments", wanted.arguments)):
        if value is not None and wanted.kernel is None:
            raise InvalidRequest((name,), "is for a kernel, and none is named")


def check_pin(vcpu: int | None, chosen: Sequence[int], domain: Domain, cpus: PhysicalCpus) -> None:
    """Check where one vCPU of ``domain`` may run, or all (None).

    InvalidRequest; HypervisorError if it cannot be read how many it has.
    """
    _check_cpus((VcpuPins(tuple(chosen)),), cpus.last, "cpus")
    has = domain.vcpus.current
    if has is None:
        raise HypervisorError(f"what {domain.name} has now cannot be read: {_reason(domain)}")
    if vcpu is not None and not 0 <= vcpu < has:
        raise InvalidRequest(("vcpu",), f"{domain.name} has {has} vCPUs")


def _check_cap(cap: int | None, cpus: int) -> None:
    most = 100 * cpus
    if cap is not None and cap > most:
        raise InvalidRequest(("cap",), f"must be at most {most}: 100 per physical CPU")


def _check_affinity(pins: Sequence[VcpuPins], vcpus: int, last_cpu: int) -> None:
    _check_cpus(pins, last_cpu, "affinity")
    if len(pins) not in (1, vcpus):
        raise InvalidRequest(("affinity",), f"must be one list for all, or one for each of {vcpus}")


def _check_cpus(pins: Sequence[VcpuPins], last_cpu: int, field: str) -> None:
    for one in pins:
        if not one.cpus or not all(0 <= cpu <= last_cpu for cpu in one.cpus):
            raise InvalidRequest((field,), f"physical CPUs are 0 to {last_cpu}, at least one")
