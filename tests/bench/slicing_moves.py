"""Changes of many entries, by rules or by their tenant: how long the slicer's loop is held.

An event loop in which nothing else is done turns around meanwhile; the longest of its turns is what
another tenant would have waited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from time import thread_time
from typing import Any, NamedTuple, TypeAlias

from bench.table import Figure
from horizon_ryu.core.collection_pause import collection_paused
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.core.slicing.tenant_table import TableCommand
from horizon_ryu.slicer.portions import PortionCarrier
from horizon_ryu.wire.of13.structures import InstructionApplyActions
from unit.slicing import sliced10, sliced13
from unit.slicing.sliced10 import Sliced, output
from unit.slicing.sliced13 import Sliced13

ENTRIES, ROUNDS = 20_000, 3
MOST_HELD_MS = 5.0
_SETTLED, _QUIET = 50, 0.0002
"""Turns of the loop in which nothing was done, each of at most so many seconds."""
Change: TypeAlias = Callable[[Any], Callable[[], None]]
"""Makes a change ready on a switch; returns what begins it."""


class Held(NamedTuple):
    """How long it took until all was sent, and the longest turn of the loop, in milliseconds."""

    took: float
    longest: float


def figures() -> Iterator[Figure]:
    """Measure both versions, and what must be built anew for 1.0."""
    apart = [_rule(1, "c0", "1-2"), _rule(2, "c1", "3")]
    wider = [_rule(1, "c0", "1-3"), _rule(2, "c1", "4")]
    below = [*apart, _rule(3, "c1", "1", priority=40_000)]
    delete10 = sliced10.flow_mod(sliced10.match(), command=int(TableCommand.DELETE))
    delete13 = sliced13.delete13(sliced13.match13())
    for name, filled, change in (
        ("1.0, its rules are others", _filled10, _followed(wider)),
        ("1.0, another slice comes above", _filled10, _followed(below)),
        ("1.0, its tenant deletes all", _filled10, _said(delete10)),
        ("1.3, its rules are others", _filled13, _followed(wider)),
        ("1.3, its tenant deletes all", _filled13, _said(delete13)),
    ):
        found = [_changed(filled(apart), change) for _ in range(ROUNDS)]
        longest = min(one.longest for one in found)
        yield Figure(f"OpenFlow {name}: longest hold", "ms", longest, MOST_HELD_MS)
        yield Figure("until all is sent", "ms", min(one.took for one in found), None)


def _followed(rules: list[FlowspaceRule]) -> Change:
    def change(lab: Any) -> Callable[[], None]:
        flowspace = lab.flowspace(rules)
        flowspace.prepare()
        return lambda: lab.datapath.set_flowspace(flowspace, lab.now)

    return change


def _said(message: Any) -> Change:
    def change(lab: Any) -> Callable[[], None]:
        raw = lab.MESSAGES.encode(7, message)
        return lambda: lab.datapath.from_tenant(lab["c0"], raw, lab.now)

    return change


def _rule(number: int, name: str, ports: str, priority: int = 100) -> FlowspaceRule:
    return FlowspaceRule(number, name, None, parse_rule_match({"in_port": ports}), priority)


def _filled10(rules: list[FlowspaceRule]) -> Sliced:
    lab = Sliced(rules, ports=6)
    for number in range(ENTRIES):
        match = sliced10.match(dl_dst=number)
        mod = sliced10.flow_mod(match, output(1), priority=number & 0xFF, cookie=number)
        lab.datapath.from_tenant(lab["c0"], lab.MESSAGES.encode(number, mod), lab.now)
    return lab


def _filled13(rules: list[FlowspaceRule]) -> Sliced13:
    lab = Sliced13(rules, ports=6)
    for number in range(ENTRIES):
        match = sliced13.match13(eth_dst=number)
        mod = sliced13.flow_mod13(
            match, InstructionApplyActions((sliced13.output13(1),)), priority=number & 0xFF
        )
        lab.datapath.from_tenant(lab["c0"], lab.MESSAGES.encode(number, mod), lab.now)
    return lab


def _changed(lab: Any, change: Change) -> Held:
    begin = change(lab)
    lab.datapath._link.say = lambda _message: None
    with collection_paused():
        return asyncio.run(_turned(lab, begin))


async def _turned(lab: Any, begin: Callable[[], None]) -> Held:
    loop = asyncio.get_running_loop()
    failed: list[Exception] = []
    carrier = PortionCarrier(loop, lambda: None, lambda: True, failed.append)
    lab.datapath.carry_by(carrier.carry)
    began = last = thread_time()
    longest = 0.0
    begin()
    quiet = 0
    while quiet < _SETTLED and not failed:
        await asyncio.sleep(0)
        now = thread_time()
        longest = max(longest, now - last)
        quiet = quiet + 1 if now - last < _QUIET else 0
        last = now
    if failed:
        raise failed[0]
    return Held((last - began) * 1000, longest * 1000)
