"""Runs inside Ryu beside Horizon: how long each poll of flow entries takes, from asked to kept."""

from __future__ import annotations

import time
from typing import Any

from bench.controller import report
from horizon_ryu.app import HorizonApp
from horizon_ryu.core.stats.polling import Ask
from horizon_ryu.switch_stats.poller import Poller
from horizon_ryu.wire.stats.types import StatsType


class Watch(HorizonApp):
    """Times the poller's questions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked: dict[Ask, float] = {}
        ask_one, done_one = Poller._ask, Poller._done

        def ask(poller: Poller, question: Ask) -> None:
            asked[question] = time.perf_counter()
            ask_one(poller, question)

        def done(poller: Poller, question: Ask) -> None:
            done_one(poller, question)
            if question.kind is StatsType.FLOWS and question in asked:
                took = 1000 * (time.perf_counter() - asked.pop(question))
                report(poll_ms=took, dpid=question.dpid)

        Poller._ask, Poller._done = ask, done  # type: ignore[method-assign]
