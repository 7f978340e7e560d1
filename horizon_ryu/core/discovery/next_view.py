"""Next view: what Discovery knows, as a picture that shares what has not changed with the last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

from horizon_ryu.core.discovery.link_evidence import LinkEvidence
from horizon_ryu.core.discovery.switch_table import SwitchTable
from horizon_ryu.core.topology import Host, TopologyChange, TopologyView

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def next_view(
    last: TopologyView,
    changes: Iterable[TopologyChange],
    switches: SwitchTable,
    evidence: LinkEvidence,
    hosts: Mapping[bytes, Host],
) -> TopologyView:
    """Return the next view; parts of which nothing is told are shared with the last one."""
    parts = {part for part in map(_part, changes) if part}
    return TopologyView(
        last.version + 1,
        switches.frozen() if "switches" in parts else last.switches,
        _frozen(evidence.links) if "links" in parts else last.links,
        _frozen(hosts) if "hosts" in parts else last.hosts,
        evidence.segments,
        evidence.held,
        evidence.suspected,
        evidence.vlans.segments,
    )


def _part(change: TopologyChange) -> str:
    """Return which part of a view ``change`` is about; alarms are about none."""
    family = change.kind.partition("_")[0]
    return {"switch": "switches", "port": "switches", "link": "links", "host": "hosts"}.get(
        family, ""
    )


def _frozen(mapping: Mapping[_Key, _Value]) -> Mapping[_Key, _Value]:
    return MappingProxyType(dict(mapping))
