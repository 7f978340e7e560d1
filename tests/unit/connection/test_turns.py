"""Turns of a connection: short chunks cost no turn of their own, and nobody is starved by them."""

from __future__ import annotations

from typing import Any

from horizon_ryu.openflow.transport import IN_A_ROW, SHORT, Transport
from xen_bridge.runtime.green import GreenRuntime


class CountingRuntime(GreenRuntime):
    """Counts how often others are given their turns."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0

    def checkpoint(self) -> None:
        """Let the hub turn."""
        self.turns += 1
        super().checkpoint()


class Chunks:
    """A socket that always has another chunk, until it has none."""

    fd = None

    def __init__(self, *sizes: int) -> None:
        self._sizes = list(sizes)

    def recv(self, _most: int) -> bytes:
        return bytes(self._sizes.pop(0)) if self._sizes else b""

    def shutdown(self, _how: int) -> None:
        """Nobody hears it."""


class NoDeadlines:
    """Nothing is due."""

    def next_deadline(self) -> float:
        return float("inf")

    def tick(self, _now: float) -> None:
        """Never called."""


def turns_of(*sizes: int) -> int:
    runtime, taken = CountingRuntime(), []
    socket: Any = Chunks(*sizes)
    transport = Transport(runtime, socket, 1 << 20, lambda: None, lambda: None)
    transport.serve(taken.append, NoDeadlines())
    assert [len(chunk) for chunk in taken] == list(sizes)
    return runtime.turns


def test_others_have_a_turn_after_each_long_chunk() -> None:
    assert turns_of(*[SHORT + 1] * 10) == 10


def test_short_chunks_that_never_end_give_way_as_well() -> None:
    assert turns_of(*[8] * (10 * IN_A_ROW)) == 10


def test_a_few_short_chunks_cost_no_turn() -> None:
    assert turns_of(*[8] * (IN_A_ROW - 1)) == 0
