"""Timers of the report (3.3 to 3.5), declared once: name, default, range and what each is for.

The options of the configuration file, the REST resources and what the store keeps are made from
these classes; adding a timer means adding a field here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from horizon_ryu.core.errors import InvalidInput

MIN_SECONDS = 0.01
MAX_SECONDS = 3600.0


def seconds(default: float, text: str) -> Any:
    """Declare a span of time: its default in seconds and what it is for."""
    about = {"help": f"{text} (seconds)", "min": MIN_SECONDS, "max": MAX_SECONDS}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Timers:
    """Base of each application's timers, in seconds; InvalidInput outside 0.01 to 3600."""

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.metadata.get("max") == MAX_SECONDS:
                _check(item.name, getattr(self, item.name))


def _check(name: str, value: float) -> None:
    if not math.isfinite(value) or not MIN_SECONDS <= value <= MAX_SECONDS:
        raise InvalidInput((name,), f"must be {MIN_SECONDS:g} to {MAX_SECONDS:g} seconds")


@dataclass(frozen=True)
class DiscoveryTimers(Timers):
    """Timers of Discovery, in seconds (report 3.4)."""

    lldp_interval: float = seconds(0.1, "between rounds of probes; Spanning Tree lowers it")
    link_check_interval: float = seconds(5.0, "between checks for idle links")
    link_max_idle: float = seconds(10.0, "after which a link not heard of is removed")


@dataclass(frozen=True)
class TreeTimers(Timers):
    """Timers of Spanning Tree, in seconds (report 3.5).

    ``lldp_interval`` is Discovery's first timer, which Spanning Tree lowers when it runs.
    """

    rebuild_interval: float = seconds(5.0, "between rebuildings of the tree without a change")
    port_hold_time: float = seconds(10.0, "during which new ports are closed to broadcasts")
    lldp_interval: float = seconds(0.05, "given to Discovery while Spanning Tree runs")


@dataclass(frozen=True)
class StatsTimers(Timers):
    """Timers of Stats: seconds between two polls of one switch, by class (report 3.3.3)."""

    desc_interval: float = seconds(60.0, "between polls of the description")
    features_interval: float = seconds(30.0, "between polls of features and port states")
    ports_interval: float = seconds(5.0, "between polls of port counters")
    tables_interval: float = seconds(10.0, "between polls of table counters")
    aggregate_interval: float = seconds(5.0, "between polls of the sums over all flows")
    flows_interval: float = seconds(10.0, "between polls of flow entries")
    echo_interval: float = seconds(5.0, "between echo requests that are timed")


@dataclass(frozen=True)
class XenTimers(Timers):
    """Timers of Xen hosts, in seconds."""

    poll_interval: float = seconds(2.0, "between two looks at a host")
    poll_deadline: float = seconds(10.0, "without an answer after which a host counts as away")
