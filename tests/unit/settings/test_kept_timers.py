"""Timers that were set last over a restart, whatever an older or newer version kept."""

from __future__ import annotations

import pytest

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.kept_timers import keep_timers, kept_timers
from horizon_ryu.settings import DiscoveryOptions
from horizon_ryu.store import Store

CONFIGURED = DiscoveryOptions(lldp_interval=0.3).timers


def test_what_was_never_set_is_as_configured() -> None:
    assert kept_timers(Store("sqlite://"), "discovery.timers", CONFIGURED) == CONFIGURED


def test_what_was_set_is_found_again() -> None:
    store, other = Store("sqlite://"), DiscoveryTimers(1.0, 2.0, 3.0)
    keep_timers(store, "discovery.timers", other)
    assert kept_timers(store, "discovery.timers", CONFIGURED) == other


def test_another_versions_timers_are_passed_over_and_missing_ones_as_configured() -> None:
    store = Store("sqlite://")
    store.set_setting("discovery.timers", {"link_max_idle": 7.0, "no_longer_known": 1.0})
    found = kept_timers(store, "discovery.timers", CONFIGURED)
    assert found == DiscoveryTimers(lldp_interval=0.3, link_max_idle=7.0)


def test_a_timer_out_of_range_is_refused() -> None:
    store = Store("sqlite://")
    store.set_setting("discovery.timers", {"link_max_idle": 0.0})
    with pytest.raises(InvalidInput, match="link_max_idle"):
        kept_timers(store, "discovery.timers", CONFIGURED)
