"""Garbage collection for what a controller is: long-lived, and full of small values.

Left alone, it walks the whole heap again and again while a batch of flows is laid: half of the
time of ten thousand entries went there.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 20
"""Allocations before a collection of the youngest, and such collections before the next ones."""


def settle() -> None:
    """Take what is there for permanent, and collect what comes after it less often.

    To be called once, when all applications have been loaded.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
