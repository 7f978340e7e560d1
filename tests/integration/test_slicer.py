"""The slicer between real switches and controllers that know nothing of it: Ryu's own example."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from integration.sliced_pairs import SECONDS, LearningPairs
from tools.controller_process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

TENANTS = ("a", "b")


@pytest.fixture(scope="module")
def sliced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LearningPairs]:
    folder = tmp_path_factory.mktemp("sliced")
    with ExitStack() as stack:
        yield LearningPairs(folder, stack, TENANTS, "ryu.app.simple_switch", "OpenFlow10")


def test_hosts_of_a_slice_reach_each_other_and_nobody_else(sliced: LearningPairs) -> None:
    wait_until(lambda: not sliced.lost(1, 2), SECONDS, "a is connected")
    wait_until(lambda: not sliced.lost(3, 4), SECONDS, "b is connected")
    assert sliced.lost(1, 3)
    assert sliced.lost(4, 2)
    entries = [entry for dpid in (1, 2) for entry in sliced.network.flows(dpid)]
    sources = {word for entry in entries for word in entry.split(",") if "dl_src" in word}
    assert len(sources) >= 4, "each tenant has installed entries for its own hosts"


def test_entries_that_stand_lose_nothing_while_the_slicer_is_configured_anew(
    sliced: LearningPairs,
) -> None:
    wait_until(lambda: not sliced.lost(1, 2), SECONDS, "a is connected")
    job = sliced.network.spawn("h1", ["ping", "-i", "0.05", "-c", "60", "10.0.0.2"])
    for _ in range(3):
        sliced.slicer.configure(sliced.slices("a"))
        wait_until(
            lambda: any("00:00:00:00:00:03" in entry for entry in sliced.network.flows(1)) is False,
            SECONDS,
            "the entries of b have gone",
        )
        sliced.slicer.configure(sliced.slices("a", "b"))
        wait_until(lambda: not sliced.lost(3, 4), SECONDS, "b is back")
    assert " 0% packet loss" in sliced.network.wait(job).output


def test_a_tenant_without_a_controller_has_its_frames_dropped_and_others_are_served(
    sliced: LearningPairs,
) -> None:
    wait_until(lambda: not sliced.lost(3, 4), SECONDS, "b is connected")
    sliced.tenants["b"].stop()
    try:
        wait_until(lambda: not sliced.lost(1, 2), SECONDS, "a is served")
        wait_until(
            lambda: sliced.slicer.log().count("tenant_disconnected") >= 2,
            SECONDS,
            "both switches have lost the controller of b",
        )
    finally:
        sliced.tenants["b"].start()
    wait_until(lambda: not sliced.lost(3, 4), SECONDS, "b is back")


def test_frames_of_a_slice_leave_with_its_priority_and_their_own_vlan(
    sliced: LearningPairs,
) -> None:
    wait_until(lambda: not sliced.lost(1, 2), SECONDS, "a is connected")
    sliced.check_priority()
