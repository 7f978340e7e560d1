"""The plan of a data plane: names that follow from its slot, and no word of nft in them."""

from __future__ import annotations

import pytest

from xen_bridge.errors import InvalidRequest
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort

MAC = bytes.fromhex("00163e000001")


def port(vif: str = "vif1.0", physical: str = "eth0", mac: bytes = MAC) -> RouterPort:
    return RouterPort(vif, physical, mac, ("192.0.2.1/24",))


def test_two_slots_share_no_name_table_mark_or_id() -> None:
    one, other = (DataPlanePlan(slot, (port(),)) for slot in (1, 2))
    assert not set(one.devices) & set(other.devices)
    assert (one.table, one.nft_table) == (4_000_001, "hz_r1")
    assert (other.table, other.nft_table) == (4_000_002, "hz_r2")
    assert one.nexthop_ids.stop == other.nexthop_ids.start
    assert not set(one.rules()) & set(other.rules())


def test_the_broadcast_address_of_a_port_goes_to_the_machine() -> None:
    text = DataPlanePlan(1, (port(),)).nft()
    assert "ip daddr { 192.0.2.1, 192.0.2.255, 255.255.255.255 } fwd to vif1.0" in text


@pytest.mark.parametrize("name", ["", "a b", "v;flush", "v\n", "{", "sixteen-letters-", "..", "-x"])
def test_a_name_that_nft_would_read_as_more_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        port(vif=name)
    with pytest.raises(InvalidRequest):
        port(physical=name)


@pytest.mark.parametrize("mac", [b"", bytes(6), b"\1" + bytes(5), bytes(7)])
def test_a_mac_that_no_machine_may_have_is_refused(mac: bytes) -> None:
    with pytest.raises(InvalidRequest):
        port(mac=mac)


@pytest.mark.parametrize("address", ["2001:db8::1/64", "192.0.2.1/33", "} flush ruleset"])
def test_an_address_that_is_not_ipv4_is_refused(address: str) -> None:
    with pytest.raises(InvalidRequest):
        RouterPort("vif1.0", "eth0", MAC, (address,))


@pytest.mark.parametrize("slot", [-1, 0, 4096])
def test_a_slot_that_would_reach_into_anothers_ids_is_refused(slot: int) -> None:
    with pytest.raises(InvalidRequest):
        DataPlanePlan(slot, (port(),))


def test_an_interface_twice_and_none_at_all_are_refused() -> None:
    for ports in ((), (port(), port())):
        with pytest.raises(InvalidRequest):
            DataPlanePlan(1, ports)
