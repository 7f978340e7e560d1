"""What nft counts in a migration is read, or refused, and never guessed at."""

from __future__ import annotations

import json

import pytest

from xen_bridge.errors import BridgeError
from xen_bridge.migration.plane_chains import port_of
from xen_bridge.migration.plane_counts import counting, difference
from xen_bridge.planes.data_plane import DataPlanePlan

PORTS = tuple(
    port_of(f"02:00:00:00:00:0{one}", f"to{one}", (f"10.0.{one}.1/24",), f"hzv1.{one}")
    for one in (1, 2)
)


def listed(**packets: object) -> bytes:
    rows = [{"counter": {"name": name, "packets": one}} for name, one in packets.items()]
    return json.dumps({"nftables": [{"metainfo": {}}, *rows]}).encode()


def test_all_ports_are_counted_and_what_leaves_is_told_before_what_came() -> None:
    plan = DataPlanePlan(7, PORTS)
    text = counting("0123456789ab", plan)
    assert text.startswith("table inet hz_l_0123456789ab { }\ndelete table inet")
    for device in plan.devices:
        assert f"ingress device {device} priority 10" in text
    assert text.index("counter passed { }") < text.index("counter came { }")
    assert text.count(f"meta mark {plan.table} ") == 5


def test_what_came_and_did_not_pass_was_dropped() -> None:
    assert difference(listed(passed=90, came=97)) == 7


@pytest.mark.parametrize(
    "told", [b"", b"[]", b'{"nftables": 3}', listed(came=3), listed(came="x", passed=1)]
)
def test_what_is_no_listing_is_an_error(told: bytes) -> None:
    with pytest.raises(BridgeError):
        difference(told)
