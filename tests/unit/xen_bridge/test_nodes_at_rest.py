"""A node at rest wakes no native thread for nothing: on a small or emulated one that is work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xen_bridge.agent.separation_agent import SeparationAgent
from xen_bridge.nodes import _every
from xen_bridge.planes.session_hold import SessionHold
from xen_bridge.router_node import ALONE_SECONDS, _follow
from xen_bridge.trust.identity import Identity
from xen_bridge.vtysh import Vtysh


class _EnoughSeen(Exception):
    """So many pauses are a rest."""


class _PacedRuntime:
    """Runs what is for native threads at once, notes it and the pauses, and ends after some."""

    def __init__(self, pauses: int) -> None:
        self.ran: list[str] = []
        self.pauses: list[float] = []
        self._most = pauses

    def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        self.ran.append(getattr(function, "__name__", ""))
        return function(*args)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) >= self._most:
            raise _EnoughSeen


def test_a_turn_is_taken_when_there_is_one_due() -> None:
    runtime, taken = _PacedRuntime(pauses=5), []
    with pytest.raises(_EnoughSeen):
        _every(runtime, 0.2, lambda: taken.append(1), lambda: len(runtime.pauses) in (1, 3))
    assert (len(taken), runtime.pauses) == (2, [0.2] * 5)


def test_an_agent_without_a_domain_0_looks_rarely_whether_there_is_one(tmp_path: Path) -> None:
    runtime = _PacedRuntime(pauses=3)
    agent = SeparationAgent(Identity.load_or_create(tmp_path), dict, 1)
    held = SessionHold(tmp_path / "held.json", Vtysh(None), lambda: 0.0)
    with pytest.raises(_EnoughSeen):
        _follow(runtime, agent, held)
    assert runtime.ran == ["turn"] * 3
    assert runtime.pauses == [ALONE_SECONDS] * 3


def test_sessions_that_are_held_are_looked_after_at_each_turn(tmp_path: Path) -> None:
    (tmp_path / "held.json").write_text("[]", encoding="ascii")
    runtime = _PacedRuntime(pauses=2)
    agent = SeparationAgent(Identity.load_or_create(tmp_path), dict, 1)
    held = SessionHold(tmp_path / "held.json", Vtysh(None), lambda: 0.0)
    assert held.holds
    with pytest.raises(_EnoughSeen):
        _follow(runtime, agent, held)
    assert runtime.ran[0] == "due"
