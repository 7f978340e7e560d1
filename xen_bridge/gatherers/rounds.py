"""Rounds: when the iterations of a measurement begin."""

from __future__ import annotations

from collections.abc import Iterator

from xen_bridge.runtime.port import Runtime


def rounds(iterations: int, interval: float, runtime: Runtime) -> Iterator[tuple[int, float]]:
    """Yield number, from 1, and wall clock of every iteration when it is its turn.

    Iterations begin ``interval`` seconds after each other, counted from the first: a late one
    does not delay the others. When one takes longer than that the next begins at once.
    """
    start = runtime.now()
    for index in range(iterations):
        runtime.sleep_until(start + index * interval)
        yield index + 1, round(runtime.wall(), 3)
