"""Runs inside Ryu beside Horizon: how many greenlets and objects there are."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from typing import Any

from greenlet import greenlet
from ryu.lib import hub

from bench.controller import report
from horizon_ryu.app import HorizonApp

PERIOD = 5.0
OURS = ("horizon_ryu", "xen_bridge")


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
    remembered = let_go()
    gc.collect()
    objects = gc.get_objects()
    return {
        "remembered": remembered,
        "greenlets": sum(isinstance(one, greenlet) and not one.dead for one in objects),
        "objects": len(objects),
        "kinds": dict(Counter(type(one).__qualname__ for one in objects).most_common(300)),
    }


def let_go() -> int:
    """Empty the bounded caches of ours, and return how many entries they had.

    They fill for as long as new paths and orders of change come, up to some 6,000 entries of a
    dozen objects each: a soak of minutes would take that for growth without end.
    """
    entries = 0
    for cache in bounded_caches():
        entries += cache.cache_info().currsize
        cache.cache_clear()
    return entries


def bounded_caches() -> Iterator[_lru_cache_wrapper[Any]]:
    """Yield those of our modules and their classes.

    The collector does not tell of them: what was there at the start is frozen.
    """
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in OURS:
            own = [one for one in vars(module).values() if isinstance(one, type)]
            for holder in (module, *own):
                for one in list(vars(holder).values()):
                    if isinstance(one, _lru_cache_wrapper) and one.cache_info().maxsize is not None:
                        yield one
