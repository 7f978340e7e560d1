"""Chains of a data plane's migration say what they have to, and nothing of what was told is nft."""

from __future__ import annotations

import pytest

from xen_bridge.errors import InvalidRequest
from xen_bridge.migration.plane_chains import bare, copied, port_of, quarantine, quiet
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
    before = quiet(number, plan, leading)
    assert 'hook egress device "hzt000001" ' in before
    assert before.count("counter name late_") == len(PORTS)
    after = quiet(number, plan, leading, is_led=True)
    assert "hzt000001" not in after
    assert after.count("counter name late_") == len(PORTS) - 1
