"""Chains of a data plane's migration say what they have to, and nothing of what was told is nft."""

from __future__ import annotations

import pytest

from xen_bridge.errors import InvalidRequest
from xen_bridge.migration.plane_chains import (
    LED,
    bare,
    copied,
    marking,
    port_of,
    quarantine,
    quiet,
    taken,
)
from xen_bridge.planes.data_plane import DataPlanePlan

PORTS = (
    port_of("02:00:00:00:00:01", "to1", ("10.0.1.1/24", "2001:db8::1/64"), "hzv1.0"),
    port_of("02:00:00:00:00:02", "to2", (), "hzv1.1"),
)


def test_a_quarantine_keeps_what_is_for_the_router_and_who_asks_for_it() -> None:
    text = quarantine("0123456789ab", PORTS)
    assert text.startswith("table netdev hz_q_0123456789ab { }\ndelete table")
    assert "ingress device to1" in text
    assert "ether daddr 02:00:00:00:00:01 drop" in text
    assert "arp daddr ip { 10.0.1.1 } drop" in text
    assert text.count("nd-neighbor-solicit") == 2
    assert "{  }" not in text


def test_a_quiet_port_passes_on_and_counts_but_neither_answers_nor_asks() -> None:
    text = quiet("0123456789ab", DataPlanePlan(3, PORTS))
    for number, mac in enumerate(("02:00:00:00:00:01", "02:00:00:00:00:02")):
        assert f"ether daddr {mac} counter name late_{number} accept" in text
        assert f"egress device r3p{number}" in text
    assert text.count("ether type arp drop") == 4


def test_what_is_given_to_a_machine_is_copied() -> None:
    text = copied("0123456789ab", (("vif5.1", "hzw01234567.0"),))
    assert text.startswith("table netdev hz_c_0123456789ab { }\ndelete table")
    assert "egress device vif5.1 " in text
    assert "dup to hzw01234567.0" in text


@pytest.mark.parametrize(
    ("mac", "physical", "address"),
    [
        ("03:00:00:00:00:01", "to1", "10.0.1.1/24"),
        ("02:00:00:00:00:01", "to1; drop", "10.0.1.1/24"),
        ("02:00:00:00:00:01", "to1", "10.0.1.1/24 } drop"),
    ],
)
def test_what_nft_would_take_for_something_else_is_refused(
    mac: str, physical: str, address: str
) -> None:
    with pytest.raises(InvalidRequest):
        port_of(mac, physical, (address,), "hzv1.0")


def test_addresses_are_told_without_their_prefix_lengths() -> None:
    assert bare(("10.0.1.1/24", "2001:db8::1/64")) == ("10.0.1.1", "2001:db8::1")


def test_a_bridge_that_leads_away_has_no_frame_go_both_ways() -> None:
    leading = {"to1": ("hzt000001",)}
    number, plan = "0123456789ab", DataPlanePlan(3, PORTS)
    text = quiet(number, plan, leading)
    marked = f"meta mark {LED:#x}"
    tunnel = text[text.index('hook egress device "hzt000001" ') :].split("}")[0].splitlines()
    assert tunnel[1:3] == [
        f"    ether daddr 02:00:00:00:00:01 {marked} meta mark set 0x0 accept",
        "    ether daddr 02:00:00:00:00:01 drop",
    ]
    for one, mac in enumerate(("02:00:00:00:00:01", "02:00:00:00:00:02")):
        dropped = text.index(f"ether daddr {mac} {marked} drop")
        assert dropped < text.index(f"ether daddr {mac} counter name late_{one} accept")


def test_what_is_marked_is_so_wherever_it_comes_in() -> None:
    text = marking("0123456789ab", PORTS, {"to1": ("phys1", "vif7.0")})
    for hook in ('ingress device "phys1"', 'ingress device "vif7.0"', 'egress device "to1"'):
        assert f"type filter hook {hook} priority -25" in text
    assert text.count(f"ether daddr 02:00:00:00:00:01 meta mark set {LED:#x}") == 3
    # A port that stands on no bridge has nothing to be led by.
    assert "02:00:00:00:00:02" not in text


def test_a_router_that_has_come_hears_all_but_what_is_marked() -> None:
    text = taken("0123456789ab", PORTS, {"to1": ("vif7.0",)})
    assert "ingress device to1 priority -20" in text
    assert text.count(f"meta mark {LED:#x} drop") == len(PORTS)
    assert 'egress device "vif7.0"' in text
