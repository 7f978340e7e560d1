"""Devices of report 2.5, over a sysfs tree made for the test and the memory back end."""

from __future__ import annotations

from pathlib import Path

import pytest

import fake_sysfs
from fake_sysfs import BRIDGE, DISK, PF, VF
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.hypervisor import domain_xml
from xen_bridge.dom0.hypervisor.interface import HostDevice
from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.dom0.hypervisor.opening import open_hypervisor
from xen_bridge.dom0.sysfs_devices import SysfsDevices
from xen_bridge.errors import (
    HypervisorError,
    InvalidRequest,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.protocol import messages
from xen_bridge.protocol.documents.devices import Device, VifQueues
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.messages import Message


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fake_sysfs.build(tmp_path)


@pytest.fixture
def memory() -> MemoryHost:
    host = MemoryWorld().host("a")
    host.define(CreateDomain("r1"))
    host.start("r1")
    return host


@pytest.fixture
def manager(root: Path, memory: MemoryHost) -> DeviceManager:
    return DeviceManager(memory, SysfsDevices(root))


def by_address(manager: DeviceManager) -> dict[str, Device]:
    return {device.address: device for device in manager.devices().devices}


def test_what_there_is(manager: DeviceManager) -> None:
    found = by_address(manager)
    assert list(found) == [DISK, PF, VF]
    assert BRIDGE not in found
    assert found[PF] == Device(
        PF, "physical_function", "8086", "10c9", "020000", "igb", "eth3", functions=1,
        max_functions=7,
    )  # fmt: skip
    assert (found[VF].kind, found[VF].physical) == ("virtual_function", PF)
    assert found[DISK].kind == "plain"


def test_queues(manager: DeviceManager) -> None:
    queues = manager.devices().queues
    assert (queues.maximum, queues.vifs) == (4, (VifQueues("vif5.0", 2, 2),))
    manager.set_max_queues(2)
    assert manager.devices().queues.maximum == 2


def test_without_drivers_there_is_nothing(tmp_path: Path, memory: MemoryHost) -> None:
    manager = DeviceManager(memory, SysfsDevices(tmp_path / "none"))
    assert manager.devices().devices == ()
    assert manager.devices().queues.maximum is None
    with pytest.raises(RequestUnsupported):
        manager.set_max_queues(2)
    with pytest.raises(SubjectNotFound):
        manager.set_functions(PF, 2)


def test_virtual_functions_are_made_and_taken_away(
    manager: DeviceManager, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    real = Path.write_text

    def watched(self: Path, text: str, **more: str) -> int:
        written.append(text)
        return real(self, text, **more)

    monkeypatch.setattr(Path, "write_text", watched)
    manager.set_functions(PF, 4)
    # The kernel refuses to go from one number to another but by way of 0.
    assert written == ["0", "4"]
    manager.set_functions(PF, 4)
    manager.set_functions(PF, 0)
    assert written == ["0", "4", "0"]
    for count in (-1, 8):
        with pytest.raises(InvalidRequest, match="at most 7"):
            manager.set_functions(PF, count)
    with pytest.raises(RequestUnsupported):
        manager.set_functions(DISK, 1)


def test_virtual_functions_in_use_stay(manager: DeviceManager, memory: MemoryHost) -> None:
    manager.attach("r1", HostDevice(VF, "00:16:3e:00:00:01", 7))
    with pytest.raises(RequestConflict, match="r1 has"):
        manager.set_functions(PF, 0)


def test_the_kernels_refusal_is_told(
    manager: DeviceManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> int:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(HypervisorError, match="Cannot allocate"):
        manager.set_functions(PF, 2)


class Kernel:
    """Refuses numbers of virtual functions, or makes fewer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refused: set[str], makes: str = "") -> None:
        self.refused, self.makes, self.real = refused, makes, Path.write_text
        monkeypatch.setattr(Path, "write_text", lambda *args, **more: self.write(*args, **more))

    def write(self, place: Path, text: str, **more: str) -> int:
        if text in self.refused:
            raise OSError(12, "Cannot allocate memory")
        return self.real(place, self.makes if self.makes and text == "5" else text, **more)


def functions_now(root: Path) -> str:
    return (root / "bus/pci/devices" / PF / "sriov_numvfs").read_text().strip()


@pytest.mark.parametrize("before", [1, 4])
def test_refused_functions_are_put_back(
    manager: DeviceManager, root: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    manager.set_functions(PF, before)
    Kernel(monkeypatch, {"7"})
    with pytest.raises(HypervisorError, match=f"Cannot allocate.*{before}, as before"):
        manager.set_functions(PF, 7)
    assert functions_now(root) == str(before)


def test_fewer_functions_than_asked_are_refused(
    manager: DeviceManager, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Kernel(monkeypatch, set(), makes="3")
    with pytest.raises(HypervisorError, match=r"made 3 virtual functions of 5; .* 1, as before"):
        manager.set_functions(PF, 5)
    assert functions_now(root) == "1"


def test_functions_that_cannot_be_put_back_are_told(
    manager: DeviceManager, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Kernel(monkeypatch, {"7", "1"})
    with pytest.raises(HypervisorError, match=r"there are 0 now, since 1 cannot be put back"):
        manager.set_functions(PF, 7)
    assert functions_now(root) == "0"


def test_direct_access(manager: DeviceManager, root: Path) -> None:
    manager.take(DISK)
    fake_sysfs.bind(root, DISK, "pciback")
    assert by_address(manager)[DISK].assignable
    with pytest.raises(RequestConflict, match="already"):
        manager.take(DISK)
    manager.attach("r1", HostDevice(DISK))
    assert by_address(manager)[DISK].domain == "r1"
    for again in (manager.take, manager.give_back):
        with pytest.raises(RequestConflict, match="r1 has"):
            again(DISK)
    with pytest.raises(RequestConflict):
        manager.attach("Domain-0", HostDevice(DISK))
    with pytest.raises(SubjectNotFound):
        manager.remove("Domain-0", DISK)
    manager.remove("r1", DISK)
    manager.give_back(DISK)
    assert by_address(manager)[DISK].domain is None


def test_only_virtual_functions_have_addresses_and_vlans(manager: DeviceManager) -> None:
    with pytest.raises(RequestConflict, match="no virtual function"):
        manager.attach("r1", HostDevice(DISK, mac="00:16:3e:00:00:01"))


def test_unknown_devices(manager: DeviceManager) -> None:
    for address in ("0000:99:00.0", "../../../etc", ""):
        with pytest.raises(SubjectNotFound):
            manager.take(address)


def test_a_domain_that_ends_loses_its_devices(manager: DeviceManager, memory: MemoryHost) -> None:
    manager.attach("r1", HostDevice(VF))
    memory.destroy("r1")
    assert by_address(manager)[VF].domain is None


def test_libvirts_test_driver_says_what_it_cannot(root: Path) -> None:
    pytest.importorskip("libvirt")
    manager = DeviceManager(open_hypervisor("test:///default"), SysfsDevices(root))
    assert set(by_address(manager)) == {DISK, PF, VF}
    with pytest.raises(RequestUnsupported, match="device_drivers"):
        manager.take(DISK)
    with pytest.raises(RequestUnsupported, match="device_attachment"):
        manager.attach("test", HostDevice(VF))


def test_the_xml_that_libvirt_is_given_is_read_back() -> None:
    plain = domain_xml.host_device(HostDevice("0000:03:10.1"))
    rich = domain_xml.host_device(HostDevice("0000:03:10.2", "00:16:3e:00:00:01", 7))
    assert 'managed="yes"' in plain
    assert '<tag id="7"/>' in rich
    text = f"<domain><devices>{plain}{rich}</devices></domain>"
    assert domain_xml.DomainDescription(text).host_devices == ("0000:03:10.1", "0000:03:10.2")


def test_a_function_that_cannot_be_read_hides_no_other(manager: DeviceManager, root: Path) -> None:
    whole = by_address(manager)
    place = root / "bus/pci/devices" / VF
    for name in ("vendor", "device", "class"):
        (place / name).unlink()
        (place / name).mkdir()
    (place / "physfn").unlink()
    (place / "physfn").symlink_to("somewhere odd")
    (place / "sriov_totalvfs").write_text("9" * 5000)
    found = by_address(manager)
    assert {**found, VF: None} == {**whole, VF: None}
    odd = found[VF]
    assert (odd.vendor, odd.product, odd.device_class, odd.physical) == (None,) * 4
    answer = Message("AAAA", 8, manager.devices())
    assert messages.read(messages.write(answer)).body == manager.devices()


@pytest.mark.parametrize("address", ["../../../class/net", "0000:03:00.0/../..", "", "."])
def test_addresses_lead_nowhere_else(manager: DeviceManager, root: Path, address: str) -> None:
    assert SysfsDevices(root).functions(address) == ()
    for ask in (manager.take, manager.give_back, lambda one: manager.set_functions(one, 0)):
        with pytest.raises(SubjectNotFound):
            ask(address)
