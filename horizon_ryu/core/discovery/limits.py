"""Limits of Discovery: budgets of probes, how long one may be heard, and caps."""

from __future__ import annotations

from dataclasses import dataclass, field

from horizon_ryu.core.discovery.hosts import HostLimits
from horizon_ryu.core.discovery.join_doubt import DoubtLimits
from horizon_ryu.core.discovery.link_trials import TrialLimits


@dataclass(frozen=True, slots=True)
class DiscoveryLimits:
    """Budgets of probes per second, and the seconds in which a probe is accepted.

    ``total_rate`` is for known ports, ``new_port_rate`` for new ones, ``switch_rate`` for all
    ports of one switch. Of a switch with more than ``ports_per_switch`` ports, or more than its
    version can flood by, the others are closed to broadcasts, and otherwise as if they were not
    there.
    """

    total_rate: float = 2000.0
    new_port_rate: float = 20_000.0
    switch_rate: float = 1000.0
    probe_validity: float = 5.0
    hosts: HostLimits = field(default_factory=HostLimits)
    doubt: DoubtLimits = field(default_factory=DoubtLimits)
    ports_per_switch: int = 16_384
    trials: TrialLimits = field(default_factory=TrialLimits)
