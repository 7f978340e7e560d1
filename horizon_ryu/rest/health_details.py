"""Details of health: what is known of the loops and of the store, as health and metrics tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from horizon_ryu.core.loop_record import LoopRecord
from horizon_ryu.disk_space import DiskSpace
from horizon_ryu.http.problem import clean
from horizon_ryu.rest.health import LoopHealth, StoreHealth

MAX_LOOPS = 200
"""Loops that health tells of, at most; each Xen host has one."""


def loops_health(records: Iterable[LoopRecord], now: float) -> tuple[LoopHealth, ...]:
    """Return how each loop does, those in trouble first."""
    told = [
        LoopHealth(
            name=record.name,
            last_turn=round(record.age(now), 3),
            failures=record.failures,
            idle=record.is_idle,
            trouble=record.trouble(now),
        )
        for record in records
    ]
    return tuple(sorted(told, key=lambda one: one.trouble is None)[:MAX_LOOPS])


def troubles(records: Iterable[LoopRecord], now: float) -> Iterator[str]:
    """Yield what is wrong with loops, once for all that are alike."""
    found = [(record.name, record.trouble(now)) for record in records]
    yield from dict.fromkeys(f"{name} {trouble}" for name, trouble in found if trouble is not None)


def last_turns(records: Iterable[LoopRecord], now: float) -> dict[str, float]:
    """Return the seconds since the last turn by the loop's name, of several alike the most."""
    found: dict[str, float] = {}
    for record in records:
        age = 0.0 if record.is_idle else record.age(now)
        found[record.name] = max(found.get(record.name, 0.0), age)
    return found


def store_health(trouble: str | None, disk: DiskSpace) -> StoreHealth:
    """Return how the store and its disk are."""
    return StoreHealth(
        writable=trouble is None,
        trouble=None if trouble is None else clean(trouble),
        disk_free=disk.free,
        disk_total=disk.total,
    )
