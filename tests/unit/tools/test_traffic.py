"""The probe's counting and pacing, and the search for the highest rate without loss."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Callable
from itertools import count
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop import BACKSTOP
from tools import traffic
from tools.traffic import (
    HIGHEST_RATE,
    LOWEST_RATE,
    PROBE,
    SHARE,
    Traffic,
    TrafficRoute,
    highest_rate,
)
from tools.udp_probe import MAGIC, MAX_DATAGRAMS, STAMP, Pace, Tally
from topologies.driver import SYSTEM_PYTHON, MininetProcess
from topologies.graphs import GraphHost


def tally_of(numbers: list[int]) -> Tally:
    tally = Tally()
    for number in numbers:
        tally.add(STAMP.pack(MAGIC, number) + bytes(6))
    return tally


@given(st.lists(st.integers(0, 300)))
def test_tally_counts_what_came(numbers: list[int]) -> None:
    tally = tally_of(numbers)
    times = Counter(numbers)
    assert tally.received == len(times)
    assert tally.duplicated == len(numbers) - len(times)
    assert tally.highest == max(numbers, default=-1)
    missing = [number for first, last in tally.missing(999) for number in range(first, last + 1)]
    assert missing == [number for number in range(tally.highest) if number not in times]


@given(st.permutations(range(40)))
def test_tally_measures_reordering(numbers: list[int]) -> None:
    late = [max(numbers[: place + 1]) - number for place, number in enumerate(numbers)]
    tally = tally_of(numbers)
    assert tally.reordered == sum(lateness > 0 for lateness in late)
    assert tally.farthest == max(late)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"short",
        STAMP.pack(b"else", 1),
        STAMP.pack(MAGIC, MAX_DATAGRAMS),
        STAMP.pack(MAGIC, (1 << 64) - 1),
    ],
)
def test_tally_leaves_out_what_is_not_ours(datagram: bytes) -> None:
    tally = Tally()
    tally.add(datagram)
    assert (tally.foreign, tally.received, tally.highest) == (1, 0, -1)


def test_pace_neither_hurries_nor_makes_up_for_pauses() -> None:
    tick = 1 / 1024
    pace = Pace(8192, now=0.0)
    assert pace.due(0.0) == 0
    assert pace.due(1 * tick) == 8
    assert pace.due(2 * tick) == 8
    assert pace.due(102 * tick) == 16
    assert pace.skipped == 784
    assert pace.due(102 * tick) == 0
    assert pace.due(103 * tick) == 8


def test_a_pace_with_bursts_sends_as_much_less_often() -> None:
    pace = Pace(1024, now=0.0, burst=4)
    assert pace.tick == 4 / 1024
    assert [pace.due(number * pace.tick) for number in range(4)] == [0, 4, 4, 4]
    assert pace.due(5 * pace.tick) == 8
    assert pace.skipped == 0
    assert Pace(100_000, now=0.0, burst=4).tick == Pace(100_000, now=0.0).tick


def test_a_slow_pace_sends_one_at_a_time() -> None:
    pace = Pace(10, now=0.0)
    assert [pace.due(tick / 20) for tick in range(1, 7)] == [0, 1, 0, 1, 0, 1]
    assert pace.skipped == 0


@given(st.integers(LOWEST_RATE, HIGHEST_RATE))
def test_the_highest_rate_is_found(limit: int) -> None:
    tried: list[int] = []

    def holds(rate: int) -> bool:
        tried.append(rate)
        return rate <= limit

    found = highest_rate(holds)
    assert limit * 0.9 <= found <= limit
    assert len(tried) < 15


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], TrafficRoute]:
    """Make a route that carries 10,000 datagrams a second, but at first nothing, so many times."""

    def make(times: int) -> TrafficRoute:
        tries = count(1)
        monkeypatch.setattr(
            TrafficRoute,
            "holds",
            lambda self, rate, seconds=1.0: next(tries) > times and rate <= 10_000,
        )
        host = GraphHost("h", "10.0.0.1", "00:00:00:00:00:01", 1, 1)
        return TrafficRoute(Mock(MininetProcess), host, host)

    return make


def test_a_machine_that_is_busy_is_waited_for(busy: Callable[[int], TrafficRoute]) -> None:
    highest, steady = busy(3).steady_rate()
    assert 9_000 <= highest <= 10_000
    assert steady == int(highest * SHARE)


def test_a_network_that_carries_nothing_is_told(
    busy: Callable[[int], TrafficRoute], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "PATIENCE_SECONDS", 0.1)
    with pytest.raises(AssertionError, match=r"not within 0\.1 s: 500 datagrams"):
        busy(1_000).steady_rate()


def test_a_limit_that_is_never_met_ends_the_search() -> None:
    assert highest_rate(lambda rate: True) >= HIGHEST_RATE * 0.9


@pytest.mark.parametrize(
    ("sent", "received", "duplicated", "words"),
    [(0, 0, 0, "nothing was sent"), (10, 9, 0, "1 lost"), (10, 10, 2, "2 duplicated")],
)
def test_traffic_that_suffered_is_told(
    sent: int, received: int, duplicated: int, words: str
) -> None:
    traffic = Traffic(sent=sent, received=received, duplicated=duplicated, seconds=1.0)
    with pytest.raises(AssertionError, match=words):
        traffic.expect_intact()


def test_traffic_that_only_changed_its_order_is_intact() -> None:
    Traffic(sent=10, received=10, reordered=3, farthest=2, seconds=1.0).expect_intact()


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_probe_counts_what_it_sends() -> None:
    port = str(free_udp_port())
    command = [SYSTEM_PYTHON, str(PROBE)]
    receiver = subprocess.Popen(
        [*command, "receive", port, "--idle", "0.2"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == "receiving\n"
        sender = subprocess.run(
            [*command, "send", "127.0.0.1", port, "--rate", "500", "--seconds", "0.2"],
            capture_output=True,
            text=True,
            timeout=BACKSTOP,
            check=True,
        )
        receiver.send_signal(signal.SIGINT)
        counted = json.loads(receiver.communicate(timeout=BACKSTOP)[0])
    finally:
        receiver.kill()
        receiver.wait()
    sent = json.loads(sender.stdout.splitlines()[-1])["sent"]
    assert sent > 0
    assert (counted["received"], counted["duplicated"], counted["dropped"]) == (sent, 0, 0)
