"""Groups that no bridge relays go no further than the first switch of ours, tagged or not."""

from __future__ import annotations

import pytest

from horizon_ryu.core import frames
from unit.forwarding.stations import StationNetwork

SLOW_PROTOCOLS, EAPOL, NO_TYPE = 0x8809, 0x888E, 0x0026


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def network(request: pytest.FixtureRequest) -> StationNetwork:
    return StationNetwork(3, request.param)


@pytest.mark.parametrize("vlan", [None, 0, 7])
@pytest.mark.parametrize("last", range(16))
def test_they_are_not_flooded(network: StationNetwork, last: int, vlan: int | None) -> None:
    sender, near, far = (network.station(n, n if n > 1 else 1, n) for n in (1, 2, 3))
    tag = b"" if vlan is None else frames.CUSTOMER_TAG + vlan.to_bytes(2, "big")
    asked = network.asked
    sent = []
    for kind in (SLOW_PROTOCOLS, EAPOL, NO_TYPE):
        group = b"\x01\x80\xc2\0\0" + bytes([last])
        data = (group + sender.mac + tag + kind.to_bytes(2, "big")).ljust(60, b"\0")
        network.send(sender, data)
        sent.append(data)
    assert not [data for one in (near, far) for data in one.heard if data in sent]
    if network.network.switches[1].openflow == 4:
        assert network.asked == asked, "the switch drops them by itself"


def test_the_groups_beside_them_are_flooded(network: StationNetwork) -> None:
    sender, near, far = (network.station(n, n if n > 1 else 1, n) for n in (1, 2, 3))
    for last in (0x10, 0x20, 0xFF):
        data = (b"\x01\x80\xc2\0\0" + bytes([last]) + sender.mac + b"\x88\xb5").ljust(60, b"\0")
        network.send(sender, data)
        assert near.heard.count(data) == 1
        assert far.heard.count(data) == 1


def test_lldp_of_stations_still_comes_to_the_controller(network: StationNetwork) -> None:
    sender, near, _ = (network.station(n, n if n > 1 else 1, n) for n in (1, 2, 3))
    for tag in (b"", frames.CUSTOMER_TAG + b"\0\7"):
        asked = network.asked
        data = (b"\x01\x80\xc2\0\0\x0e" + sender.mac + tag + b"\x88\xcc").ljust(60, b"\0")
        network.send(sender, data)
        assert network.asked == asked + 1
        assert data not in near.heard
