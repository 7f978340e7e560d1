"""The slicer's engine and its application, killed with traffic running, on Open vSwitch."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from integration.test_slicing_application import APPS, SECONDS, SlicedClass
from tools.controller_process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

PINGS = ["ping", "-n", "-i", "0.02", "-c", "350"]
_COOKIE = re.compile(r"cookie=(0x[0-9a-f]+)")
_PACKETS = re.compile(r"n_packets=(\d+)")


@pytest.fixture(scope="module", params=list(APPS))
def sliced(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[SlicedClass]:
    with ExitStack() as stack:
        yield SlicedClass(tmp_path_factory.mktemp("killed"), stack, request.param)


def counted(sliced: SlicedClass, dpid: int) -> dict[str, int]:
    """Return packets by cookie, of the entries that tenants have, and of the slicer's.

    Not of those that a tenant of 1.3 makes anew when it connects: on a table's misses.
    """
    found = {}
    for entry in sliced.network.flows(dpid):
        if "priority=0" in entry:
            continue
        cookie, packets = _COOKIE.search(entry), _PACKETS.search(entry)
        if cookie and packets and cookie[1] != "0x0":
            found[cookie[1]] = found.get(cookie[1], 0) + int(packets[1])
    return found


def taken_over(sliced: SlicedClass) -> int:
    return sliced.slicing.engine_log().count("switch_taken_over")


def test_established_flows_lose_no_packet_while_the_engine_is_killed_and_comes_back(
    sliced: SlicedClass,
) -> None:
    sliced.expect("h1", "h2")
    before = counted(sliced, 1)
    assert before
    engine, times = sliced.slicing.engine_pid(), taken_over(sliced)
    job = sliced.network.spawn("h1", [*PINGS, "10.0.0.2"])
    sliced.slicing.kill_engine()
    wait_until(
        lambda: taken_over(sliced) >= times + 2,
        SECONDS,
        "both switches are taken over",
        sliced.slicing.held_up,
    )
    assert sliced.slicing.engine_pid() not in (None, engine)
    assert " 0% packet loss" in sliced.network.wait(job).output
    after = counted(sliced, 1)
    assert before.keys() <= after.keys(), "entries were made anew"
    assert all(after[cookie] >= packets for cookie, packets in before.items())
    log = sliced.slicing.engine_log()
    assert "switch_made_anew" not in log
    sliced.expect("h3", "h4")
    assert not sliced.reaches("h1", "h3")


def test_established_flows_lose_no_packet_when_application_and_engine_are_killed_in_turn(
    sliced: SlicedClass,
) -> None:
    sliced.expect("h1", "h2")
    times = taken_over(sliced)
    job = sliced.network.spawn("h1", [*PINGS, "10.0.0.2"])
    os.kill(sliced.slicing.pid, signal.SIGKILL)
    sliced.slicing.wait_for_end()
    sliced.slicing.kill_engine()
    sliced.slicing.start()
    wait_until(
        lambda: taken_over(sliced) >= times + 2,
        SECONDS,
        "both switches are taken over",
        sliced.slicing.held_up,
    )
    assert " 0% packet loss" in sliced.network.wait(job).output
    sliced.wait_for_engine()
    assert sliced.slicing.slices() == ["a", "b"]
