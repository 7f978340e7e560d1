"""What bears a name of ours and is nobody's is told, and nothing else."""

from __future__ import annotations

import pytest

from xen_bridge.netlink.rules import Rule
from xen_bridge.planes.data_plane import LOCAL_BEHIND, LOCAL_FIRST, DataPlanePlan, RouterPort
from xen_bridge.separation.strays import KnownOwners, strays

KNOWN = KnownOwners(frozenset({1}), frozenset({"hzt00a11a"}), frozenset({"0123456789ab"}))
NOBODY = KnownOwners(frozenset(), frozenset(), frozenset())


@pytest.mark.parametrize(
    "name",
    ["r1p0", "hzw01234567.0", "hzx01234567.1", "hzt00a11a", "hzk7", "r2", "hzttrial", "hzv1.0"],
)
def test_a_device_of_somebody_is_none(name: str) -> None:
    assert strays([name], (), KNOWN) == ()


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("r2p0", "router"),
        ("hzwffffffff.0", "migration"),
        ("hzxffffffff.0", "migration"),
        ("hzt00a11b", "tunnel"),
    ],
)
def test_a_device_of_nobody_is_told_with_what_it_should_be_of(name: str, owner: str) -> None:
    assert strays([name], (), KNOWN) == (f"device {name} belongs to no {owner} that is known here",)


def test_without_routers_anchors_are_nobodys() -> None:
    assert len(strays(["hzk7", "hzl7"], (), NOBODY)) == 2
    assert KNOWN.joined(NOBODY) == NOBODY.joined(KNOWN) == KNOWN


def test_tables_are_those_of_planes_and_of_migrations_under_way() -> None:
    ours = ["netdev hz_r1", "ip6 hz_r1", "netdev hz_q_0123456789ab", "inet filter", "ip6 hz_guard"]
    assert strays((), ours, KNOWN) == ()
    told = strays((), ["netdev hz_r9", "netdev hz_d_ffffffffffff"], KNOWN)
    assert [one.split()[2] for one in told] == ["hz_d_ffffffffffff", "hz_r9"]
    assert "no migration that is under way" in told[0]


def test_rules_are_those_of_planes() -> None:
    ports = (RouterPort("vif1", "lan0", b"\2\0\0\0\0\1", ("2001:db8::1/64",)),)
    ours, others = (DataPlanePlan(slot, ports).rules() for slot in (1, 9))
    foreign = (Rule(0, 255), Rule(32766, 254), Rule(1000, 100, iif="r1"), Rule(1000, 4_005_000))
    known = (*ours, *foreign, LOCAL_FIRST, LOCAL_BEHIND)
    assert strays((), (), KNOWN, known) == ()
    told = strays((), (), KNOWN, (*known, *others))
    behind = "belongs to no router that is known here"
    assert told[:3] == (
        f"rule 1000 (from r9p0) {behind}",
        f"rule 1001 (from r9p0) {behind}",
        f"rule 1002 (table 4000009) {behind}",
    )
    assert told[3:] == tuple(f"IPv6 {one}" for one in told[:3])
    assert strays((), (), NOBODY, (LOCAL_FIRST, LOCAL_BEHIND)) == (
        "rule 1003 (local) is there without any router",
    )
