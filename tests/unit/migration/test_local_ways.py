"""Local ways: what is for a router that has left goes by the port that its frames come by."""

from __future__ import annotations

import json

import pytest

from xen_bridge.errors import BridgeError
from xen_bridge.migration.local_ways import LocalPlace, watching, ways_of
from xen_bridge.migration.plane_chains import port_of, quiet
from xen_bridge.planes.data_plane import DataPlanePlan

MAC = bytes.fromhex("020000000001")
PLACES = (LocalPlace(MAC, ("eth0", "vif3.0")), LocalPlace(MAC, ("eth1",)))
NUMBER = "0123456789ab"


def told(**counts: int) -> bytes:
    rows = [{"counter": {"name": name, "packets": count}} for name, count in counts.items()]
    return json.dumps({"nftables": [{"metainfo": {}}, *rows]}).encode()


def test_the_way_to_a_router_is_the_port_that_most_of_its_frames_come_by() -> None:
    assert ways_of(told(from_0_0=0, from_0_1=0, from_1_0=0), PLACES) == {}
    assert ways_of(told(from_0_0=1, from_0_1=7, from_1_0=2), PLACES) == {0: 1, 1: 0}
    with pytest.raises(BridgeError):
        ways_of(b"{}", PLACES)


def test_only_what_comes_by_another_port_is_led_there() -> None:
    text = watching(NUMBER, PLACES, {})
    assert text.startswith(f"table netdev hz_w_{NUMBER} {{ }}\ndelete table")
    assert text.count("ether saddr 02:00:00:00:00:01 counter name from_") == 3
    assert "fwd" not in text
    led = watching(NUMBER, PLACES, {0: 0})
    assert led.count('ether daddr 02:00:00:00:00:01 fwd to "eth0"') == 1
    assert led.count("counter name from_") == 2


def test_what_is_passed_on_late_does_not_have_the_routers_mac() -> None:
    ports = (port_of(MAC.hex(":"), "to1", (), "hzv1.0"),)
    plan = DataPlanePlan(3, ports)
    assert "saddr set" not in quiet(NUMBER, plan)
    told_of = quiet(NUMBER, plan, macs={"to1": bytes.fromhex("0200000000aa")})
    assert "ether saddr set 02:00:00:00:00:aa" in told_of
