"""The five measures that switches and Xen nodes have in common (report 2.3, 3.3), for a switch."""

from __future__ import annotations

from typing import NamedTuple

from horizon_ryu.core.stats.rates import total
from horizon_ryu.core.stats.samples import SwitchSamples
from horizon_ryu.core.topology import TopologyView
from horizon_ryu.switch_stats.port_rates import port_rates

LOCAL_PORTS = frozenset({0xFFFE, 0xFFFF_FFFE})
"""The switch's own port (OFPP_LOCAL): what it carries, others have carried already."""


class SwitchLoad(NamedTuple):
    """Of a switch's processes, in percent: of one processor, and of the machine's memory."""

    cpu_percent: float | None
    memory_percent: float | None


NO_LOAD = SwitchLoad(None, None)


class NodeMeasures(NamedTuple):
    """What is None is not known. Rates of all ports together; ``echo_ms`` is the control path."""

    load: SwitchLoad
    rx_bps: float | None
    tx_bps: float | None
    dropped_per_s: float | None
    neighbors: tuple[int, ...]
    echo_ms: float | None


def node_measures(switch: SwitchSamples, view: TopologyView, load: SwitchLoad) -> NodeMeasures:
    """Return the measures of a switch now."""
    found = [rates for port, rates in port_rates(switch).items() if port not in LOCAL_PORTS]
    neighbors = {link.dst.dpid for link in view.links.values() if link.src.dpid == switch.dpid}
    return NodeMeasures(
        load,
        total(*(rates.rx_bps for rates in found)),
        total(*(rates.tx_bps for rates in found)),
        total(*(rates.dropped_per_s for rates in found)),
        tuple(sorted(neighbors)),
        None if switch.rtt is None else 1000 * switch.rtt,
    )
