"""Physical CPUs whose numbers are not 0 to n-1: some are off, or every other is (``smt=off``)."""

from __future__ import annotations

import pytest

pytest.importorskip("libvirt")

from fake_libvirt import SickXen
from xen_bridge.dom0.hypervisor.memory_host import MemoryWorld
from xen_bridge.errors import HypervisorError, InvalidRequest
from xen_bridge.protocol.documents.domains import CreateDomain, SetDomain, VcpuPins
from xen_bridge.virtual_management import PhysicalHost

HEAD = "Name ID VCPU CPU State Time(s) Affinity (Hard / Soft)\n"
INFO = "release : 6.1\nnr_cpus                : 2\nmax_cpu_id             : 31\n"


@pytest.fixture
def xen() -> SickXen:
    """A host of two CPUs, the last of which may have the number 31."""
    made = SickXen()
    made.xl_each = {
        "info": INFO,
        "vcpu-list": HEAD + "healthy 1 0 30 -b- 1.0 28,30-31 / all\nsick 2 0 - --p 1.0 all / all\n",
        "vcpu-pin": "",
    }
    return made


@pytest.fixture
def host(xen: SickXen) -> PhysicalHost:
    return PhysicalHost("xen:///system", xen)


def test_every_number_that_xl_told_is_told(host: PhysicalHost) -> None:
    pins = {one.name: one.vcpus.affinity for one in host.domains()}
    assert pins["healthy"] == (VcpuPins((28, 30, 31)),)
    assert pins["sick"] == (VcpuPins(tuple(range(32))),)
    assert [one.cpu for one in host.vcpu_list()] == [30, None]


def test_every_number_up_to_the_highest_may_be_named(xen: SickXen, host: PhysicalHost) -> None:
    host.set_domain(SetDomain("healthy", affinity=(VcpuPins((31,)),)))
    host.pin_vcpu("healthy", None, [30])
    pinned = [command for command in xen.commands if command[1] == "vcpu-pin"]
    assert pinned == [("xl", "vcpu-pin", "1", "0", "31"), ("xl", "vcpu-pin", "1", "0", "30")]
    with pytest.raises(InvalidRequest, match="0 to 31"):
        host.set_domain(SetDomain("healthy", affinity=(VcpuPins((32,)),)))
    with pytest.raises(InvalidRequest, match="0 to 31"):
        host.pin_vcpu("healthy", 0, [32])


def test_a_cap_is_bounded_by_the_cpus_that_run(host: PhysicalHost) -> None:
    with pytest.raises(InvalidRequest, match="at most 200"):
        host.set_domain(SetDomain("healthy", cap=300))


def test_where_nobody_tells_the_highest_number_xen_judges(xen: SickXen, host: PhysicalHost) -> None:
    xen.xl_each["info"] = "release : 6.1\n"
    pins = {one.name: one.vcpus.affinity for one in host.domains()}
    assert pins["healthy"] == (VcpuPins((28, 30, 31)),)
    assert pins["sick"] == (VcpuPins((0, 1)),)
    host.pin_vcpu("healthy", 0, [31])
    del xen.xl_each["vcpu-pin"]
    xen.xl = HypervisorError("xl vcpu-pin: Fail to set vcpu affinity")
    with pytest.raises(HypervisorError, match="Fail to set"):
        host.pin_vcpu("healthy", 0, [99])


def test_the_highest_number_is_asked_for_when_it_matters(xen: SickXen, host: PhysicalHost) -> None:
    for _ in range(3):
        host.domains()
    host.set_domain(SetDomain("healthy", weight=300))
    assert xen.commands.count(("xl", "info")) == 1


def test_hosts_in_memory_have_cpus_that_are_off() -> None:
    memory = MemoryWorld().host("a")
    host = PhysicalHost("memory:///a", memory)
    host.create(CreateDomain("r1"))
    memory.take_offline(1)
    assert host.host().cpus == 3
    told = host.set_domain(SetDomain("r1", affinity=(VcpuPins((3,)),)))
    assert told.vcpus.affinity == (VcpuPins((3,)),)
    with pytest.raises(InvalidRequest, match="0 to 3"):
        host.pin_vcpu("r1", 0, [4])
