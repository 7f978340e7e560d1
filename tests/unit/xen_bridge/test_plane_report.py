"""What ``xen-bridge planes list|check`` says, of what Domain 0 and agents answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xen_bridge.planes.dead_times import DeadTime, FoundDeadTimes
from xen_bridge.protocol.documents.migration import MigrationStatus
from xen_bridge.protocol.documents.planes import PlanePort, PlaneTunnel, SeparatedPlane
from xen_bridge.separation.plane_report import (
    RouterTimers,
    check_lines,
    last_pause,
    list_lines,
    migration_lines,
    tunnel_lines,
    unsettled_lines,
)

UUID = "12345678-1234-1234-1234-123456789abc"
PORT = PlanePort("eth1", "02:00:00:00:00:01", "r1p0", "vif1.1", "lan0", ("10.0.1.1/24",))


def plane(**more: Any) -> SeparatedPlane:
    given: dict[str, Any] = {
        "router": "r1",
        "uuid": UUID,
        "hostname": "r1",
        "state": "separated",
        "slot": 1,
        "table": 4_000_001,
        "nft_table": "hz_r1",
        "ports": (PORT,),
        "routes": 7,
        "installed": 6,
    }
    return SeparatedPlane(**{**given, **more})


def moved(started: float, pause_s: float | None, uuid: str = UUID) -> MigrationStatus:
    return MigrationStatus(
        id="0123456789ab",
        domain="other",
        uuid=uuid,
        destination="xen2",
        mode="plane-separation",
        state="done",
        started=started,
        pause_s=pause_s,
    )


def test_a_migration_that_is_tried_in_vain_is_told_with_what_and_why() -> None:
    done = moved(1.0, 0.5)
    why = "bind, 3 times in vain: away"
    waits = replace(done, state="running", is_committed=True, problem="away", unsettled=why)
    assert list(migration_lines((done, waits))) == [
        "0123456789ab: other to xen2, plane-separation, done",
        "0123456789ab: other to xen2, plane-separation, committed",
        "  problem: away",
        "  unsettled: bind, 3 times in vain: away",
    ]
    assert list(unsettled_lines((done, waits))) == [
        "unsettled: migration 0123456789ab of other: bind, 3 times in vain: away"
    ]


def test_the_list_tells_what_is_made_of_each_router() -> None:
    refused = plane(
        router="r2", slot=None, state="refused", ports=(), unbound=("eth1",), refusals=("nat: x",)
    )
    assert list(list_lines((plane(), refused))) == [
        "r1: separated",
        "  table 4000001, tables of nftables hz_r1",
        "  routes 7, of them 6 in the kernel and 0 held; nexthops 0",
        "  eth1 (02:00:00:00:00:01): r1p0 over lan0, vif1.1 to the machine; 10.0.1.1/24",
        "r2: refused",
        "  not separated: eth1",
        "  refused: nat: x",
    ]


def test_tunnels_are_listed_and_told_to_be_whole_or_what_they_lack() -> None:
    about: Any = {"bridge": "lan0", "near": "192.0.2.1", "far": "192.0.2.2", "routers": (UUID,)}
    whole = PlaneTunnel(device="hzt00000a", is_away=True, mtu=1500, **about)
    gone = PlaneTunnel(device="hzt00000b", is_away=False, faults=("it is missing",), **about)
    assert list(tunnel_lines((whole, gone))) == [
        "hzt00000a: tunnel of bridge lan0, 192.0.2.1 to 192.0.2.2, MTU 1500; "
        "the bridge is made for it",
        f"  for {UUID}",
        "hzt00000b: tunnel of bridge lan0, 192.0.2.1 to 192.0.2.2, not there; "
        "the bridge is at home here",
        f"  for {UUID}",
    ]
    assert list(tunnel_lines((whole, gone), is_checked=True)) == [
        "hzt00000a: all is there",
        "hzt00000b: broken",
        "  fault: it is missing",
    ]


def test_the_check_tells_faults_and_timers_that_are_too_short() -> None:
    times = FoundDeadTimes((DeadTime("BFD", "10.0.0.2", 0.9),), ("FRR tells nothing of BGP: x",))
    told = check_lines(
        (plane(faults=("rule 1000 (r1p0) is missing",)), plane(router="r2")),
        {
            "r1": RouterTimers(times, None, 2.0),
            "r2": RouterTimers(FoundDeadTimes(()), "virtual router r2: away"),
        },
    )
    assert list(told) == [
        "r1: broken",
        "  fault: rule 1000 (r1p0) is missing",
        "  dead times unknown: FRR tells nothing of BGP: x",
        "  shortest dead time 0.9 s (BFD, 10.0.0.2); standstill of its last migration: 2 s",
        "  warning: BFD with 10.0.0.2 ends after 0.9 s of silence, but the last migration stood "
        "still for 2 s: 1 of 1 sessions would end; raise their timers",
        "r2: all is there",
        "  dead times unknown: virtual router r2: away",
    ]


def test_the_pause_is_that_of_the_routers_last_migration() -> None:
    other = "12345678-1234-1234-1234-123456789abd"
    found = (moved(1, 5.0), moved(3, 2.0), moved(2, 9.0), moved(4, None), moved(5, 7.0, other))
    assert last_pause(plane(), found) == 2.0
    assert last_pause(plane(), ()) is None
