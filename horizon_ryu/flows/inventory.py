"""Inventory of a switch: asks it for the groups and meters that it has, and whom it lacks one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce
from typing import Protocol

from horizon_ryu.core.errors import RequestUnanswered
from horizon_ryu.core.flows.flow import Flow, FlowState
from horizon_ryu.core.flows.needs import NOTHING, Inventory, Needs, Shortages, needs_of
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.flows.events import FlowEvents
from horizon_ryu.openflow.answer_record import GROUPS, METERS
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.flow_stats import read_groups, read_meters

LOG = logging.getLogger("horizon.flows")


class AnsweringSwitches(Protocol):
    """The part of the switch registry that is used."""

    def answers(self, dpid: int, encode: Callable[[Codec, int], bytes], kind: str) -> list[bytes]:
        """Ask a switch and return its answer in pieces; waits. SwitchError, ValueError."""


def read_inventory(switches: AnsweringSwitches, dpid: int, needs: Needs) -> Inventory:
    """Return what ``dpid`` has of the kinds of things in ``needs``; waits.

    SwitchError; ValueError if its version has no such things.
    """
    groups: dict[int, bool] = {}
    meters: frozenset[int] = frozenset()
    if needs.groups:
        for piece in switches.answers(
            dpid, lambda codec, xid: codec.encode_group_desc_request(xid), GROUPS
        ):
            groups |= read_groups(piece)
    if needs.meters:
        for piece in switches.answers(
            dpid, lambda codec, xid: codec.encode_meter_config_request(xid), METERS
        ):
            meters |= read_meters(piece)
    return Inventory(groups, meters)


class StockTaker:
    """Finds out which flows work no more since their switch lost a group or a meter."""

    def __init__(
        self,
        registry: FlowRegistry,
        switches: AnsweringSwitches,
        shortages: Shortages,
        events: FlowEvents,
    ) -> None:
        self._registry = registry
        self._switches = switches
        self._shortages = shortages
        self._events = events

    def take(self, dpid: int) -> tuple[Flow, ...]:
        """Ask ``dpid`` for what flows need, tell of those that lack it, return those that do again.

        Waits, if some flow needs anything. SwitchError.
        """
        before = dict(self._shortages.of_switch(dpid))
        needing = self._registry.needing(dpid)
        if not needing and not before:
            return ()
        needs = reduce(Needs.joined, (needs_of(flow.spec) for flow in needing), NOTHING)
        try:
            has = read_inventory(self._switches, dpid, needs)
        except RequestUnanswered:
            # It takes entries all the same, and refuses those that it cannot carry out.
            return ()
        # Those that came while the switch was asked may need what it was not asked for.
        asked = {flow.number: flow for flow in needing}
        known = [one for one in self._registry.needing(dpid) if asked.get(one.number) is one]
        self._shortages.note(dpid, known, has)
        lacking = self._shortages.of_switch(dpid)
        for flow in known:
            if flow.number in lacking and flow.number not in before:
                LOG.warning("flow %s: %s", flow.id, lacking[flow.number])
                self._events.flow("flow_broken", replace(flow, state=FlowState.BROKEN))
        return tuple(one for one in known if one.number in before and one.number not in lacking)

    def tell_restored(self, flows: Iterable[Flow]) -> None:
        """Tell that ``flows`` work again."""
        for flow in flows:
            LOG.info("flow %s: its switch has what it needs again", flow.id)
            self._events.flow("flow_restored", flow)
