"""Entries of tenants that follow another flowspace: how long the slicer's loop is held for it.

An event loop in which nothing else is done turns around meanwhile; the longest of its turns is what
another tenant would have waited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import thread_time
from typing import Any, NamedTuple

from bench.table import Figure
from horizon_ryu.core.collection_pause import collection_paused
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.slicer.portions import PortionCarrier
from horizon_ryu.wire.of13.structures import InstructionApplyActions
from unit.slicing import sliced10, sliced13
from unit.slicing.sliced10 import Sliced, output
from unit.slicing.sliced13 import Sliced13

ENTRIES, ROUNDS = 20_000, 3
MOST_HELD_MS = 5.0
_SETTLED = 50


class Moved(NamedTuple):
    """How long it took until all was sent, and the longest turn of the loop, in milliseconds."""

    took: float
    longest: float


def figures() -> Iterator[Figure]:
    """Measure both versions, and what must be built anew for 1.0."""
    apart = [_rule(1, "c0", "1-2"), _rule(2, "c1", "3")]
    wider = [_rule(1, "c0", "1-3"), _rule(2, "c1", "4")]
    below = [*apart, _rule(3, "c1", "1", priority=40_000)]
    for name, lab, rules in (
        ("1.0, its rules are others", lambda: _filled10(apart), wider),
        ("1.0, another slice comes above", lambda: _filled10(apart), below),
        ("1.3, its rules are others", lambda: _filled13(apart), wider),
    ):
        found = [_moved(lab(), rules) for _ in range(ROUNDS)]
        longest = min(one.longest for one in found)
        yield Figure(f"OpenFlow {name}: longest hold", "ms", longest, MOST_HELD_MS)
        yield Figure("until all is sent", "ms", min(one.took for one in found), None)


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


def _moved(lab: Any, rules: list[FlowspaceRule]) -> Moved:
    flowspace = lab.flowspace(rules)
    flowspace.prepare()
    lab.datapath._link.say = lambda _message: None
    with collection_paused():
        return asyncio.run(_turned(lab, flowspace))


async def _turned(lab: Any, flowspace: Any) -> Moved:
    loop = asyncio.get_running_loop()
    failed: list[Exception] = []
    carrier = PortionCarrier(loop, lambda: None, lambda: True, failed.append)
    lab.datapath.carry_by(carrier.carry)
    began = last = thread_time()
    longest = 0.0
    lab.datapath.set_flowspace(flowspace, lab.now)
    quiet = 0
    while quiet < _SETTLED and not failed:
        await asyncio.sleep(0)
        now = thread_time()
        longest = max(longest, now - last)
        quiet = quiet + 1 if now - last < 0.0002 else 0
        last = now
    if failed:
        raise failed[0]
    return Moved((last - began) * 1000, longest * 1000)
