"""Event kinds: what ``/v1/events`` tells of, so that a misspelt one is not waited for in vain."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from horizon_ryu.core.errors import InvalidInput

TOPOLOGY = frozenset({
    "switch_join", "switch_leave",
    "port_add", "port_modify", "port_delete", "port_beyond_cap",
    "link_add", "link_delete", "link_held", "link_released",
    "segment_add", "segment_delete", "segment_suspected", "segment_cleared",
    "vlan_segment_add", "vlan_segment_delete",
    "host_add", "host_modify", "host_move", "host_delete",
    "tree_change",
})  # fmt: skip
ALARMS = frozenset({
    "alarm_spoofed_host", "alarm_spoofed_address", "alarm_unproven_move",
    "alarm_too_many_hosts", "alarm_too_many_ports", "alarm_port_role",
    "alarm_shared_segment", "alarm_relayed_link", "alarm_slow_link",
    "alarm_slow_join", "alarm_dpid_claimed",
})  # fmt: skip
FLOWS = frozenset({
    "flow_add", "flow_activated", "flow_modify", "flow_delete", "flow_timeout",
    "flow_moved", "flow_broken", "flow_restored", "flow_repaired",
})  # fmt: skip
MIGRATIONS = frozenset({
    "migration_begun", "migration_step", "migration_committed", "migration_aborting",
    "migration_silent", "migration_heard", "migration_unsettled", "migration_settled",
    "migration_done", "migration_rolled_back", "migration_failed",
})  # fmt: skip
SLICES = frozenset({
    "slice_created", "slice_changed", "slice_deleted", "slice_expired", "slices_replaced",
    "flowspace_changed",
    "slicer_switch_connected", "slicer_switch_disconnected", "slicer_switch_refused",
    "slicer_switch_replaced", "slicer_switch_made_anew", "slicer_switch_slow",
    "slicer_switches_refused", "slicer_switch_taken_over",
    "slicer_switch_unconfirmed", "slicer_tenant_connected",
    "slicer_tenant_disconnected", "slicer_tenant_unreachable", "slicer_tenant_slow",
    "slicer_tables_not_written", "slicer_bandwidth_not_held", "slicer_frames_not_told_apart",
})  # fmt: skip
PICTURE = frozenset({"switch_name", "position_change"})
"""What people say of the network: names, and where things are drawn."""
XEN = frozenset({
    "xen_host", "xen_domain", "xen_progress", "xen_router_silent", "xen_router_heard",
})  # fmt: skip
GAP = "gap"
"""Tells a subscriber that events it asked for are gone."""
KINDS = TOPOLOGY | ALARMS | FLOWS | MIGRATIONS | SLICES | XEN | PICTURE | {GAP}


def check_kinds(wanted: Collection[str], seen: Collection[str] = ()) -> frozenset[str]:
    """Return ``wanted``; InvalidInput for kinds that are neither ours nor ``seen``.

    Applications of others publish kinds of their own.
    """
    known = KINDS.union(seen)
    strange = sorted(set(wanted) - known)
    if strange:
        raise InvalidInput(
            ("kinds",), f"{_named(strange, known)}; there are {', '.join(sorted(known))}"
        )
    return frozenset(wanted)


def _named(strange: Collection[str], known: Collection[str]) -> str:
    told = []
    for kind in strange:
        near = difflib.get_close_matches(kind.lower().replace("-", "_"), known, 1)
        told.append(f"no events of kind {kind!r}" + (f", did you mean {near[0]}?" if near else ""))
    return "; ".join(told)
