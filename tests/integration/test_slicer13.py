"""The slicer between real switches of OpenFlow 1.3 and four of Ryu's learning switches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.sliced_pairs import SECONDS, LearningPairs
from tools.controller_process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

TENANTS = ("a", "b", "c", "d")


class SlicedNetwork13(LearningPairs):
    """Four tenants with Ryu's learning switch of OpenFlow 1.3."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder, stack, TENANTS, "ryu.app.simple_switch_13", "OpenFlow13")

    def entries_of_tenants(self, dpid: int) -> list[str]:
        return [entry for entry in self.network.flows(dpid) if "table=0" not in entry]


@pytest.fixture(scope="module")
def sliced13(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlicedNetwork13]:
    with ExitStack() as stack:
        yield SlicedNetwork13(tmp_path_factory.mktemp("sliced13"), stack)


def test_hosts_of_four_slices_reach_each_other_and_nobody_else(sliced13: SlicedNetwork13) -> None:
    for one in (1, 3, 5, 7):
        wait_until(lambda one=one: not sliced13.lost(one, one + 1), SECONDS, f"h{one} is connected")
    assert sliced13.lost(1, 4)
    assert sliced13.lost(6, 7)
    for dpid in (1, 2):
        entries = sliced13.entries_of_tenants(dpid)
        assert len(entries) >= 3 * len(TENANTS), "a miss and two directions of each tenant"
        assert all("metadata=0x" in entry for entry in entries), "each asks for its slice's mark"
    assert "fault" not in sliced13.slicer.log()


def test_entries_stand_while_other_slices_come_and_go(sliced13: SlicedNetwork13) -> None:
    wait_until(lambda: not sliced13.lost(1, 2), SECONDS, "a is connected")
    job = sliced13.network.spawn("h1", ["ping", "-i", "0.05", "-c", "40", "10.0.0.2"])
    sliced13.slicer.configure(sliced13.slices("a", "b", "c"))
    wait_until(lambda: sliced13.lost(7, 8), SECONDS, "d has lost its frames")
    sliced13.slicer.configure(sliced13.slices(*TENANTS))
    wait_until(lambda: not sliced13.lost(7, 8), SECONDS, "d is back")
    assert " 0% packet loss" in sliced13.network.wait(job).output


def test_frames_of_a_slice_leave_with_its_priority_and_their_own_vlan(
    sliced13: SlicedNetwork13,
) -> None:
    wait_until(lambda: not sliced13.lost(1, 2), SECONDS, "a is connected")
    sliced13.check_priority()
