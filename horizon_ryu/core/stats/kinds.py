"""The questions that are asked of switches, and the class whose timer sets the pace of each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from horizon_ryu.core.timers import MAX_SECONDS, StatsTimers
from horizon_ryu.wire.stats.types import Kind

_COMMON = (Kind.ECHO, Kind.FEATURES, Kind.DESC, Kind.AGGREGATE, Kind.PORTS, Kind.TABLES, Kind.FLOWS)

KINDS_10 = _COMMON
"""OpenFlow 1.0 tells ports and actions in the features, names of tables in their statistics."""

KINDS_13 = (Kind.PORT_DESC, *_COMMON, Kind.TABLE_FEATURES)
"""1.3 tells them apart. The order is that in which a new switch is asked."""


def kinds_of(version: int) -> tuple[Kind, ...]:
    """Return what a switch of wire version 1 or 4 is asked."""
    return KINDS_10 if version == 1 else KINDS_13


def intervals(timers: StatsTimers) -> Mapping[Kind, float]:
    """Return the seconds between two questions of each kind to one switch.

    The features of tables, some 300 KiB on Open vSwitch, only change when somebody tells the
    switch to: they have no timer and are asked once an hour.
    """
    return MappingProxyType(
        {
            Kind.ECHO: timers.echo_interval,
            Kind.FEATURES: timers.features_interval,
            Kind.PORT_DESC: timers.features_interval,
            Kind.DESC: timers.desc_interval,
            Kind.AGGREGATE: timers.aggregate_interval,
            Kind.PORTS: timers.ports_interval,
            Kind.TABLES: timers.tables_interval,
            Kind.FLOWS: timers.flows_interval,
            Kind.TABLE_FEATURES: MAX_SECONDS,
        }
    )
