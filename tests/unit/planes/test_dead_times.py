"""Dead times as FRR tells them: read, sorted, and set beside how long a router stood still."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xen_bridge.errors import BridgeError, RequestUnsupported
from xen_bridge.planes.dead_times import (
    QUESTIONS,
    DeadTime,
    DeadTimes,
    FoundDeadTimes,
    read_answer,
    read_bond,
    warning,
)
from xen_bridge.vtysh import Vtysh

BFD = {
    "peer": "10.0.0.2",
    "status": "up",
    "receive-interval": 300,
    "transmit-interval": 300,
    "detect-multiplier": 3,
    "remote-receive-interval": 300,
    "remote-transmit-interval": 300,
    "remote-detect-multiplier": 3,
}
OSPF = {"interfaces": {"eth0": {"timerDeadSecs": 40, "nbrCount": 1}, "eth1": {"timerDeadSecs": 4}}}
BGP = {"10.0.0.2": {"bgpState": "Established", "bgpTimerHoldTimeMsecs": 9000}}
VRRP = [
    {
        "vrid": 5,
        "interface": "eth0",
        "v4": {"status": "Master", "masterDownInterval": 3600},
        "v6": {"status": "Backup", "masterDownInterval": 100},
    }
]
WARNING = (
    "% Can't open configuration file /etc/frr/vtysh.conf due to 'No such file or directory'.\n"
)


def read(protocol: str, told: Any) -> list[tuple[str, float]]:
    return [(one.peer, one.seconds) for one in read_answer(protocol, json.dumps(told))]


def test_each_protocol_tells_after_how_much_silence_a_session_ends() -> None:
    assert read("BFD", [BFD]) == [("10.0.0.2", pytest.approx(0.9))]
    # The peer hears as rarely as it said; what either side takes for gone ends the session.
    slower = {**BFD, "remote-receive-interval": 1000, "receive-interval": 500}
    assert read("BFD", [slower]) == [("10.0.0.2", pytest.approx(1.5))]
    assert read("BFD", [{**BFD, "status": "down"}]) == []
    assert read("OSPF", OSPF) == [("eth0", 40)]
    assert read("OSPFv3", {"eth0": {"timerIntervalsConfigDead": 40}}) == [("eth0", 40)]
    assert read("BGP", BGP) == [("10.0.0.2", 9)]
    assert read("BGP", {"10.0.0.2": {**BGP["10.0.0.2"], "bgpTimerHoldTimeMsecs": 0}}) == []
    assert read("VRRP", VRRP) == [("eth0 5", 3.6)]


def test_a_daemon_that_does_not_run_has_no_sessions_and_a_warning_before_the_answer_is_none() -> (
    None
):
    assert read_answer("OSPFv3", "ospf6d is not running\n") == ()
    assert read_answer("BFD", WARNING + json.dumps([BFD])) == (DeadTime("BFD", "10.0.0.2", 0.9),)


def test_what_is_no_answer_is_told_in_one_line() -> None:
    for text in ("", "% Unknown command: show\nbfd", "[1, {", "[" * 100_000):
        with pytest.raises(BridgeError, match=r"^FRR tells nothing of BFD: [^\n]*$"):
            read_answer("BFD", text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["interfaces", "v4", "status", "nbrCount", "detect-multiplier", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(QUESTIONS)), JSON)
def test_any_json_is_read_or_refused(protocol: str, told: Any) -> None:
    try:
        found = read_answer(protocol, json.dumps(told))
    except BridgeError:
        return
    assert all(one.seconds > 0 and len(one.peer) <= 80 for one in found)


def test_a_bond_tells_its_rate() -> None:
    text = "Bonding Mode: IEEE 802.3ad Dynamic link aggregation\nLACP rate: fast\n"
    assert read_bond("bond0", text) == (DeadTime("LACP", "bond0", 3.0),)
    assert read_bond("bond0", "Bonding Mode: active-backup\n") == ()


class FakeVtysh:
    def __init__(self, answers: dict[str, str], errors: str = "", status: int = 0) -> None:
        self._answers, self._errors, self._status = answers, errors, status
        self.asked: list[tuple[str, ...]] = []

    def run(self, command: Any, _seconds: float, _environment: Any) -> Any:
        self.asked.append(tuple(command))
        text = self._answers.get(command[-1], "x is not running")
        return subprocess.CompletedProcess(
            command, self._status, text.encode() if not self._status else b"", self._errors.encode()
        )


def test_all_protocols_are_asked_and_the_shortest_comes_first() -> None:
    answers = {
        "show ip ospf interface json": json.dumps(OSPF),
        "show bfd peers json": json.dumps([BFD]),
        "show bgp neighbors json": "% no such thing",
    }
    vtysh = FakeVtysh(answers)
    found = DeadTimes(Vtysh("/run/r1", vtysh)).read()  # type: ignore[arg-type]
    assert [one.protocol for one in found.times] == ["BFD", "OSPF"]
    assert found.unknown == ("FRR tells nothing of BGP: % no such thing",)
    assert {command[:3] for command in vtysh.asked} == {("vtysh", "--vty_socket", "/run/r1")}


def test_without_frr_there_are_none_and_nothing_is_unknown() -> None:
    reason = "Exiting: failed to connect to any daemons."
    none = DeadTimes(Vtysh(command=FakeVtysh({}, reason, 1)))  # type: ignore[arg-type]
    assert none.read() == FoundDeadTimes(())

    # One daemon that does not run says so where errors are told.
    silent = FakeVtysh({}, "ospf6d is not running", 1)
    assert DeadTimes(Vtysh(command=silent)).read() == FoundDeadTimes(())  # type: ignore[arg-type]
    assert len(silent.asked) == len(QUESTIONS)

    class Missing:
        def run(self, *_args: object) -> None:
            raise RequestUnsupported("vtysh is not installed here")

    assert DeadTimes(Vtysh(command=Missing())).read() == FoundDeadTimes(())  # type: ignore[arg-type]


def test_it_warns_of_a_pause_that_is_longer_or_close() -> None:
    times = (DeadTime("OSPF", "eth0", 4.0), DeadTime("BFD", "10.0.0.2", 0.9))
    assert warning(times, None) is None
    assert warning((), 5.0) is None
    assert warning(times, 0.2) is None
    assert str(warning(times, 0.5)).endswith("stood still for 0.5 s: that is close")
    assert warning(times, 2.0) == (
        "BFD with 10.0.0.2 ends after 0.9 s of silence, but the last migration stood still for 2 s:"
        " 1 of 2 sessions would end; raise their timers"
    )
