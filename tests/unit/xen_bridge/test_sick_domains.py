"""One domain that cannot be read: it is told with unknown values, all others whole."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("libvirt")

import fake_sysfs
from fake_libvirt import NO_DOMAIN, SickXen, refusal
from fake_runtime import FakeRuntime
from fake_sysfs import PF
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.hypervisor.libvirt_errors import binding
from xen_bridge.dom0.hypervisor.opening import open_hypervisor
from xen_bridge.dom0.sysfs_devices import SysfsDevices
from xen_bridge.errors import (
    HypervisorAway,
    HypervisorError,
    RequestConflict,
    SubjectNotFound,
)
from xen_bridge.gatherers.from_usage import FromUsage
from xen_bridge.gatherers.summary import HostLoad
from xen_bridge.protocol import messages
from xen_bridge.protocol.documents.domains import Domain, Node, SetDomain, VcpuPins
from xen_bridge.protocol.documents.measures import Sampling
from xen_bridge.protocol.messages import Message
from xen_bridge.virtual_management import PhysicalHost

UNREADABLE = ("isActive", "isPersistent", "name", "info", "XMLDesc", "schedulerType")


@pytest.fixture
def xen() -> SickXen:
    return SickXen()


@pytest.fixture
def host(xen: SickXen) -> PhysicalHost:
    return PhysicalHost("xen:///system", xen)


def told(host: PhysicalHost) -> dict[str, Domain]:
    """What a controller reads of the host, by UUID's last digit."""
    answer = Node(host.host(), host.domains(affinity=False))
    read = messages.read(messages.write(Message("AAAA", 7, answer)))
    return {domain.uuid[-1]: domain for domain in read.body.domains}


@pytest.mark.parametrize("call", [*UNREADABLE[1:], "schedulerParameters"])
@pytest.mark.parametrize(
    "error",
    [
        refusal(),
        refusal(38, "cannot acquire state change lock"),
        NO_DOMAIN,
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    ],
    ids=["libxl", "lock", "not found for a moment", "not UTF-8"],
)
def test_a_host_with_one_sick_domain_is_told_whole_but_for_that(
    xen: SickXen, host: PhysicalHost, call: str, error: Exception
) -> None:
    healthy = told(host)["1"]
    xen.sick.sick[call] = error
    found = told(host)
    assert list(found) == ["0", "1", "2"]
    assert found["1"] == healthy
    assert (healthy.unknown, healthy.problems) == ((), ())
    # It is not told as ended.
    assert found["2"].id == 2
    assert found["2"].unknown
    assert str(error)[:20] in found["2"].problems[0]
    changed = host.set_domain(SetDomain("healthy", weight=300))
    assert changed.scheduler.weight == 300


def test_whether_it_runs_is_known_from_the_list(xen: SickXen, host: PhysicalHost) -> None:
    before = told(host)
    xen.sick.sick["isActive"] = refusal()
    assert told(host) == before


def test_a_domain_that_is_started_meanwhile_has_no_number_yet(
    xen: SickXen, host: PhysicalHost
) -> None:
    xen.sick.answers["ID"] = -1
    assert told(host)["2"].id is None


def test_what_is_unknown_is_none_and_nothing_else_is(xen: SickXen, host: PhysicalHost) -> None:
    xen.sick.sick = {call: refusal() for call in UNREADABLE}
    sick = told(host)["2"]
    assert (sick.state, sick.memory_kb, sick.cpu_time_s) == ("unknown", None, None)
    assert (sick.vcpus.current, sick.vcpus.maximum) == (None, None)
    assert (sick.scheduler.kind, sick.scheduler.weight) == (None, None)
    assert (sick.persistent, sick.interfaces, sick.name) == (None, (), sick.uuid)
    assert set(sick.unknown) == {
        *("name", "state", "memory_kb", "cpu_time_s", "vcpus", "scheduler"),
        *("persistent", "interfaces", "on_reboot", "on_crash", "network"),
    }


def test_one_value_that_is_unreadable_leaves_the_others(xen: SickXen, host: PhysicalHost) -> None:
    xen.sick.sick["schedulerParameters"] = refusal()
    sick = told(host)["2"]
    assert sick.unknown == ("scheduler",)
    assert (sick.scheduler.kind, sick.memory_kb, sick.vcpus.current) == ("credit2", 131072, 1)
    assert sick.interfaces


