"""BFD sessions whose timers are raised before a router stands still, and put back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xen_bridge.errors import BridgeError, RequestConflict
from xen_bridge.planes.session_hold import (
    MARGIN_SECONDS,
    MAX_MS,
    BfdSession,
    BfdTimers,
    SessionHold,
    lines,
    raised,
    sessions_of,
)

ROW = {
    "multihop": False,
    "peer": "10.0.0.2",
    "local": "10.0.0.1",
    "vrf": "default",
    "interface": "eth0",
    "status": "up",
    "receive-interval": 300,
    "transmit-interval": 300,
    "detect-multiplier": 3,
    "remote-receive-interval": 300,
    "remote-transmit-interval": 300,
    "remote-detect-multiplier": 3,
}
SESSION = BfdSession(
    *("10.0.0.2", "10.0.0.1", "eth0", "default", False),
    BfdTimers(3, 300, 300),
    BfdTimers(3, 300, 300),
)


class FakeFrr:
    """Answers with its sessions, and is set up by lines."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = [dict(row) for row in rows]
        self.lines: list[tuple[str, ...]] = []
        self.refuses = ""

    def ask(self, _question: str) -> str:
        return json.dumps(self.rows)

    def configure(self, given: tuple[str, ...]) -> None:
        if self.refuses and self.refuses in given[1]:
            raise BridgeError("FRR refuses")
        self.lines.append(given)


@pytest.fixture
def frr() -> FakeFrr:
    return FakeFrr(ROW, {**ROW, "peer": "10.0.0.3"})


def hold_of(frr: FakeFrr, folder: Path, times: list[float]) -> SessionHold:
    return SessionHold(folder / "held", frr, lambda: times[-1])  # type: ignore[arg-type]


def test_sessions_are_read_and_what_cannot_be_named_again_is_left_out() -> None:
    other = [
        {**ROW, "status": "down"},
        {**ROW, "peer": "10.0.0.2\nno router bgp"},
        {**ROW, "peer": "fe80::1%eth0"},
        {**ROW, "detect-multiplier": None},
        {**ROW, "remote-transmit-interval": -1},
        7,
    ]
    assert sessions_of(json.dumps([ROW, *other])) == (SESSION,)
    (odd,) = sessions_of(json.dumps([{**ROW, "interface": "e;reload", "local": "x"}]))
    assert lines(odd, odd.own)[1] == "peer 10.0.0.2"
    assert sessions_of("bfdd is not running") == ()
    for text in ("", "[1", "% Unknown"):
        with pytest.raises(BridgeError):
            sessions_of(text)


MS = st.integers(10, MAX_MS)


@given(
    st.builds(BfdTimers, st.integers(2, 255), MS, MS),
    st.builds(BfdTimers, st.integers(1, 255), MS, MS),
    st.floats(0.1, 60),
)
def test_raised_timers_outlast_the_silence_of_either_side_and_are_none_that_frr_refuses(
    own: BfdTimers, remote: BfdTimers, seconds: float
) -> None:
    found = raised(BfdSession("10.0.0.2", None, None, None, False, own, remote), seconds)
    assert found.multiplier * max(found.transmit_ms, remote.receive_ms) >= 1000 * seconds
    assert remote.multiplier * max(remote.transmit_ms, found.receive_ms) >= 1000 * seconds
    assert 2 <= found.multiplier <= 255
    assert 10 <= found.transmit_ms <= MAX_MS
    assert own.receive_ms <= found.receive_ms <= MAX_MS


def test_a_session_is_named_as_frr_knows_it() -> None:
    assert lines(SESSION, BfdTimers(18, 300, 1667)) == (
        *("bfd", "peer 10.0.0.2 local-address 10.0.0.1 interface eth0"),
        *("detect-multiplier 18", "transmit-interval 300", "receive-interval 1667"),
    )
    far = BfdSession("2001:db8::2", "2001:db8::1", None, "blue", True, SESSION.own, SESSION.remote)
    assert lines(far, far.own)[1] == (
        "peer 2001:db8::2 multihop local-address 2001:db8::1 vrf blue"
    )


def test_they_are_held_once_and_put_back_as_they_were(frr: FakeFrr, tmp_path: Path) -> None:
    held = hold_of(frr, tmp_path, [0.0])
    assert held.hold(5.0) == ("10.0.0.2", "10.0.0.3")
    assert {given[2:] for given in frr.lines} == {
        ("detect-multiplier 18", "transmit-interval 300", "receive-interval 1667"),
    }
    with pytest.raises(RequestConflict):
        held.hold(5.0)
    # One session ended meanwhile: nothing is made of it again.
    frr.lines.clear()
    del frr.rows[1]
    assert held.release() == ("10.0.0.2",)
    assert frr.lines == [lines(SESSION, SESSION.own)]
    assert held.release() == ()
    assert held.hold(1.0) == ("10.0.0.2",)


def test_nobody_needs_to_ask_for_it_and_a_later_start_does_it_too(
    frr: FakeFrr, tmp_path: Path
) -> None:
    times = [0.0]
    held = hold_of(frr, tmp_path, times)
    held.hold(5.0)
    frr.lines.clear()
    times.append(5.0 + MARGIN_SECONDS - 0.1)
    held.due()
    assert frr.lines == []
    times.append(5.0 + MARGIN_SECONDS)
    held.due()
    assert len(frr.lines) == 2
    held.hold(5.0)
    frr.lines.clear()
    later = hold_of(frr, tmp_path, [0.0])
    later.due()
    assert frr.lines[0] == lines(SESSION, SESSION.own)
    assert not (tmp_path / "held").exists()


def test_all_are_held_or_none(frr: FakeFrr, tmp_path: Path) -> None:
    frr.refuses = "10.0.0.3"
    held = hold_of(frr, tmp_path, [0.0])
    with pytest.raises(BridgeError):
        held.hold(5.0)
    assert frr.lines[-1] == lines(SESSION, SESSION.own)


def test_without_a_session_nothing_is_kept(tmp_path: Path) -> None:
    held = hold_of(FakeFrr(), tmp_path, [0.0])
    assert held.hold(5.0) == ()
    assert held.hold(5.0) == ()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_says_nothing_is_taken_away(frr: FakeFrr, tmp_path: Path) -> None:
    (tmp_path / "held").write_bytes(b"\xff\xfe")
    held = hold_of(frr, tmp_path, [0.0])
    held.due()
    assert frr.lines == []
    assert not (tmp_path / "held").exists()
