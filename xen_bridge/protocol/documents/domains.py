"""Domains, their scheduling and their life: what is asked, and what is answered.

A domain is named by its id, its name or its UUID. Memory is in kB. A weight is 1 to 65535; a cap
is percent of one physical CPU, 0 for none (report 2.1).
"""

from __future__ import annotations

import re
from typing import Literal

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field

DOMAIN = r"[^\s/.-]([^/]{0,62}[^\s/])?"
"""A UUID, a name or an id of a domain that is there. Others may have made it: its name may have
blanks and what not. No slash, no leading dot or dash: it becomes part of paths and commands."""
ROUTER = r"[A-Za-z0-9][A-Za-z0-9_.+:-]{0,63}"
"""A virtual router whose agent is known, or a node by name; a domain with an odd name goes by its
UUID."""
NAME = r"[A-Za-z][A-Za-z0-9_.+-]{0,62}"
"""A name given to a new domain; it cannot be taken for an id."""
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
MAC = r"[0-9a-f]{2}(:[0-9a-f]{2}){5}"
PATH = r"/[A-Za-z0-9_./+:@-]{1,250}"
NODE_URL = r"https://[A-Za-z0-9_.:\[\]-]{1,280}"
DEVICE_NAME = r"[A-Za-z0-9_.-]{1,15}"
BRIDGE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}"
"""A bridge for a new domain: hotplug scripts get it as a word, and as part of a path in sysfs."""
NETWORK = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
"""A virtual network, as the controller names them."""
ADDRESS = r"[0-9A-Fa-f:.]{2,45}"
PREFIXED = rf"{ADDRESS}/[0-9]{{1,3}}"
"""An address, or a range, and its prefix length."""
MAX_CPUS = 4096

MIN_WEIGHT, MAX_WEIGHT = 1, 65_535

State = Literal["running", "paused", "shutdown", "shutoff", "crashed", "unknown"]
WantedState = Literal["running", "paused", "shutoff", "destroyed"]
"""shutoff asks the guest to shut down, destroyed does not ask."""
BootLoader = Literal["pygrub"]
Lifecycle = Literal["restart", "destroy"]
"""What becomes of a domain that reboots, or crashes."""
KnownLifecycle = Literal[
    "restart", "destroy", "preserve", "rename-restart", "coredump-destroy", "coredump-restart"
]
"""What others may have chosen for theirs."""
RoutingDaemon = Literal[
    "babeld", "bfdd", "bgpd", "isisd", "ospf6d", "ospfd", "pimd", "ripd", "ripngd", "vrrpd"
]
"""Daemons of FRR; zebra and staticd run beside any of them."""
Origin = Literal["libvirt", "xl"]
"""Who keeps a domain: libvirt, through which ours are made, or xl, whose libvirt does not see."""


@document_form
class VcpuPins:
    """Which physical CPUs a vCPU may run on, in order."""

    cpus: tuple[int, ...] = document_field(tag="Cpu", least=0, most=MAX_CPUS, at_least=1)


@document_form
class Vcpus:
    """How many vCPUs a domain has now and may have (None: unknown), and where each may run."""

    current: int | None = document_field(None, least=0, most=MAX_CPUS)
    maximum: int | None = document_field(None, least=0, most=MAX_CPUS)
    affinity: tuple[VcpuPins, ...] = document_field(())


@document_form
class SchedulerParameters:
    """The scheduler's kind and what it was told; None where it knows no such thing, or unknown."""

    kind: str | None = document_field(None)
    weight: int | None = document_field(None, least=0, most=MAX_WEIGHT)
    cap: int | None = document_field(None, least=0)


@document_form
class DomainInterface:
    """A network interface of a domain; ``target`` is its end in Domain 0."""

    mac: str = document_field(pattern=MAC)
    bridge: str | None = document_field(None, pattern=DEVICE_NAME)
    target: str | None = document_field(None, pattern=DEVICE_NAME)