@pytest.mark.parametrize(
    ("call", "answer", "unknown"),
    [
        ("XMLDesc", "<domain><vcpu>many</vcpu></domain>", {"vcpus"}),
        ("XMLDesc", "<domain", {"vcpus", "interfaces", "on_reboot", "on_crash", "network"}),
        ("XMLDesc", "<domain><vcpu>99999</vcpu></domain>", {"vcpus"}),
        ("schedulerParameters", {"weight": 10**6, "cap": 0}, {"scheduler"}),
        ("schedulerParameters", {"weight": 256, "cap": -1}, {"scheduler"}),
        ("name", "", {"name"}),
        ("name", None, {"name"}),
        ("info", [1, 131072, -1, 1, 0], {"state", "memory_kb", "cpu_time_s", "vcpus"}),
        ("info", [1, 2], {"state", "memory_kb", "cpu_time_s", "vcpus"}),
        ("info", [None] * 5, {"state", "memory_kb", "cpu_time_s", "vcpus"}),
        ("schedulerType", None, {"scheduler"}),
        ("schedulerParameters", None, {"scheduler"}),
        ("XMLDesc", None, {"vcpus", "interfaces", "on_reboot", "on_crash", "network"}),
        (
            "XMLDesc",
            "<domain>\udcff</domain>",
            {"vcpus", "interfaces", "on_reboot", "on_crash", "network"},
        ),
    ],
)
def test_values_that_no_message_can_carry_are_unknown(
    xen: SickXen, host: PhysicalHost, call: str, answer: Any, unknown: set[str]
) -> None:
    xen.sick.answers[call] = answer
    found = told(host)
    assert set(found["2"].unknown) == unknown
    assert found["1"].unknown == ()


def test_names_with_blanks_and_odd_bridges_are_told(xen: SickXen, host: PhysicalHost) -> None:
    xen.sick.answers["name"] = "my \x07router"
    xml = xen.sick.answers["XMLDesc"].replace("xenbr0", "a bridge of my own")
    xen.sick.answers["XMLDesc"] = xml.replace("00:16:3e:00:00:11", "00:16:3E:00:00:AB")
    sick = told(host)["2"]
    assert (sick.name, sick.unknown) == ("my \ufffdrouter", ())
    assert (sick.interfaces[0].bridge, sick.interfaces[0].mac) == (None, "00:16:3e:00:00:ab")


def test_a_scheduler_that_nobody_knows(xen: SickXen, host: PhysicalHost) -> None:
    xen.sick.answers["schedulerType"] = ("rtds", 0)
    sick = told(host)["2"]
    assert (sick.scheduler.kind, sick.scheduler.weight, sick.unknown) == ("rtds", None, ())
    for domain in xen.fake.domains:
        domain.sick["schedulerType"] = refusal(text="Unknown scheduler")
    assert host.host().scheduler is None
    assert set(told(host)) == {"0", "1", "2"}
    assert {one.scheduler.kind for one in host.schedulers()} == {None}


def test_a_domain_that_has_gone_meanwhile_is_not_told(xen: SickXen, host: PhysicalHost) -> None:
    xen.sick.sick = dict.fromkeys(UNREADABLE, NO_DOMAIN)
    xen.fake.gone.add(xen.sick.uuid)
    assert set(told(host)) == {"0", "1"}
    assert [one.name for one in xen.usage()] == ["Domain-0", "healthy"]
    with pytest.raises(SubjectNotFound):
        host.domain("sick")


def test_libvirt_that_goes_away_meanwhile_is_away(xen: SickXen, host: PhysicalHost) -> None:
    lost = refusal(binding().VIR_ERR_RPC, "connection lost")
    xen.sick.sick = {"info": lost, "XMLDesc": lost}
    for look in (host.domains, xen.usage, xen.attached_devices, lambda: host.domain("sick")):
        with pytest.raises(HypervisorAway):
            look()


