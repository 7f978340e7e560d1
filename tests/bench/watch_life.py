"""Runs inside Ryu beside Horizon: how many greenlets and objects there are."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

from greenlet import greenlet
from ryu.lib import hub

from bench.controller import report
from horizon_ryu.app import HorizonApp

PERIOD = 5.0


class Watch(HorizonApp):
    """Counts again and again, after a collection: what is left is held by somebody."""

    def start(self) -> None:
        super().start()
        self.spawn(self._watch)

    def _watch(self) -> None:
        while True:
            hub.sleep(PERIOD)
            report(**reading())


def reading() -> dict[str, Any]:
    """Return what there is after a collection; the list of it all ends with this call.

    Kept until the next one, it would hold everything that was ever seen.
    """
    gc.collect()
    objects = gc.get_objects()
    return {
        "greenlets": sum(isinstance(one, greenlet) and not one.dead for one in objects),
        "objects": len(objects),
        "kinds": dict(Counter(type(one).__qualname__ for one in objects).most_common(300)),
    }
