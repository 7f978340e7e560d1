"""Plane report: what a Domain 0 has of its separated routers, as lines for people.

Pure: what was asked is given, and the answer is text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xen_bridge.planes.dead_times import DeadTime, FoundDeadTimes, warning
from xen_bridge.protocol.documents.dead_times import DeadTimesAnswer
from xen_bridge.protocol.documents.migration import ENDED, MigrationStatus
from xen_bridge.protocol.documents.planes import PlaneTunnel, SeparatedPlane


@dataclass(frozen=True, slots=True)
class RouterTimers:
    """The dead times of a router, or why its agent did not tell; and its last standstill."""

    found: FoundDeadTimes
    problem: str | None = None
    pause_s: float | None = None


def found_of(answer: DeadTimesAnswer) -> FoundDeadTimes:
    """Return what an agent's answer says."""
    times = (DeadTime(one.protocol, one.peer, one.seconds) for one in answer.times)
    return FoundDeadTimes(tuple(times), answer.unknown)


def last_pause(plane: SeparatedPlane, migrations: Iterable[MigrationStatus]) -> float | None:
    """Return how long the last migration of a router had it stand still; None if nobody knows."""
    known = [
        one
        for one in migrations
        if one.pause_s is not None and (one.uuid == plane.uuid or one.domain == plane.router)
    ]
    return max(known, key=lambda one: one.started or 0.0).pause_s if known else None


def list_lines(planes: Sequence[SeparatedPlane]) -> Iterator[str]:
    """Yield what is made of each router: devices, table, rules' names, chains."""
    for plane in planes:
        yield f"{plane.router}: {plane.state}"
        if plane.slot is not None:
            yield f"  table {plane.table}, tables of nftables {plane.nft_table}"
            yield (
                f"  routes {plane.routes}, of them {plane.installed} in the kernel and"
                f" {plane.held} held; nexthops {plane.nexthops}"
            )
        for port in plane.ports:
            yield (
                f"  {port.interface} ({port.mac}): {port.device} over {port.physical}, "
                f"{port.vif} to the machine; {', '.join(port.addresses) or 'no address'}"
            )
        if plane.unbound:
            yield f"  not separated: {', '.join(plane.unbound)}"
        yield from _silence_lines(plane)
        yield from (f"  refused: {reason}" for reason in plane.refusals)


def tunnel_lines(tunnels: Sequence[PlaneTunnel], is_checked: bool = False) -> Iterator[str]:
    """Yield what is made of each tunnel, or what is wrong with it where that ``is_checked``."""
    for one in tunnels:
        if is_checked:
            yield f"{one.device}: {'broken' if one.faults else 'all is there'}"
            yield from (f"  fault: {fault}" for fault in one.faults)
            continue
        mtu = "not there" if one.mtu is None else f"MTU {one.mtu}"
        whose = "the bridge is made for it" if one.is_away else "the bridge is at home here"
        way = f"{one.near} to {one.far}" + (" by GRE" if one.kind == "gre" else "")
        yield f"{one.device}: tunnel of bridge {one.bridge}, {way}, {mtu}; {whose}"
        yield f"  for {', '.join(one.routers) or 'nobody'}"


def migration_lines(migrations: Iterable[MigrationStatus]) -> Iterator[str]:
    """Yield how each migration stands, and what is the matter with it."""
    for one in migrations:
        state = "committed" if one.is_committed and one.state not in ENDED else one.state
        yield f"{one.id}: {one.domain} to {one.destination}, {one.mode}, {state}"
        if one.problem is not None:
            yield f"  problem: {one.problem}"
        if one.unsettled is not None:
            yield f"  unsettled: {one.unsettled}"


def unsettled_lines(migrations: Iterable[MigrationStatus]) -> Iterator[str]:
    """Yield the migrations that go on being tried in vain."""
    for one in migrations:
        if one.unsettled is not None:
            yield f"unsettled: migration {one.id} of {one.domain}: {one.unsettled}"


def check_lines(
    planes: Sequence[SeparatedPlane], timers: Mapping[str, RouterTimers]
) -> Iterator[str]:
    """Yield what is wrong with each router, and what may become so."""
    for plane in planes:
        yield f"{plane.router}: {verdict(plane)}"
        yield from (f"  fault: {fault}" for fault in plane.faults)
        yield from (f"  refused: {reason}" for reason in plane.refusals)
        yield from _silence_lines(plane)
        told = timers.get(plane.router)
        if told is not None:
            yield from (f"  {line}" for line in _timer_lines(told))


def _silence_lines(plane: SeparatedPlane) -> Iterator[str]:
    if plane.silent_s is not None:
        yield (
            f"  silent: its agent has said nothing for {plane.silent_s:.0f} s;"
            " its routes may have changed since"
        )


def verdict(plane: SeparatedPlane) -> str:
    """Return one word, or two, for a router."""
    if plane.faults:
        return "broken"
    return "all is there" if plane.state == "separated" else plane.state


def _timer_lines(timers: RouterTimers) -> Iterator[str]:
    if timers.problem is not None:
        yield f"dead times unknown: {timers.problem}"
    yield from (f"dead times unknown: {reason}" for reason in timers.found.unknown)
    if timers.found.times:
        first = timers.found.times[0]
        pause = "none yet" if timers.pause_s is None else f"{timers.pause_s:.3g} s"
        yield (
            f"shortest dead time {first.seconds:g} s ({first.protocol}, {first.peer}); "
            f"standstill of its last migration: {pause}"
        )
    told = warning(timers.found.times, timers.pause_s)
    if told is not None:
        yield f"warning: {told}"
