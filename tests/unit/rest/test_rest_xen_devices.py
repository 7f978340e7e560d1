"""Devices over REST: virtual functions, drivers, domains that have them, queues."""

from __future__ import annotations

from typing import Any

import pytest

import fake_sysfs
from fake_bridge import FakeBridge
from fake_sysfs import BRIDGE, DISK, PF, VF
from xen_bridge.dom0.hypervisor.interface import Capability
from xen_bridge.protocol.documents.devices import MAX_QUEUES
from xen_bridge.protocol.documents.domains import CreateDomain

HOST = "/v1/xen/hosts/xen1"
DEVICES = f"{HOST}/devices"


@pytest.fixture
def bridge(client: Any) -> FakeBridge:
    """A registered host xen1 with the domain r1; Xen's driver has the virtual function."""
    made: FakeBridge = client.xen.add("xen1")
    made.physical.create(CreateDomain("r1"))
    fake_sysfs.bind(made.sysfs, VF, "pciback")
    client.xen.look("xen1")
    return made


def change(client: Any, device: str, body: Any) -> Any:
    return client.ask("PATCH", f"{DEVICES}/{device}", body)


def device(told: Any, address: str) -> Any:
    return next(one for one in told.json["devices"] if one["address"] == address)


def test_devices_are_listed(client: Any, bridge: FakeBridge) -> None:
    told = client.get(DEVICES)
    assert [one["address"] for one in told.json["devices"]] == [DISK, PF, VF]
    assert BRIDGE not in told.text
    assert device(told, PF) == {
        "address": PF,
        "kind": "physical_function",
        "vendor": "8086",
        "product": "10c9",
        "device_class": "020000",
        "driver": "igb",
        "interface": "eth3",
        "assignable": False,
        "domain": None,
        "physical": None,
        "functions": 1,
        "max_functions": 7,
    }
    assert (device(told, VF)["physical"], device(told, VF)["assignable"]) == (PF, True)
    assert told.json["queues"] == {
        "maximum": 4,
        "vifs": [{"name": "vif5.0", "receive": 2, "transmit": 2}],
    }


def test_virtual_functions_are_made(client: Any, bridge: FakeBridge) -> None:
    answer = change(client, PF, {"functions": 4})
    assert (answer.status_int, device(answer, PF)["functions"]) == (200, 4)
    kernel = bridge.sysfs / "bus/pci/devices" / PF / "sriov_numvfs"
    assert kernel.read_text().strip() == "4"


def test_a_device_changes_its_driver(client: Any, bridge: FakeBridge) -> None:
    taken: set[str] = bridge.memory._taken
    assert change(client, DISK, {"driver": "xen"}).status_int == 200
    assert taken == {DISK}
    assert change(client, DISK, {"driver": "host"}).status_int == 200
    assert taken == set()


def test_a_device_is_given_and_taken_back(client: Any, bridge: FakeBridge) -> None:
    answer = change(client, VF, {"domain": "r1", "mac": "00:16:3e:00:00:01", "vlan": 10})
    assert (answer.status_int, device(answer, VF)["domain"]) == (200, "r1")
    attached = next(body for body, _, _ in bridge.asked if "Attach" in type(body).__name__)
    assert (attached.mac, attached.vlan) == ("00:16:3e:00:00:01", 10)
    assert change(client, VF, {"domain": "r1"}).status_int == 409
    assert change(client, PF, {"functions": 0}).status_int == 409
    answer = change(client, VF, {"domain": None})
    assert (answer.status_int, device(answer, VF)["domain"]) == (200, None)
    assert change(client, VF, {"domain": None}).status_int == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"functions": 1, "driver": "xen"}, "body"),
        ({"functions": 1, "domain": None}, "body"),
        ({"driver": "host", "domain": "r1"}, "body"),
        ({"mac": "00:16:3e:00:00:01"}, "body"),
        ({"functions": 1, "vlan": 5}, "body"),
        ({"domain": None, "vlan": 5}, "body"),
        ({"functions": -1}, "functions"),
        ({"functions": 257}, "functions"),
        ({"functions": None}, "functions"),
        ({"driver": "vfio"}, "driver"),
        ({"driver": None}, "driver"),
        ({"domain": "-x"}, "domain"),
        ({"domain": "r1", "mac": "x"}, "mac"),
        ({"domain": "r1", "vlan": 4095}, "vlan"),
        ({"domain": "r1", "vlan": 0}, "vlan"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_wrong_changes(client: Any, bridge: FakeBridge, body: Any, field: str) -> None:
    before = client.get(DEVICES).json
    answer = change(client, VF, body)
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"][0] == field
    assert client.get(DEVICES).json == before


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("0000:99:00.0", {"functions": 1}, 404),
        ("0000:99:00.0", {"domain": "r1"}, 404),
        (VF, {"domain": "ghost"}, 404),
        (PF, {"functions": 8}, 422),
        (DISK, {"functions": 1}, 501),
        (DISK, {"domain": "r1", "vlan": 5}, 409),
        ("3:0.0", {"functions": 1}, 400),
        ("..", {"functions": 1}, 400),
    ],
)
def test_what_only_the_host_can_know(
    client: Any, bridge: FakeBridge, address: str, body: Any, status: int
) -> None:
    answer = change(client, address, body)
    assert answer.status_int == status, answer.text


def test_a_host_that_cannot_do_it(
    client: Any, bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = frozenset(Capability) - {Capability.DEVICE_DRIVERS}
    monkeypatch.setattr(bridge.memory, "capabilities", without)
    answer = change(client, DISK, {"driver": "xen"})
    assert answer.status_int == 501
    assert "device_drivers" in answer.json["detail"]


def test_queues_are_bounded(client: Any, bridge: FakeBridge) -> None:
    answer = client.ask("PATCH", f"{HOST}/queues", {"maximum": 2})
    assert (answer.status_int, answer.json["queues"]["maximum"]) == (200, 2)
    for wrong in (0, MAX_QUEUES + 1, None, "2"):
        refused = client.ask("PATCH", f"{HOST}/queues", {"maximum": wrong})
        assert (refused.status_int, refused.json["errors"][0]["loc"]) == (422, ["maximum"])
    assert client.get(DEVICES).json["queues"]["maximum"] == 2
