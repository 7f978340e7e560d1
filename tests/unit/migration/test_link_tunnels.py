"""Tunnels of virtual links: which are needed, what they are called, who they are for."""

from __future__ import annotations

import pytest

from xen_bridge.errors import RequestConflict
from xen_bridge.migration.link_tunnels import (
    TunnelEnd,
    needed,
    number_of,
    router_mtu,
    without_tunnels,
)
from xen_bridge.protocol.documents.domains import CreateDomain, NewInterface

HOME, AWAY, OTHER = "A" * 60, "B" * 60, "C" * 60
UUIDS = ("11111111-2222-3333-4444-555555555555", "11111111-2222-3333-4444-666666666666")
ROUTER = CreateDomain("r1", interfaces=(NewInterface("to1"), NewInterface("to2")))


def end(bridge: str = "to1", home: str = HOME) -> TunnelEnd:
    number = number_of(home, AWAY, bridge)
    return TunnelEnd(
        bridge=bridge,
        number=number,
        near="192.0.2.2",
        far="192.0.2.1",
        is_away=True,
        peer_pk=home,
    )


def test_a_bridge_that_is_not_here_needs_a_tunnel_and_one_that_is_here_needs_none() -> None:
    found = needed(ROUTER, {"to2"}, (), HOME, AWAY)
    assert [one.bridge for one in found] == ["to1"]
    assert without_tunnels(ROUTER, found).interfaces == (NewInterface("to2"),)
    assert needed(ROUTER, {"to1", "to2"}, (), HOME, AWAY) == ()


def test_a_second_router_of_a_bridge_shares_the_tunnel_and_the_last_one_takes_it_along() -> None:
    (found,) = needed(ROUTER, {"to1", "to2"}, [end()], HOME, AWAY)
    assert found.number == end().number
    shared = end().with_router(UUIDS[1]).with_router(UUIDS[0]).with_router(UUIDS[0])
    assert shared.routers == UUIDS
    assert shared.without_router(UUIDS[0]).routers == UUIDS[1:]


def test_a_bridge_that_is_here_by_another_hosts_tunnel_is_refused() -> None:
    with pytest.raises(RequestConflict, match="to1"):
        needed(ROUTER, {"to1", "to2"}, [end(home=OTHER)], HOME, AWAY)


def test_numbers_differ_by_host_and_bridge_and_fit_into_the_name_of_a_device() -> None:
    pairs = ((HOME, AWAY), (AWAY, HOME), (HOME, OTHER))
    numbers = {number_of(*pair, bridge) for pair in pairs for bridge in ("to1", "to2")}
    assert len(numbers) == 6
    assert all(0 < one < 1 << 24 for one in numbers)
    assert len(end().device) == 9


def test_what_goes_through_whole_is_shorter_by_what_is_around_it() -> None:
    assert router_mtu(1500, "192.0.2.1") == 1450
    assert router_mtu(1500, "2001:db8::1") == 1430
