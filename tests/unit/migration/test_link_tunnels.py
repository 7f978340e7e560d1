"""Tunnels of virtual links: which are needed, what they are called, who they are for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from xen_bridge.errors import RequestConflict
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.migration.link_tunnels import (
    TunnelEnd,
    kind_of,
    needed,
    number_of,
    router_mtu,
    without_tunnels,
)
from xen_bridge.migration.tunnel_ends import TunnelEnds
from xen_bridge.protocol.documents.domains import CreateDomain, NewInterface
from xen_bridge.protocol.documents.migration import MigrateDomain
from xen_bridge.protocol.documents.migration_advise import PrepareIncoming
from xen_bridge.protocol.documents.planes import TunnelKind

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


def wanted(*kinds: TunnelKind, to: str = "192.0.2.2") -> PrepareIncoming:
    return PrepareIncoming(
        id="0123456789ab",
        definition=ROUTER,
        mode="standard",
        tunnel_from="192.0.2.1",
        tunnel_to=to,
        tunnel_kinds=kinds,
    )


def test_a_tunnel_is_gre_where_both_hosts_have_that_and_vxlan_else() -> None:
    assert kind_of(wanted("gre", "vxlan"), ("gre", "vxlan")) == "gre"
    assert kind_of(wanted("vxlan"), ("gre", "vxlan")) == "vxlan"
    assert kind_of(wanted("gre", "vxlan"), ("vxlan",)) == "vxlan"
    assert kind_of(wanted(), ()) == "vxlan"
    # Nothing fragments what is too long for GRE over IPv6.
    assert kind_of(wanted("gre", to="2001:db8::2"), ("gre",)) == "vxlan"


def test_a_new_tunnel_has_the_kind_and_a_shared_one_keeps_its_own() -> None:
    found = needed(ROUTER, {"to1"}, [end()], HOME, AWAY, "gre")
    assert [(one.bridge, one.kind) for one in found] == [("to1", "vxlan"), ("to2", "gre")]
    assert router_mtu(1500, "192.0.2.1", "gre") == 1458


class Kernel:
    """A kernel with GRE, which notes what is made."""

    def __init__(self) -> None:
        self.made: list[TunnelEnd] = []

    def bridges(self) -> dict[str, int]:
        return {"to2": 1500}

    def kinds(self) -> tuple[TunnelKind, ...]:
        return ("gre", "vxlan")

    def make(self, made: TunnelEnd) -> None:
        self.made.append(made)


def ends_of(path: Path, own: str) -> tuple[TunnelEnds, Kernel]:
    kernel = Kernel()
    kept: MigrationJournal[TunnelEnd] = MigrationJournal(path / own[0], TunnelEnd, lambda _: False)
    return TunnelEnds(own, kept, kernel), kernel  # type: ignore[arg-type]


def test_both_ends_are_of_the_kind_that_the_destination_chose_and_never_of_two(
    tmp_path: Path,
) -> None:
    order = MigrateDomain(
        id="0123456789ab",
        domain="r1",
        destination="two",
        destination_url="https://192.0.2.2:7443",
        destination_pk=AWAY,
        mode="standard",
        tunnels=True,
    )
    (home, here), (away, there) = ends_of(tmp_path, HOME), ends_of(tmp_path, AWAY)
    asked = home.with_kinds(replace(wanted(), definition=replace(ROUTER, uuid=UUIDS[0])))
    assert asked.tunnel_kinds == ("gre", "vxlan")
    tunnels = away.needed(asked, HOME)
    away.land(asked, HOME, tunnels)
    home.depart(order, asked, tunnels)
    assert [one.kind for one in (*here.made, *there.made)] == ["gre", "gre"]
    other = tuple(replace(one, kind="vxlan") for one in tunnels)
    with pytest.raises(RequestConflict, match="to1 goes on there by gre, not vxlan"):
        home.depart(order, asked, other)  # type: ignore[arg-type]
    assert home.with_kinds(replace(asked, tunnel_from=None, tunnel_kinds=())).tunnel_kinds == ()
