"""The plan of a data plane: names that follow from its slot, and no word of nft in them."""

from __future__ import annotations

import pytest

from xen_bridge.errors import InvalidRequest
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort
from xen_bridge.planes.nft_text import none_of
from xen_bridge.planes.port_neighbors import PortNeighbor

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


@pytest.mark.parametrize(
    "address",
    [
        *("2001:db8::1/129", "192.0.2.1/33", "} flush ruleset", "", "fe80::1%eth0/64"),
        *("ff02::1/64", "::/64", "::1/128", "224.0.0.5/24", "0.0.0.0/0", "127.0.0.1/8"),
    ],
)
def test_an_address_that_no_interface_has_is_refused(address: str) -> None:
    with pytest.raises(InvalidRequest):
        RouterPort("vif1.0", "eth0", MAC, (address,))
    with pytest.raises(InvalidRequest):
        DataPlanePlan(1, (port(),), (address,))


def test_more_addresses_than_a_router_may_have_are_refused() -> None:
    many = tuple(f"10.{number >> 8}.{number & 255}.1/32" for number in range(1024))
    with pytest.raises(InvalidRequest, match="1024"):
        DataPlanePlan(1, (port(),), many)


def test_a_port_without_an_ipv6_address_has_none_and_its_plan_no_word_of_it() -> None:
    plan = DataPlanePlan(1, (port(),))
    assert not plan.has_ipv6
    assert "ip6" not in plan.nft().replace("ipv6_addr", "")
    assert plan.late_sysctls() == ()
    assert ("ipv6/conf/r1p0/disable_ipv6", "1") in plan.sysctls(0)


def test_a_device_has_a_link_local_address_and_answers_for_the_others() -> None:
    given = RouterPort("v", "e", MAC, ("192.0.2.1/24", "2001:db8::1/64", "2001:db8::2/128"))
    assert given.of_device == ("192.0.2.1/24", "fe80::216:3eff:fe00:1/64")
    assert given.proxied == ("2001:db8::1", "2001:db8::2")
    own = RouterPort("v", "e", MAC, ("2001:db8::1/64", "fe80::7/64"))
    assert own.of_device == ("fe80::7/64",)
    assert own.proxied == ("2001:db8::1",)
    plan = DataPlanePlan(1, (given,), ("10.255.0.1/32", "2001:db8:f::1/128"))
    text = plan.nft()
    assert "set own4 { type ipv4_addr; elements = { 10.255.0.1 } }" in text
    # With the address of all routers of the link (RFC 4291, 2.6.1), and that of the loopback.
    assert (
        "elements = { 2001:db8::, 2001:db8::1, 2001:db8::2, 2001:db8:f::1, fe80::, "
        "fe80::216:3eff:fe00:1 }" in text
    )
    assert {rule.family for rule in plan.rules()} == {2, 10}
    assert plan.chains() == ("port_0", "vif_0", "output")
    assert plan.chains(whole=True) == ("whole_0", "vif_0", "output")


@pytest.mark.parametrize(
    ("at", "address", "mac"),
    [
        (-1, "192.0.2.1", MAC),
        (0, "224.0.0.5", MAC),
        (0, "fe80::1%1", MAC),
        (0, "192.0.2.1", bytes(6)),
        (0, "192.0.2.1", b"\1" + bytes(5)),
        (0, "x", MAC),
    ],
)
def test_a_neighbor_that_no_machine_can_be_is_refused(at: int, address: str, mac: bytes) -> None:
    with pytest.raises(InvalidRequest):
        PortNeighbor(at, address, mac)


@pytest.mark.parametrize("slot", [-1, 0, 4096])
def test_a_slot_that_would_reach_into_anothers_ids_is_refused(slot: int) -> None:
    with pytest.raises(InvalidRequest):
        DataPlanePlan(slot, (port(),))


def test_an_interface_twice_and_none_at_all_are_refused() -> None:
    for ports in ((), (port(), port())):
        with pytest.raises(InvalidRequest):
            DataPlanePlan(1, ports)


def test_an_ipv6_address_is_compared_whole_only_where_its_end_is_one_of_the_routers() -> None:
    given = RouterPort("v", "e", MAC, ("2001:db8::a/64", "2001:db8:1::a/127", "fe80::7/64"))
    lines = DataPlanePlan(1, (given,), ("2001:db8:f::b/128",)).nft().splitlines()
    short, whole = (
        number for number, line in enumerate(lines) if "0xfe80 " in line or "< fe80" in line
    )
    # What is of the link is told by its beginning.
    assert "@nh,288,32 != 0x0 @nh,288,32 != 0xa @nh,288,32 != 0xb meta mark" in lines[short]
    assert whole == short + 1


def test_more_than_a_few_values_are_searched_and_a_few_compared() -> None:
    assert none_of("x", ()) == ""
    assert none_of("x", ("1", "2")) == " x != 1 x != 2"
    assert none_of("x", ("1", "2", "3", "4", "5")) == " x != { 1, 2, 3, 4, 5 }"
