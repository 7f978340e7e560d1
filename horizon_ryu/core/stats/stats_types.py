"""The questions that are asked of switches, and the class whose timer sets the pace of each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from horizon_ryu.core.timers import MAX_SECONDS, StatsTimers
from horizon_ryu.wire.capabilities import Capabilities
from horizon_ryu.wire.stats.types import StatsType

_COMMON = (
    StatsType.ECHO,
    StatsType.FEATURES,
    StatsType.DESC,
    StatsType.AGGREGATE,
    StatsType.PORTS,
    StatsType.TABLES,
    StatsType.FLOWS,
)

STATS_TYPES_10 = _COMMON
"""OpenFlow 1.0 tells ports and actions in the features, names of tables in their statistics."""

STATS_TYPES_13 = (StatsType.PORT_DESC, *_COMMON, StatsType.TABLE_FEATURES)
"""1.3 tells them apart."""


def stats_types_of(capabilities: Capabilities) -> tuple[StatsType, ...]:
    """Return what a switch of such capabilities is asked, in the order of asking."""
    ports = (StatsType.PORT_DESC,) if capabilities.port_desc else ()
    tables = (StatsType.TABLE_FEATURES,) if capabilities.table_features else ()
    return ports + STATS_TYPES_10 + tables


def intervals(timers: StatsTimers) -> Mapping[StatsType, float]:
    """Return the seconds between two questions of each kind to one switch.

    The features of tables, some 300 KiB on Open vSwitch, only change when somebody tells the
    switch to: they have no timer and are asked once an hour.
    """
    return MappingProxyType(
        {
            StatsType.ECHO: timers.echo_interval,
            StatsType.FEATURES: timers.features_interval,
            StatsType.PORT_DESC: timers.features_interval,
            StatsType.DESC: timers.desc_interval,
            StatsType.AGGREGATE: timers.aggregate_interval,
            StatsType.PORTS: timers.ports_interval,
            StatsType.TABLES: timers.tables_interval,
            StatsType.FLOWS: timers.flows_interval,
            StatsType.TABLE_FEATURES: MAX_SECONDS,
        }
    )
