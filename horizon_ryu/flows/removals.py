"""Removals of flow entries as switches report them, and what is done about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from horizon_ryu.core.flows.entries import EntryKey
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.flows.removals import Verdict, judge
from horizon_ryu.core.ownership import Owner, flow_number, owner_of
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.messages import FlowRemoved


class Answers(NamedTuple):
    """What follows: ``expire`` ends a flow, ``look`` has a switch compared; neither waits."""

    expire: Callable[[int], object]
    look: Callable[[int], None]


class Removals:
    """Ends the flows whose time is over, and has what else is gone repaired.

    ``counts`` has the removals of our entries by what they were taken for.
    """

    def __init__(
        self, registry: FlowRegistry, age: Callable[[EntryKey], float], answers: Answers
    ) -> None:
        """``age`` tells the seconds since an entry was last sent."""
        self.counts: Counter[str] = Counter()
        self._registry = registry
        self._age = age
        self._answers = answers

    def heard(self, dpid: int, codec: Codec, removed: FlowRemoved) -> None:
        """Take what the switch ``dpid``, which speaks by ``codec``, reports; never waits."""
        if owner_of(removed.cookie) is not Owner.FLOW_MANAGER:
            return
        verdict = judge(self._registry, dpid, removed, codec.as_reported, self._age)
        self.counts[verdict.value] += 1
        if verdict is Verdict.EXPIRED:
            self._answers.expire(flow_number(removed.cookie))
        elif verdict.needs_a_look:
            self._answers.look(dpid)
