"""The timers of the report, their defaults and ranges (3.3 to 3.5), settable at run time."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from horizon_ryu.core.errors import InvalidInput

MIN_SECONDS = 0.01
MAX_SECONDS = 3600.0


def _check(timers: object, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(timers, name)
        if not math.isfinite(value) or not MIN_SECONDS <= value <= MAX_SECONDS:
            raise InvalidInput((name,), f"must be {MIN_SECONDS:g} to {MAX_SECONDS:g} seconds")


@dataclass(frozen=True, slots=True)
class DiscoveryTimers:
    """Discovery's timers in seconds (report 3.4); InvalidInput outside 0.01 to 3600."""

    lldp_interval: float = 0.1
    link_check_interval: float = 5.0
    link_max_idle: float = 10.0

    def __post_init__(self) -> None:
        _check(self, tuple(item.name for item in fields(self)))


@dataclass(frozen=True, slots=True)
class TreeTimers:
    """Spanning Tree's timers in seconds (report 3.5).

    ``lldp_interval`` is Discovery's first timer, which Spanning Tree lowers when it runs.
    """

    rebuild_interval: float = 5.0
    port_hold_time: float = 10.0
    lldp_interval: float = 0.05

    def __post_init__(self) -> None:
        _check(self, tuple(item.name for item in fields(self)))


@dataclass(frozen=True, slots=True)
class StatsTimers:
    """The seconds between two polls of one switch, by class of statistics (report 3.3.3)."""

    desc_interval: float = 60.0
    features_interval: float = 30.0
    ports_interval: float = 5.0
    tables_interval: float = 10.0
    aggregate_interval: float = 5.0
    flows_interval: float = 10.0
    echo_interval: float = 5.0

    def __post_init__(self) -> None:
        _check(self, tuple(item.name for item in fields(self)))


@dataclass(frozen=True, slots=True)
class XenTimers:
    """The seconds between two looks at a Xen host, and after which a silent one is away."""

    poll_interval: float = 2.0
    poll_deadline: float = 10.0

    def __post_init__(self) -> None:
        _check(self, tuple(item.name for item in fields(self)))
