"""Quiet turn: tests that measure shares wait for the other lanes, and no other test does."""

from __future__ import annotations

from pathlib import Path

import pytest

from quiet_turn import QuietTurn


def probe() -> None:
    """Stand for a test."""


@pytest.mark.parametrize(("marked", "looks"), [(True, 3), (False, 0)])
def test_what_measures_shares_begins_when_the_others_have_ended(
    request: pytest.FixtureRequest, tmp_path: Path, marked: bool, looks: int
) -> None:
    item = pytest.Function.from_parent(request.node.parent, name="probe", callobj=probe)
    if marked:
        item.add_marker("quiet")
    paused: list[None] = []

    def pause() -> None:
        paused.append(None)
        if len(paused) == looks:
            (tmp_path / "quiet").touch()

    turn = QuietTurn(tmp_path / "quiet", pause).pytest_runtest_protocol(item)
    next(turn)
    assert len(paused) == looks
    with pytest.raises(StopIteration, match="done"):
        turn.send("done")
