"""What a domain boots, what becomes of it, and what one that does not run is given when it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("libvirt")

from fake_libvirt import SickXen
from xen_bridge.dom0.hypervisor import domain_xml
from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.errors import BridgeError, HypervisorError, InvalidRequest, RequestConflict
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.domains import CreateDomain, NewDisk, SetDomain, VcpuPins
from xen_bridge.virtual_management import PhysicalHost


@pytest.fixture
def memory() -> MemoryHost:
    # Time stands: a domain that is looked at twice has used no processor meanwhile.
    return MemoryWorld(clock=lambda: 100.0).host("a")


@pytest.fixture
def host(memory: MemoryHost, tmp_path: Path) -> PhysicalHost:
    made = PhysicalHost("memory:///a", memory, tmp_path / "weights.json")
    made.create(CreateDomain("r1", vcpus=2, max_vcpus=4))
    return made


# ---- boot


def test_no_boot_loader_runs_unless_it_is_asked_for() -> None:
    host = PhysicalHost("xen:///system", SickXen())
    disks = (NewDisk("/dev/vg/r9", "xvda"),)
    with pytest.raises(InvalidRequest, match="boot_loader") as refused:
        host.create(CreateDomain("r9", disks=disks))
    assert refused.value.loc == ("kernel",)
    both = CreateDomain("r9", kernel="/srv/vmlinuz", boot_loader="pygrub")
    with pytest.raises(InvalidRequest, match="needs none"):
        host.create(both)
    text = domain_xml.build(CreateDomain("r9", disks=disks, boot_loader="pygrub"), "xen")
    assert "<bootloader>pygrub</bootloader>" in text


def test_routers_restart_unless_told_otherwise() -> None:
    text = domain_xml.build(CreateDomain("r9"), "xen")
    assert "<on_reboot>restart</on_reboot><on_crash>restart</on_crash>" in text
    assert "<on_poweroff>destroy</on_poweroff>" in text
    text = domain_xml.build(CreateDomain("r9", on_reboot="destroy", on_crash="destroy"), "xen")
    assert "restart" not in text
    with pytest.raises(InvalidRequest):
        document_schema.check(CreateDomain("r9", on_reboot="explode"))  # type: ignore[arg-type]


def test_autostart_is_a_choice(host: PhysicalHost, memory: MemoryHost) -> None:
    uuid = host.create(CreateDomain("r2", autostart=True, start=False)).uuid
    assert memory.autostarted == {uuid}
    host.set_domain(SetDomain("r2", autostart=False))
    assert not memory.autostarted
    memory.fail("set_autostart", HypervisorError("refused"))
    with pytest.raises(HypervisorError):
        host.create(CreateDomain("r3", autostart=True))
    assert [one.name for one in host.domains()] == ["Domain-0", "r1", "r2"]
    with pytest.raises(HypervisorError):
        host.set_domain(SetDomain("r1", weight=999, autostart=True))
    assert host.domain("r1").scheduler.weight == 256


def test_what_was_chosen_can_be_read_and_changed(host: PhysicalHost, memory: MemoryHost) -> None:
    made = host.domain("r1")
    assert (made.on_reboot, made.on_crash, made.autostart) == ("restart", "restart", False)
    told = host.set_domain(SetDomain("r1", on_crash="destroy", autostart=True))
    assert told == host.domain("r1")
    assert (told.on_reboot, told.on_crash, told.autostart) == ("restart", "destroy", True)
    # All of a change, or nothing.
    memory.fail("set_autostart", HypervisorError("refused"))
    with pytest.raises(HypervisorError):
        host.set_domain(SetDomain("r1", on_reboot="destroy", autostart=False))
    assert host.domain("r1") == told
    zero = host.domain("Domain-0")
    assert (zero.on_reboot, zero.on_crash, zero.autostart) == (None, None, None)
    for change in (SetDomain("0", on_crash="destroy"), SetDomain("0", autostart=True)):
        with pytest.raises(RequestConflict, match="host itself"):
            host.set_domain(change)


def test_libvirt_s_definition_is_read_and_rewritten() -> None:
    xen = SickXen()
    host = PhysicalHost("xen:///system", xen)
    text = domain_xml.build(CreateDomain("sick", on_crash="destroy"), "xen")
    xen.sick.answers["XMLDesc"] = text
    xen.sick.answers["autostart"] = 1
    told = host.domain("sick")
    assert (told.on_reboot, told.on_crash, told.autostart) == ("restart", "destroy", True)
    defined: list[str] = []
    xen.fake.defineXML = defined.append
    host.set_domain(SetDomain("sick", on_reboot="destroy"))
    assert defined == [text.replace(">restart<", ">destroy<")]
    xen.sick.answers["isPersistent"] = 0
    with pytest.raises(RequestConflict, match="transient"):
        host.set_domain(SetDomain("sick", on_reboot="destroy"))
    # What others chose is told as it is, and what nobody knows is not.
    for theirs, seen in (("preserve", "preserve"), ("explode", None)):
        xen.sick.answers["XMLDesc"] = f"<domain><on_crash>{theirs}</on_crash></domain>"
        assert host.domain("sick").on_crash == seen
    assert domain_xml.with_lifecycle("<domain/>", None, "destroy") == (
        "<domain><on_crash>destroy</on_crash></domain>"
    )


# ---- a domain that does not run


def test_a_stopped_domain_can_be_changed(host: PhysicalHost, memory: MemoryHost) -> None:
    host.destroy("r1")
    pins = (VcpuPins((1,)), VcpuPins((2, 3)))
    told = host.set_domain(SetDomain("r1", weight=512, cap=50, affinity=pins))
    assert (told.id, told.scheduler.weight, told.scheduler.cap) == (None, 512, 50)
    assert told.vcpus.affinity == pins
    host.start("r1")
    told = memory.domain("r1")
    assert (told.scheduler.weight, told.scheduler.cap) == (512, 50)
    assert told.vcpus.affinity == pins


def test_whoever_starts_it(host: PhysicalHost, memory: MemoryHost, tmp_path: Path) -> None:
    host.destroy("r1")
    host.set_domain(SetDomain("r1", weight=512))
    host.set_domain(SetDomain("r1", cap=50))
    host.set_domain(SetDomain("r1", affinity=(VcpuPins((1,)),)))
    kept = json.loads((tmp_path / "weights.json").read_text())
    assert list(kept.values()) == [[512, 50, [[1]]]]
    again = PhysicalHost("memory:///a", memory, tmp_path / "weights.json")
    memory.destroy("r1") if memory.domain("r1").id else None
    memory.start("r1")
    told = {one.name: one for one in again.domains()}["r1"]
    assert (told.scheduler.weight, told.scheduler.cap) == (512, 50)
    assert told.vcpus.affinity == (VcpuPins((1,)),) * 2


def test_started_with_more(host: PhysicalHost, memory: MemoryHost) -> None:
    host.destroy("r1")
    host.set_domain(SetDomain("r1", weight=512, affinity=(VcpuPins((1,)),)))
    told = host.set_domain(SetDomain("r1", state="running", affinity=(VcpuPins((2,)),)))
    assert (told.scheduler.weight, told.vcpus.affinity) == (512, (VcpuPins((2,)),) * 2)


def test_affinity_lasts_until_it_is_said_otherwise(host: PhysicalHost, memory: MemoryHost) -> None:
    host.set_domain(SetDomain("r1", affinity=(VcpuPins((3,)),)))
    host.pin_vcpu("r1", 0, [2])
    memory.destroy("r1")
    memory.set_vcpus("r1", 4)
    host.set_domain(SetDomain("r1", affinity=(VcpuPins((1,)),)))
    host.start("r1")
    assert host.domain("r1").vcpus.affinity == (VcpuPins((1,)),) * 4


def test_a_change_of_a_stopped_domain_is_whole(host: PhysicalHost, memory: MemoryHost) -> None:
    host.destroy("r1")
    memory.fail("set_autostart", HypervisorError("refused"))
    for change in (
        SetDomain("r1", weight=512, autostart=True),
        SetDomain("r1", weight=512, affinity=(VcpuPins((4,)),)),
        SetDomain("r1", weight=512, cap=300),
        SetDomain("r1", weight=512, state="paused"),
    ):
        with pytest.raises(BridgeError):
            host.set_domain(change)
    assert host.domain("r1").scheduler.weight == 256


def test_an_affinity_that_cannot_be_given_is_told(host: PhysicalHost, memory: MemoryHost) -> None:
    host.destroy("r1")
    host.set_domain(SetDomain("r1", weight=512, affinity=(VcpuPins((1,)),)))
    memory.fail("pin", HypervisorError("refused"))
    memory.start("r1")
    told = host.domain("r1")
    assert told.problems == ("the kept weight 512 and affinity cannot be given: refused",)
    memory.fail("pin", None)
    assert host.domain("r1").problems == ()


def test_a_move_takes_no_affinity_along(host: PhysicalHost, memory: MemoryHost) -> None:
    other = PhysicalHost("memory:///b", memory._world.host("b", cpus=1))
    host.set_domain(SetDomain("r1", weight=512, affinity=(VcpuPins((3,)),)))
    told = host.migrate("r1", other)
    assert (told.scheduler.weight, told.problems) == (512, ())


@pytest.mark.parametrize("row", [[1, 2, 3], [1, 2, [[]]], [1, 2, [[-1]]], [1, 2, [["1"]]], [1]])
def test_a_damaged_row_is_none(memory: MemoryHost, tmp_path: Path, row: list[object]) -> None:
    kept = tmp_path / "weights.json"
    uuid = "00000000-0000-0000-0000-000000000001"
    kept.write_text(json.dumps({uuid: row}))
    made = PhysicalHost("memory:///a", memory, kept)
    assert made.create(CreateDomain("r1", uuid=uuid)).problems == ()


# ---- all CPUs


def test_all_cpus_whatever_their_numbers(host: PhysicalHost, memory: MemoryHost) -> None:
    host.set_domain(SetDomain("r1", affinity=(VcpuPins((3,)),)))
    memory.take_offline(1)
    told = host.set_domain(SetDomain("r1", anywhere=True))
    assert told.vcpus.affinity == (VcpuPins((0, 1, 2, 3)),) * 2
    with pytest.raises(InvalidRequest, match="contradicts"):
        host.set_domain(SetDomain("r1", anywhere=True, affinity=(VcpuPins((0,)),)))


@pytest.mark.parametrize(
    "wanted",
    [
        CreateDomain("r9", ramdisk="/srv/initrd"),
        CreateDomain("r9", arguments="quiet"),
        CreateDomain("r9", boot_loader="pygrub", arguments="quiet"),
    ],
)
def test_what_no_kernel_would_get_is_not_left_out_without_a_word(
    host: PhysicalHost, wanted: CreateDomain
) -> None:
    with pytest.raises(InvalidRequest, match="is for a kernel, and none is named"):
        host.create(wanted)
    assert [one.name for one in host.domains()] == ["Domain-0", "r1"]
