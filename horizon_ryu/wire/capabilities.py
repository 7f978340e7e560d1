"""Capabilities of a version of OpenFlow, as far as what is decided depends on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

GROUP_PORTS = (0xFFFF - 16) // 32
"""Buckets of one output each that a group-mod has room for (1.3.5 section 7.3.4.2)."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one version can do and another cannot.

    ``flood_group``: frames are flooded by a group; without it, by the ports that do not have
    the bit NO_FLOOD. ``mac_masks``: a match can name some bits of a MAC address. ``meters``:
    rates can be limited. ``cookie_filter``: entries can be asked for, and deleted, by cookie.
    ``port_desc`` and ``table_features``: ports and tables are described apart from the features
    of the switch, and from the counters of the tables. ``oxm``: matches are lists of fields, those
    of IPv6 and masks of VLAN identifiers among them. ``tables``: an entry can be written to a table
    of choice. ``most_flooding``: the most ports that frames can be flooded by, None without a
    limit.
    """

    flood_group: bool
    mac_masks: bool
    meters: bool
    cookie_filter: bool
    port_desc: bool
    table_features: bool
    oxm: bool
    tables: bool
    most_flooding: int | None


_BY_VERSION: Mapping[int, Capabilities] = MappingProxyType(
    {
        OPENFLOW_10: Capabilities(
            flood_group=False,
            mac_masks=False,
            meters=False,
            cookie_filter=False,
            port_desc=False,
            table_features=False,
            oxm=False,
            tables=False,
            most_flooding=None,
        ),
        OPENFLOW_13: Capabilities(
            flood_group=True,
            mac_masks=True,
            meters=True,
            cookie_filter=True,
            port_desc=True,
            table_features=True,
            oxm=True,
            tables=True,
            most_flooding=GROUP_PORTS,
        ),
    }
)


def capabilities_of(version: int) -> Capabilities:
    """Return the capabilities of wire version 1 or 4; KeyError for others."""
    return _BY_VERSION[version]
