"""Domains that ``xl`` made: told for what they are, changed and ended by nobody but xl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("libvirt")

import fake_sysfs
from fake_libvirt import SickDomain, SickXen
from fake_sysfs import PF, VF
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.hypervisor import xen_hypervisor
from xen_bridge.dom0.hypervisor.interface import HostDevice
from xen_bridge.dom0.hypervisor.xl_tables import read_list, read_pci_list, read_shares
from xen_bridge.dom0.sysfs_devices import SysfsDevices
from xen_bridge.errors import HypervisorError, RequestConflict, SubjectNotFound
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.domains import CreateDomain, Domain, SetDomain, VcpuPins
from xen_bridge.virtual_management import PhysicalHost

UUID = "ddec06c5-97ef-4f76-ba52-28c06c1c9f93"
LIST = f"""\
Name                                        ID   Mem VCPUs\tState\tTime(s)   UUID                            Reason-Code\tSecurity Label
Domain-0                                     0   480     1     r-----      65.9 00000000-0000-0000-0000-000000000000        -                -
healthy                                      1   192     1     -b----      48.2 00000000-0000-0000-0000-000000000001        -                -
sick                                         2   192     1     -b----      48.2 00000000-0000-0000-0000-000000000002        -                -
web 9 2                                      7   256     3     --p---      12.5 {UUID}        -                -
(null)                                       8     0     1     -----d      12.5 11111111-2222-3333-4444-555555555555        -                -
old                                          9    64     1     ---sc-      12.5 11111111-2222-3333-4444-555555555556        3                -
"""  # noqa: E501
VCPUS = """\
Name                                ID  VCPU   CPU State   Time(s) Affinity (Hard / Soft)
web 9 2                              7     0    1   -b-      46.9  1 / all
web 9 2                              7     1    -   --p       1.4  0-1 / all
web 9 2                              7     2    -   --p       1.4  0-1 / all
"""
SHARES = """\
Cpupool Pool-0: ratelimit=1000us
Name                                ID Weight  Cap
Domain-0                             0    256    0
web 9 2                              7    512   50
"""


@pytest.fixture
def xen() -> SickXen:
    made = SickXen()
    made.xl_each = {"list": LIST, "vcpu-list": VCPUS, "sched-credit2": SHARES}
    return made


@pytest.fixture
def host(xen: SickXen) -> PhysicalHost:
    return PhysicalHost("xen:///system", xen)


def of_xl(host: PhysicalHost) -> dict[str, Domain]:
    return {one.name: one for one in host.domains() if one.origin == "xl"}


def test_they_are_listed_beside_libvirt_s(host: PhysicalHost) -> None:
    assert [one.name for one in host.domains()] == ["Domain-0", "healthy", "sick", "web 9 2", "old"]
    web = of_xl(host)["web 9 2"]
    document_schema.check(web)
    assert (web.id, web.uuid, web.state, web.memory_kb) == (7, UUID, "paused", 256 * 1024)
    assert (web.vcpus.current, web.cpu_time_s, web.persistent) == (3, 12.5, False)
    assert [pins.cpus for pins in web.vcpus.affinity] == [(1,), (0, 1), (0, 1)]
    assert (web.scheduler.kind, web.scheduler.weight, web.scheduler.cap) == ("credit2", 512, 50)
    assert web.unknown == ("interfaces",)
    old = of_xl(host)["old"]
    assert (old.state, old.scheduler.weight, old.unknown) == (
        "crashed",
        None,
        ("interfaces", "scheduler"),
    )
    # Those of libvirt are said to be.
    assert {one.origin for one in host.domains() if one.id in (0, 1, 2)} == {"libvirt"}


def test_each_can_be_looked_at_by_name_id_or_uuid(host: PhysicalHost) -> None:
    for name in ("web 9 2", "7", UUID):
        assert (host.domain(name).uuid, host.domain(name).origin) == (UUID, "xl")
    with pytest.raises(SubjectNotFound):
        host.domain("nobody")


CHANGES: dict[str, Callable[[PhysicalHost, str], object]] = {
    "weight": lambda host, name: host.set_domain(SetDomain(name, weight=300)),
    "affinity": lambda host, name: host.set_domain(SetDomain(name, affinity=(VcpuPins((1,)),))),
    "paused": lambda host, name: host.set_domain(SetDomain(name, state="paused")),
    "running": lambda host, name: host.set_domain(SetDomain(name, state="running")),
    "autostart": lambda host, name: host.set_domain(SetDomain(name, autostart=True)),
    "on_crash": lambda host, name: host.set_domain(SetDomain(name, on_crash="destroy")),
    "pin": lambda host, name: host.pin_vcpu(name, 0, [1]),
    "start": PhysicalHost.start,
    "shutdown": PhysicalHost.shutdown,
    "suspend": PhysicalHost.suspend,
    "resume": PhysicalHost.resume,
    "destroy": PhysicalHost.destroy,
    "undefine": PhysicalHost.undefine,
    "delete": PhysicalHost.delete,
    "migrate": lambda host, name: host.migrate(name, "memory:///b"),
}


@pytest.mark.parametrize("name", ["web 9 2", "7", UUID])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_no_change_reaches_one_and_the_refusal_says_why(
    xen: SickXen, host: PhysicalHost, change: Callable[[PhysicalHost, str], object], name: str
) -> None:
    with pytest.raises(RequestConflict, match=r"made by xl.*xl destroy 7"):
        change(host, name)
    assert {command[1] for command in xen.commands} <= {
        "list",
        "vcpu-list",
        "sched-credit2",
        "info",
    }


def test_a_name_that_xl_s_domain_has_is_taken(host: PhysicalHost) -> None:
    with pytest.raises(RequestConflict, match="exists already"):
        host.create(CreateDomain("old", kernel="/srv/vmlinuz"))


def test_what_may_also_mean_xl_s_domain_is_not_deleted(xen: SickXen, host: PhysicalHost) -> None:
    for name in ("old", "7"):
        xen.fake.domains.append(SickDomain(name, 3))
        for remove in (host.delete, host.undefine):
            with pytest.raises(RequestConflict, match="name it by its UUID"):
                remove(name)
        xen.fake.domains.pop()


def test_one_that_libvirt_has_started_since_is_libvirt_s(
    xen: SickXen, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = list(xen.fake.domains)
    new = SickDomain("new", 7)
    new.answers["UUIDString"] = new.uuid = UUID
    xen.fake.domains.append(new)
    monkeypatch.setattr(xen.fake, "listAllDomains", lambda *_flags: listed)
    assert set(of_xl(PhysicalHost("xen:///system", xen))) == {"old"}


@pytest.mark.parametrize("said", ["", "xl: command failed", LIST[:200], "\x00\xff" * 500])
def test_of_an_xl_that_tells_nothing_nothing_is_told(xen: SickXen, said: str) -> None:
    xen.xl_each["list"] = said
    assert of_xl(PhysicalHost("xen:///system", xen)) == {}


def test_an_xl_that_fails_leaves_the_others(xen: SickXen) -> None:
    xen.xl_each, xen.xl = {}, HypervisorError("xl: Permission denied")
    assert len(PhysicalHost("xen:///system", xen).domains()) == 3


def test_whoever_polls_runs_no_xl(xen: SickXen, host: PhysicalHost) -> None:
    assert len(host.domains(affinity=False)) == 3
    assert xen.commands == []


def test_rows_are_read_from_the_right() -> None:
    listed = {one.id: one for one in read_list(LIST)}
    assert set(listed) == {0, 1, 2, 7, 9}
    assert read_shares(SHARES) == {0: (256, 0), 7: (512, 50)}
    assert list(read_list(LIST.replace(UUID, "no-uuid")))[-1].id == 9


def test_a_name_that_no_message_carries_hides_no_other(xen: SickXen) -> None:
    xen.xl_each["list"] = LIST.replace("web 9 2", "a\x01b    ")
    assert set(of_xl(PhysicalHost("xen:///system", xen))) == {"old"}


# ---- devices


def test_a_device_that_a_domain_of_xl_has_is_not_taken_from_it(
    tmp_path: Path, xen: SickXen
) -> None:
    xen.xl_each["pci-list"] = f"Vdev Device\n05.0 {VF}\n"
    manager = DeviceManager(xen, SysfsDevices(fake_sysfs.build(tmp_path)))
    given = {one.address: one.domain for one in manager.devices().devices}
    # Both of xl's are told to have it; who is told of last is nobody's concern.
    assert given[VF] in ("web 9 2", "old")
    for change in (
        lambda: manager.set_functions(PF, 4),
        lambda: manager.take(VF),
        lambda: manager.give_back(VF),
        lambda: manager.attach("healthy", HostDevice(VF)),
    ):
        with pytest.raises(RequestConflict, match=f"has {VF}"):
            change()
    asked = {command[2] for command in xen.commands if command[1] == "pci-list"}
    assert asked == {"7", "9"}, "those of libvirt are asked through libvirt"


def test_one_whose_devices_nobody_tells_keeps_what_it_may_have(
    tmp_path: Path, xen: SickXen
) -> None:
    xen.xl = HypervisorError("xl pci-list: failed")
    manager = DeviceManager(xen, SysfsDevices(fake_sysfs.build(tmp_path)))
    assert manager.devices().unknown == ("web 9 2", "old")
    with pytest.raises(RequestConflict, match="cannot be read which devices web 9 2, old"):
        manager.set_functions(PF, 4)


@pytest.mark.parametrize("said", ["", "xl: failed", "05.0 0000:03:10.9\n" * 9, "\x00" * 99])
def test_a_pci_list_that_is_none_has_no_devices(said: str) -> None:
    assert read_pci_list(said) == ()


def test_devices_are_told_though_xl_fails(tmp_path: Path, xen: SickXen) -> None:
    xen.xl_each, xen.xl = {}, HypervisorError("xl: Permission denied")
    manager = DeviceManager(xen, SysfsDevices(fake_sysfs.build(tmp_path)))
    told = manager.devices()
    assert ([one.address for one in told.devices if one.address == VF], told.unknown) == ([VF], ())


@pytest.mark.parametrize("name", ["old", "sick"])
def test_no_domain_moves_to_where_its_name_is_taken_whoever_took_it(
    host: PhysicalHost, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """libvirt would leave it in limbo."""
    here, there = SickXen(), host.hypervisor
    here.fake.domains[1].answers["name"] = name
    here.fake.domains.pop()
    monkeypatch.setattr(xen_hypervisor, "XenHypervisor", lambda _uri: there)
    with pytest.raises(RequestConflict, match=f"xen\\+ssh://b/ has a domain {name} already"):
        here.migrate(name, "xen+ssh://b/")
