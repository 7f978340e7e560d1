"""Pause of the garbage collector, while many objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Have no collection run in the block: it would look, again and again, at all that is new.

    It is for what takes a second at most; reference counts free what is let go of meanwhile.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def made_to_stay() -> Iterator[None]:
    """Have no collection run in the block, and none look later at anything that is there then.

    For thousands of objects that stay until they are let go of: a collection that follows would go
    over all of them, and all threads would wait. What is in a cycle with others is never freed
    then, unless the cycle is broken, so young garbage is collected before.
    """
    gc.collect(0)
    with collection_paused():
        yield
        gc.freeze()
