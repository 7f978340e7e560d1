"""Checkpoints: a loop that has much to do gives way now and then."""

from __future__ import annotations

from collections.abc import Callable

from xen_bridge.runtime.port import Runtime


def checkpoint_every(runtime: Runtime, count: int) -> Callable[[], None]:
    """Return what lets others run at every ``count``-th call."""
    calls = 0

    def step() -> None:
        nonlocal calls
        calls += 1
        if calls >= count:
            calls = 0
            runtime.checkpoint()

    return step
