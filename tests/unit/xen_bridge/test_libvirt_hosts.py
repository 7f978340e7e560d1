"""The libvirt back ends: the real test driver; Xen's over a stand-in that answers as Xen did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from xen_bridge.dom0.hypervisor import domain_xml
from xen_bridge.dom0.hypervisor.interface import Capability
from xen_bridge.dom0.hypervisor.libvirt_errors import translated
from xen_bridge.dom0.hypervisor.xen_hypervisor import XenHypervisor, xl_runner
from xen_bridge.dom0.hypervisor.xl import run_here
from xen_bridge.dom0.hypervisor.xl_tables import read_cpu_list, read_vcpu_list
from xen_bridge.errors import (
    HypervisorAway,
    HypervisorError,
    InvalidRequest,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    NewDisk,
    NewInterface,
    SetDomain,
    VcpuPins,
)
from xen_bridge.virtual_management import PhysicalHost

libvirt = pytest.importorskip("libvirt")

# ---- libvirt's own test driver


@pytest.fixture
def host() -> Iterator[PhysicalHost]:
    made = PhysicalHost("test:///default")
    yield made
    for domain in made.domains():
        if domain.name.startswith("r"):
            made.delete(domain.uuid)
    made.close()


def test_a_life_in_the_test_driver(host: PhysicalHost) -> None:
    wanted = CreateDomain("r1", vcpus=1, max_vcpus=2, interfaces=(NewInterface("br0"),))
    made = host.create(wanted)
    assert (made.state, made.vcpus.current, made.vcpus.maximum) == ("running", 1, 2)
    assert made.interfaces[0].bridge == "br0"
    host.set_domain(SetDomain("r1", vcpus=2, affinity=(VcpuPins((0, 1)), VcpuPins((1,)))))
    assert [pins.cpus for pins in host.domain("r1").vcpus.affinity] == [(0, 1), (1,)]
    assert [row.affinity for row in host.vcpu_list() if row.domain == "r1"] == [(0, 1), (1,)]
    host.set_domain(SetDomain("r1", state="paused"))
    assert host.domain("r1").state == "paused"
    host.set_domain(SetDomain("r1", state="running"))
    host.set_domain(SetDomain("r1", state="shutoff"))
    assert host.domain("r1").id is None
    with pytest.raises(RequestConflict):
        host.create(wanted)
    host.delete("r1")
    with pytest.raises(SubjectNotFound):
        host.domain("r1")


def test_what_the_test_driver_cannot_is_declared(host: PhysicalHost) -> None:
    assert host.capabilities == {Capability.VCPUS, Capability.AFFINITY}
    assert host.host().capabilities == ("affinity", "vcpus")
    for call in (
        lambda: host.set_sched_parameters_weight(512, "test"),
        lambda: host.set_sched_parameters_cap(50, "test"),
        host.schedulers,
        lambda: host.migrate("test", "test:///default"),
        lambda: host.create(CreateDomain("r2", weight=4)),
    ):
        with pytest.raises(RequestUnsupported):
            call()


def test_unknown_domains_and_hosts(host: PhysicalHost) -> None:
    for name in ("nobody", "99", "00000000-0000-0000-0000-00000000ffff"):
        with pytest.raises(SubjectNotFound):
            host.domain(name)
    with pytest.raises(HypervisorAway):
        PhysicalHost("xen+tcp://127.0.0.1:1/system").host()


def test_the_counters_of_the_test_driver(host: PhysicalHost) -> None:
    usage = {one.name: one for one in host.hypervisor.usage()}
    assert usage["test"].vcpus == 2
    assert usage["test"].cpu_ns > 0


# ---- errors


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (libvirt.VIR_ERR_NO_DOMAIN, "x", SubjectNotFound),
        (libvirt.VIR_ERR_OPERATION_INVALID, "x", RequestConflict),
        (libvirt.VIR_ERR_OPERATION_FAILED, "domain 'x' already exists", RequestConflict),
        (libvirt.VIR_ERR_NO_SUPPORT, "x", RequestUnsupported),
        (libvirt.VIR_ERR_RPC, "x", HypervisorAway),
        (libvirt.VIR_ERR_SYSTEM_ERROR, "Failed to connect socket", HypervisorAway),
        (libvirt.VIR_ERR_INTERNAL_ERROR, "cannot recv data: Connection reset", HypervisorAway),
        (libvirt.VIR_ERR_INTERNAL_ERROR, "with libxenlight", HypervisorError),
    ],
)
def test_errors_of_libvirt(code: int, text: str, expected: type[Exception]) -> None:
    error = libvirt.libvirtError(text)
    error.err = (code, 0, text, 2, "", "", "", 0, 0)
    with pytest.raises(expected) as told, translated():
        raise error
    assert type(told.value) is expected


# ---- Xen, as it was heard to answer

D1 = """<domain type='xen' id='5'><name>d1</name>
<uuid>7f07538e-d65a-4a85-83a9-dc320db2695e</uuid><vcpu placement='static' current='1'>2</vcpu>
<devices><interface type='bridge'><mac address='00:16:3e:00:00:11'/><source bridge='xenbr0'/>
<target dev='vif5.0'/></interface></devices></domain>"""
VCPU_LIST = """\
Name                                ID  VCPU   CPU State   Time(s) Affinity (Hard / Soft)
Domain-0                             0     0    1   r--     248.1  all / all
d1                                   5     0    0   -b-      12.8  0-1 / all
my router                            6     0    -   --p      12.2  1 / 0,1
"""


class FakeDomain:
    """One running domain of a Xen host with credit2."""

    kind = "credit2"

    def __init__(self) -> None:
        self.parameters = {"weight": 256, "cap": 0}
        self.moved: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        fixed = {
            "name": "d1",
            "UUIDString": "7f07538e-d65a-4a85-83a9-dc320db2695e",
            "ID": 5,
            "XMLDesc": D1,
            "info": [2, 131072, 131072, 1, 17339308232],
            "isActive": 1,
            "isPersistent": 1,
            "schedulerParameters": self.parameters,
            "schedulerType": (self.kind, 2),
        }
        return lambda *_args: fixed[name]

    def setSchedulerParameters(self, wanted: dict[str, int]) -> None:
        if not wanted or set(wanted) - {"weight", "cap"}:
            raise LookupError("Need non-empty dictionary to set attributes")
        self.parameters.update(wanted)

    def interfaceStats(self, target: str) -> tuple[int, ...]:
        assert target == "vif5.0"
        return (1522, 19, 0, 1, 600, 9, 0, -1)


class FakeConnection:
    """A connection to that host."""

    def __init__(self) -> None:
        self.domain = FakeDomain()

    def __getattr__(self, name: str) -> Any:
        fixed = {
            "isAlive": 1,
            "getInfo": ["x86_64", 1023, 2, 2596, 1, 1, 2, 1],
            "getVersion": 4017005,
            "getHostname": "xen2",
            "getType": "Xen",
            "getFreeMemory": 253820928,
            "listAllDomains": [self.domain],
            "lookupByID": self.domain,
            "lookupByName": self.domain,
            "lookupByUUIDString": self.domain,
        }
        return lambda *_args: fixed[name]


class FakeXen(XenHypervisor):
    """XenHypervisor over the fake connection; remembers what xl was told."""

    def __init__(self) -> None:
        super().__init__("xen:///system", self._xl_says)
        self.fake = FakeConnection()
        self.commands: list[Sequence[str]] = []

    def _xl_says(self, command: Sequence[str]) -> str:
        self.commands.append(command)
        return VCPU_LIST

    def connection(self) -> Any:
        return self.fake


def test_a_xen_host_and_its_domain() -> None:
    xen = FakeXen()
    host = xen.host()
    assert (host.version, host.scheduler, host.cpus) == ("4.17.5", "credit2", 2)
    assert host.free_memory_kb == 247872
    domain = PhysicalHost("xen:///system", xen).domain("d1")
    assert (domain.state, domain.id, domain.cpu_time_s) == ("running", 5, 17.339)
    assert (domain.vcpus.current, domain.vcpus.maximum) == (1, 2)
    assert domain.vcpus.affinity == (VcpuPins((0, 1)),)
    assert domain.interfaces[0].target == "vif5.0"


def test_shares_on_xen() -> None:
    xen = FakeXen()
    host = PhysicalHost("xen:///system", xen)
    host.set_sched_parameters_weight(512, "d1")
    host.set_sched_parameters_cap(40, "d1")
    assert xen.fake.domain.parameters == {"weight": 512, "cap": 40}
    with pytest.raises(InvalidRequest, match="100 for each of its 1"):
        host.set_sched_parameters_cap(150, "d1")
    xen.fake.domain.kind = "rtds"
    with pytest.raises(RequestUnsupported, match="rtds"):
        host.set_sched_parameters_weight(1, "d1")


def test_pinning_on_xen_is_xls() -> None:
    xen = FakeXen()
    PhysicalHost("xen:///system", xen).pin_vcpu("d1", 0, [1, 0])
    assert ("xl", "vcpu-pin", "5", "0", "0,1") in xen.commands


def test_counters_are_seen_from_domain_0() -> None:
    (usage,) = FakeXen().usage()
    (vif,) = usage.interfaces
    assert (vif.transmitted_bytes, vif.transmitted_packets) == (1522, 19)
    assert (vif.received_bytes, vif.received_packets) == (600, 9)
    assert (vif.reception_drops, vif.transmission_drops) == (0, 1)


def test_rows_of_xl() -> None:
    rows = list(read_vcpu_list(VCPU_LIST + "garbage\n", 2))
    assert [(row.domain, row.cpu, row.affinity) for row in rows] == [
        ("Domain-0", 1, (0, 1)),
        ("d1", 0, (0, 1)),
        ("my router", None, (1,)),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("all", (0, 1, 2)), ("none", ()), ("0,2", (0, 2)), ("1-5", (1, 2, 3, 4, 5)), ("x-1,²", ())],
)
def test_lists_of_cpus(text: str, expected: tuple[int, ...]) -> None:
    assert read_cpu_list(text, 3) == expected


def test_xl_runs_on_the_host_or_by_ssh() -> None:
    assert xl_runner("xen:///system") is not None
    assert xl_runner("xen+ssh://root@xen2/system") is not None
    assert xl_runner("xen+tls://xen2/system") is None
    remote = XenHypervisor("xen+tls://xen2/system")
    assert Capability.AFFINITY not in remote.capabilities


def test_commands_that_fail() -> None:
    with pytest.raises(RequestUnsupported, match="not installed"):
        run_here(["no-such-command-here"])
    with pytest.raises(HypervisorError, match="false"):
        run_here(["false"])
    with pytest.raises(SubjectNotFound):
        run_here(["sh", "-c", "echo x is an invalid domain identifier >&2; exit 1"])


def test_xml_for_a_new_xen_domain() -> None:
    wanted = CreateDomain(
        "r1",
        kernel="/boot/k",
        ramdisk="/boot/i",
        arguments="ip=1 <&>",
        disks=(NewDisk("/dev/vg/r1", "xvda"), NewDisk("/img/r1.img", "xvdb", True)),
        interfaces=(NewInterface("xenbr0", "00:16:3e:00:00:11"),),
    )
    text = domain_xml.build(wanted, "xen")
    assert 'machine="xenpv"' in text
    assert "ip=1 &lt;&amp;&gt;" in text
    assert '<source dev="/dev/vg/r1"/>' in text
    assert '<source file="/img/r1.img"/>' in text
    assert domain_xml.DomainDescription(text).interfaces[0].mac == "00:16:3e:00:00:11"
    assert "pygrub" in domain_xml.build(CreateDomain("r2", boot_loader="pygrub"), "xen")
    assert "bootloader" not in domain_xml.build(CreateDomain("r2"), "xen")