@document_form(kw_only=True)
class Domain:
    """One domain. ``id`` is None while it is not running.

    ``unknown`` names the fields that the host could not tell of it, which then have None (or
    nothing, or the state "unknown"); ``problems`` says why, and what else is wrong with it.
    One whose ``origin`` is xl can be looked at, no more. ``on_reboot``, ``on_crash`` and
    ``autostart`` are as they were set last; of Domain 0, and of those of xl, they are None.
    ``network`` is the virtual network that it is a router of, None for none; it is kept with the
    domain, and goes with it when it moves.
    """

    name: str = document_field(least=1)
    uuid: str = document_field(pattern=UUID)
    id: int | None = document_field(None, tag="Id", least=0)
    state: State = document_field()
    memory_kb: int | None = document_field(None, tag="MemoryKb", least=0)
    vcpus: Vcpus = document_field()
    scheduler: SchedulerParameters = document_field()
    cpu_time_s: float | None = document_field(None, tag="CpuTimeS", least=0)
    persistent: bool | None = document_field(None)
    interfaces: tuple[DomainInterface, ...] = document_field((), tag="Interface")
    origin: Origin = document_field("libvirt")
    on_reboot: KnownLifecycle | None = document_field(None)
    on_crash: KnownLifecycle | None = document_field(None)
    autostart: bool | None = document_field(None)
    network: str | None = document_field(None, pattern=NETWORK)
    unknown: tuple[str, ...] = document_field((), tag="Unknown")
    problems: tuple[str, ...] = document_field((), tag="Problem")


def agent_name(domain: Domain) -> str:
    """Return what the agent in a domain goes by: its name, or its UUID if that is an odd one."""
    return domain.name if re.fullmatch(ROUTER, domain.name) else domain.uuid


@document_form(kw_only=True)
class PhysicalHostInfo:
    """A physical host; ``capabilities`` are the names of what its back end can do.

    ``scheduler`` and ``free_memory_kb`` are None where they cannot be told. ``peer_url`` is where
    other hosts reach its node, if elsewhere than the controller does. ``planes_problem`` is why no
    router's planes can be separated there; those that can have the capability plane_separation.
    ``silent_routers`` are those whose agents have said nothing for long.
    """

    name: str = document_field(least=1)
    hypervisor: str = document_field()
    version: str = document_field()
    scheduler: str | None = document_field(None)
    cpus: int = document_field(least=0)
    memory_kb: int = document_field(tag="MemoryKb", least=0)
    free_memory_kb: int | None = document_field(None, tag="FreeMemoryKb", least=0)
    capabilities: tuple[str, ...] = document_field((), tag="Capability")
    peer_url: str | None = document_field(None, tag="PeerUrl", pattern=NODE_URL)
    planes_problem: str | None = document_field(None, tag="PlanesProblem")
    silent_routers: tuple[str, ...] = document_field((), tag="SilentRouter", pattern=ROUTER)


# ---- asked


@document_form
class GetNode:
    """Ask for the host and all its domains at once.

    Without ``affinity`` no command is run, so it is cheap enough to be asked all the time; then
    the domains that xl made are not among them.
    """

    affinity: bool = document_field(True)


@document_form
class GetDomain:
    """Ask for one domain."""

    domain: str = document_field(pattern=DOMAIN)


@document_form
class NewInterface:
    """An interface for a new domain, and its addresses with their prefix lengths."""

    bridge: str = document_field(pattern=BRIDGE_NAME)
    mac: str | None = document_field(None, pattern=MAC)
    addresses: tuple[str, ...] = document_field((), tag="Address", pattern=PREFIXED, at_most=16)


@document_form
class NewRoute:
    """A static route of a new domain: to a range, by way of a neighbor."""

    to: str = document_field(pattern=PREFIXED)
    via: str = document_field(pattern=ADDRESS)


@document_form
class NewDisk:
    """A disk for a new domain: a block device or image in Domain 0, and its name in the guest."""

    source: str = document_field(pattern=PATH)
    target: str = document_field(pattern=r"(xvd|hd|sd)[a-z]{1,2}")
    read_only: bool = document_field(False)