def test_what_is_unknown_is_logged_once(
    xen: SickXen, host: PhysicalHost, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        xen.sick.sick["info"] = refusal()
        for _ in range(5):
            host.domains()
        xen.sick.sick.clear()
        host.domains()
    warned = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(warned) == 3
    assert "sick" in warned[0].getMessage()


# ---- changes of the sick one: whole, or refused


@pytest.mark.parametrize(
    ("call", "change"),
    [
        ("schedulerParameters", SetDomain("sick", weight=300)),
        ("schedulerType", SetDomain("sick", cap=50)),
        ("info", SetDomain("sick", vcpus=2)),
        ("info", SetDomain("sick", affinity=(VcpuPins((1,)),))),
    ],
)
def test_a_change_that_could_not_be_taken_back_is_refused(
    xen: SickXen, host: PhysicalHost, call: str, change: SetDomain
) -> None:
    xen.sick.sick[call] = refusal()
    with pytest.raises(HypervisorError, match="cannot be read"):
        host.set_domain(change)
    assert xen.sick.parameters == {"weight": 256, "cap": 0}


def test_an_affinity_that_xl_cannot_tell_is_left_out(xen: SickXen, host: PhysicalHost) -> None:
    head = "Name ID VCPU CPU State Time(s) Affinity (Hard / Soft)\n"
    xen.xl = head + "healthy 1 0 0 -b- 1.0 0-1 / all\nsick 2 0 - --p 1.0 7 / all\n"
    pins = {one.name: one.vcpus.affinity for one in host.domains()}
    assert pins == {"Domain-0": (), "healthy": (VcpuPins((0, 1)),), "sick": (VcpuPins((7,)),)}
    xen.xl = HypervisorError("xl vcpu-list: failed without a word")
    assert len(host.domains()) == 3
    assert host.set_domain(SetDomain("healthy", weight=77)).scheduler.weight == 77


# ---- counters


def test_usage_that_cannot_be_read_is_unknown(xen: SickXen) -> None:
    xen.sick.sick["info"] = refusal()
    usage = {one.name: one for one in xen.usage()}
    assert usage["healthy"].cpu_ns == 5_000_000_000
    sick = usage["sick"]
    assert (sick.cpu_ns, sick.memory_kb, sick.vcpus) == (None, None, None)
    assert len(sick.interfaces or ()) == 1
    xen.sick.sick = {"XMLDesc": refusal()}
    usage = {one.name: one for one in xen.usage()}
    assert (usage["sick"].interfaces, usage["sick"].vcpus) == (None, 1)
    xen.sick.sick = {"interfaceStats": refusal()}
    usage = {one.name: one for one in xen.usage()}
    assert (usage["sick"].interfaces, usage["sick"].vif_count) == ((), 1)
    assert usage["healthy"].interfaces


def test_measures_of_a_sick_domain_are_unknown_and_make_no_spike(xen: SickXen) -> None:
    runtime = FakeRuntime()
    xen.sick.sick["info"] = refusal()
    (iteration,) = FromUsage(xen).get_measures(Sampling(), runtime).iterations
    sick = {one.name: one for one in iteration.domains}["sick"]
    assert (sick.cpu_time, sick.cpu_percent, sick.memory, sick.memory_percent) == (None,) * 4
    load = HostLoad(xen)
    before = load.read()
    xen.sick.sick.clear()
    assert load.cpu_percent(before, load.read(), 1.0) == 0.0


# ---- devices


def test_devices_of_a_sick_domain_are_unknown(xen: SickXen, tmp_path: Path) -> None:
    xen.sick.sick["XMLDesc"] = refusal()
    attached = xen.attached_devices()
    assert attached.owners == {"0000:03:00.0": "Domain-0", "0000:03:00.1": "healthy"}
    assert attached.unknown == ("sick",)
    manager = DeviceManager(xen, SysfsDevices(fake_sysfs.build(tmp_path)))
    assert manager.devices().unknown == ("sick",)
    with pytest.raises(HypervisorError, match="sick"):
        manager.remove("sick", "0000:03:00.2")


def test_functions_stay_while_nobody_knows_who_has_them(xen: SickXen, tmp_path: Path) -> None:
    manager = DeviceManager(xen, SysfsDevices(fake_sysfs.build(tmp_path)))
    xen.sick.sick["XMLDesc"] = refusal()
    with pytest.raises(RequestConflict, match="sick"):
        manager.set_functions(PF, 0)
    xen.sick.sick.clear()
    manager.set_functions(PF, 4)


# ---- libvirt's test driver


def test_a_sick_domain_of_the_test_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its vCPUs cannot be listed: those of the others are, and the domain is told."""
    driver = open_hypervisor("test:///default")
    libvirt = binding()

    def failing(_self: object) -> object:
        raise refusal()

    monkeypatch.setattr(libvirt.virDomain, "vcpus", failing)
    (domain,) = PhysicalHost("test:///default", driver).domains()
    assert (domain.name, domain.vcpus.affinity, domain.vcpus.current) == ("test", (), 2)
    assert driver.vcpu_list() == ()
    monkeypatch.setattr(libvirt.virDomain, "info", failing)
    (usage,) = driver.usage()
    assert (usage.name, usage.cpu_ns) == ("test", None)
    driver.close()


@pytest.mark.parametrize("answer", [None, (), (1, 2, 3), ("x",) * 8])
def test_counters_that_are_none_hide_no_other(xen: SickXen, answer: Any) -> None:
    xen.sick.answers["interfaceStats"] = answer
    assert [one.vif_count for one in xen.usage()] == [1, 1, 1]
    assert [len(one.interfaces or ()) for one in xen.usage()] == [1, 1, 0]


def test_a_domain_that_no_message_can_carry_hides_no_other(
    xen: SickXen, host: PhysicalHost, caplog: pytest.LogCaptureFixture
) -> None:
    xen.sick.answers["schedulerType"] = ("cre\x01dit", 0)
    with caplog.at_level(logging.INFO):
        assert set(told(host)) == {"0", "1"}
    assert "'sick'" in caplog.text


def test_a_host_that_tells_no_memory_is_an_error_in_words(xen: SickXen, host: PhysicalHost) -> None:
    for answer in (None, [], ["x86_64", -1, 2], ["x86_64", 1, "two"]):
        xen.fake.getInfo = lambda _answer=answer: _answer
        with pytest.raises(HypervisorError, match="no memory and no CPUs"):
            host.host()
