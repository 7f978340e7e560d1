"""Discovery's core as its application has it: made of options, measured, asked by networks."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from horizon_ryu.core.discovery.control import DiscoveryControl
from horizon_ryu.core.discovery.host_pins import pins_from_json
from horizon_ryu.core.discovery.hosts import HostLimits
from horizon_ryu.core.discovery.join_doubt import DoubtLimits
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.discovery.link_trials import TrialLimits
from horizon_ryu.core.discovery.return_checks import JoinedEarlier
from horizon_ryu.core.discovery.virtual_network import NetworkDefinition, select
from horizon_ryu.core.errors import InvalidInput, RequestUnanswered, SwitchAway
from horizon_ryu.core.frames import ETH_LLDP
from horizon_ryu.core.ownership import Priority
from horizon_ryu.core.spanning_tree.memory import MEMORY_SETTING, RECALL_TIME, memory_from_json
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import Link, TopologyChange, TopologyView
from horizon_ryu.metrics import Metrics
from horizon_ryu.openflow.registry import SwitchRegistry
from horizon_ryu.store import Store
from horizon_ryu.wire.messages import FlowCommand, FlowMod, FlowModFlags, Match, ToController
from xen_bridge.runtime.port import Runtime

LOG = logging.getLogger("horizon.discovery")

_ASKED_AT_ONCE = 64
_LINK_ALARMS = {
    "alarm_relayed_link": "discovery: probes are relayed between %016x:%d and %016x:%d, where hosts"
    " are; no link is believed",
    "alarm_slow_link": "discovery: probes between %016x:%d and %016x:%d, where hosts were, take"
    " longer than over known links; no link is believed",
}


def core_of(
    key: bytes, timers: DiscoveryTimers, options: Any, metrics: Metrics
) -> DiscoveryControl:
    """Return the core within the limits that the options of Discovery name, measured."""
    core = DiscoveryControl(key, timers, _limits_of(options))
    _measure(core, metrics)
    return core


def _limits_of(options: Any) -> DiscoveryLimits:
    """Return the caps and budgets that the options of Discovery name."""
    hosts = HostLimits(
        options.max_hosts,
        options.max_hosts_per_port,
        options.max_addresses_per_host,
        options.host_move_window,
        options.max_hosts_per_switch,
        options.host_idle,
    )
    return DiscoveryLimits(
        options.total_rate,
        options.new_port_rate,
        options.switch_rate,
        options.probe_validity,
        hosts,
        DoubtLimits(options.join_patience, options.join_doubt),
        options.max_ports_per_switch,
        TrialLimits(options.link_hold, options.link_latency_factor),
    )


def recall(core: DiscoveryControl, store: Store, now: float) -> None:
    """Have the core know what an earlier run knew to be joined, if it left such a memory."""
    try:
        memory = memory_from_json(store.get_setting(MEMORY_SETTING))
    except InvalidInput:
        # Spanning Tree, whose memory it is, tells of it.
        return
    joined = JoinedEarlier((*memory.cables, *memory.segments), memory.given_up)
    core.recall(joined, now + RECALL_TIME)


def pin_again(core: DiscoveryControl, store: Store, setting: str) -> None:
    """Pin the hosts that were pinned in an earlier run; of pins that cannot be read none is."""
    try:
        for pin in pins_from_json(store.get_setting(setting)):
            core.pin_host(pin)
    except InvalidInput as error:
        LOG.error("discovery: no host is pinned, by what the store has: %s", error)


def lldp_entry(cookie: int) -> FlowMod:
    """Return the forced drop: LLDP goes to the controller, and nowhere else."""
    return FlowMod(
        FlowCommand.ADD,
        Match(dl_type=ETH_LLDP),
        Priority.LLDP,
        cookie,
        (ToController(),),
        flags=FlowModFlags.SEND_FLOW_REM,
    )


def _measure(core: DiscoveryControl, metrics: Metrics) -> None:
    """Have metrics tell what the core counts."""
    doubt = core.doubt
    text = "Switches that have told their dpid and are not ready yet"
    metrics.gauge("horizon_joining_switches", text, lambda: len(doubt.joining))
    text = "Joins of switches: begun, ended, and slow for those that took too long"
    metrics.counters("horizon_switch_joins", text, "outcome", lambda: doubt.counts)
    trials = core.trials
    text = "Links that are held since hosts are known where they would be"
    metrics.gauge("horizon_held_links", text, lambda: len(trials.held))
    text = "Links held where hosts are known: begun, and what came of them"
    metrics.counters("horizon_link_trials", text, "outcome", lambda: trials.counts)
    text = "Hosts that found no room, or gave way to others, by what was full"
    metrics.counters("horizon_hosts_refused", text, "full", lambda: core.hosts.refused)
    text = "Ports beyond the cap of their switch, which are kept closed to broadcasts"
    metrics.gauge("horizon_ports_beyond_cap", text, lambda: sum(core.crowded().values()))


def network_view(
    view: TopologyView, definition: NetworkDefinition, switches: SwitchRegistry, runtime: Runtime
) -> TopologyView:
    """Return the part of ``view`` that forwards a virtual network's traffic.

    Asks every switch for its flow entries at once; SwitchError of one that does not answer.
    """
    questions = [partial(_entries, switches, dpid) for dpid in view.switches]
    answers = runtime.gather(questions, _ASKED_AT_ONCE)
    return select(view, dict(zip(view.switches, answers, strict=True)), definition)


def _entries(switches: SwitchRegistry, dpid: int) -> Any:
    try:
        return switches.flow_entries(dpid)
    except (SwitchAway, RequestUnanswered):
        return ()


def warn_of_links(changes: Iterable[TopologyChange], logger: logging.Logger) -> None:
    """Log the alarms about links that are not believed."""
    for change in changes:
        if change.kind in _LINK_ALARMS and isinstance(change.subject, Link):
            logger.warning(_LINK_ALARMS[change.kind], *change.subject.src, *change.subject.dst)