@document_form
class CreateDomain:
    """Define a paravirtual domain and, unless told otherwise, start it.

    It boots ``kernel``; or ``boot_loader``, which reads the guest's disk in Domain 0 and so runs
    only if it is asked for. ``on_reboot`` and ``on_crash`` say what becomes of it then;
    ``autostart`` starts it with the host. ``network`` is the virtual network it is a router of.

    Where the host can set up what is inside (ROUTER_SETUP), interfaces have addresses, and there
    are ``routes`` and FRR's ``daemons`` with their ``configuration``, as ``vtysh`` reads it.
    """

    name: str = document_field(pattern=NAME)
    uuid: str | None = document_field(None, pattern=UUID)
    memory_kb: int = document_field(131_072, tag="MemoryKb", least=4096, most=1 << 40)
    vcpus: int = document_field(1, least=1, most=MAX_CPUS)
    max_vcpus: int | None = document_field(None, least=1, most=MAX_CPUS)
    weight: int | None = document_field(None, least=MIN_WEIGHT, most=MAX_WEIGHT)
    cap: int | None = document_field(None, least=0)
    kernel: str | None = document_field(None, pattern=PATH)
    ramdisk: str | None = document_field(None, pattern=PATH)
    arguments: str | None = document_field(None, most=2000)
    interfaces: tuple[NewInterface, ...] = document_field((), tag="Interface")
    disks: tuple[NewDisk, ...] = document_field((), tag="Disk")
    start: bool = document_field(True)
    boot_loader: BootLoader | None = document_field(None)
    on_reboot: Lifecycle = document_field("restart")
    on_crash: Lifecycle = document_field("restart")
    autostart: bool = document_field(False)
    network: str | None = document_field(None, pattern=NETWORK)
    routes: tuple[NewRoute, ...] = document_field((), tag="Route", at_most=1024)
    daemons: tuple[RoutingDaemon, ...] = document_field((), tag="Daemon", at_most=16)
    configuration: str | None = document_field(None, most=65_536)


@document_form
class SetDomain:
    """Change a domain; what is None stays. ``affinity`` has one entry, or one per vCPU.

    ``anywhere`` lets all vCPUs run on all physical CPUs, whatever their numbers. ``on_reboot`` and
    ``on_crash`` hold from its next start. ``no_network`` takes it out of its virtual network.
    """

    domain: str = document_field(pattern=DOMAIN)
    weight: int | None = document_field(None, least=MIN_WEIGHT, most=MAX_WEIGHT)
    cap: int | None = document_field(None, least=0)
    vcpus: int | None = document_field(None, least=1, most=MAX_CPUS)
    affinity: tuple[VcpuPins, ...] = document_field(())
    state: WantedState | None = document_field(None)
    anywhere: bool = document_field(False)
    autostart: bool | None = document_field(None)
    on_reboot: Lifecycle | None = document_field(None)
    on_crash: Lifecycle | None = document_field(None)
    network: str | None = document_field(None, pattern=NETWORK)
    no_network: bool = document_field(False)


@document_form
class DeleteDomain:
    """Destroy a domain if it runs, and forget it."""

    domain: str = document_field(pattern=DOMAIN)


@document_form
class ListSchedulers:
    """Ask for the scheduling parameters of every running domain (``xm sched-credit``)."""


@document_form
class ListVcpus:
    """Ask where every vCPU runs and may run (``xm vcpu-list``)."""


# ---- answered


@document_form
class Node:
    """The host and all its domains."""

    host: PhysicalHostInfo = document_field()
    domains: tuple[Domain, ...] = document_field((), tag="Domain")


@document_form
class DomainAnswer:
    """One domain, after what was asked has been done."""

    domain: Domain = document_field()


@document_form
class DomainScheduling:
    """The scheduling parameters of one domain."""

    name: str = document_field()
    id: int = document_field(tag="Id", least=0)
    scheduler: SchedulerParameters = document_field()


@document_form
class Schedulers:
    """The scheduling parameters of every running domain."""

    domains: tuple[DomainScheduling, ...] = document_field((), tag="Domain")


@document_form(kw_only=True)
class VcpuAssignment:
    """Where a vCPU runs (``cpu`` None: nowhere now), and where it may run; time in seconds."""

    domain: str = document_field()
    id: int = document_field(tag="Id", least=0)
    vcpu: int = document_field(least=0)
    cpu: int | None = document_field(None, least=0)
    state: str = document_field()
    time_s: float = document_field(tag="TimeS", least=0)
    affinity: tuple[int, ...] = document_field((), tag="Cpus", least=0)


@document_form
class VcpuList:
    """Where every vCPU runs."""

    assignments: tuple[VcpuAssignment, ...] = document_field((), tag="Assignment")


@document_form
class Done:
    """It is done; there is nothing to tell."""
