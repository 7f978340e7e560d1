"""The report's bandwidth control (4.2) by queues: Open vSwitch in a real Domain 0 holds two slices.

Its kernel has the datapath of Open vSwitch and HTB. The slicer and its tenants are outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from integration.measured_rates import expect_shared, measure_emulated
from integration.xen.measured import other_load
from tools.bandwidth_lab import LINK_KBPS, SHARED_SCHEDULE, BandwidthLab, Limits, link_queues
from tools.xen_pilot import Pilot
from tools.xen_switch import XenSwitch
from topologies.catalogue import build

pytestmark = [pytest.mark.slow, pytest.mark.quiet, pytest.mark.timeout(900)]
APPLICATIONS = {
    "OpenFlow13": "ryu.app.simple_switch_13",
    "OpenFlow10": "ryu.app.simple_switch",
}
OFFERED_KBPS = 7_000
"""More than the link in all, and than the highest limit: what is dropped costs an emulated
processor as much as what is passed."""
CONTROLLED = SHARED_SCHEDULE[1:3]
Enter = Callable[[str], BandwidthLab]


@pytest.fixture
def enter(pilot: Pilot, tmp_path: Path) -> Iterator[Enter]:
    """Return what makes the network, whose switch speaks a version, with a link that has queues."""
    machine = pilot.lab.machine("xen1")
    receiver = build("fig4_5").hosts[2]
    with ExitStack() as stack:

        def entered(version: str) -> BandwidthLab:
            lab = BandwidthLab(
                tmp_path,
                lambda graph, port: XenSwitch(machine, graph, port, version),
                APPLICATIONS[version],
                OFFERED_KBPS,
            )
            stack.enter_context(lab).network.make_queues(receiver, LINK_KBPS, link_queues())
            return lab

        yield entered


def held(
    pilot: Pilot, lab: BandwidthLab, protocols: tuple[str, str], schedule: tuple[Limits, ...]
) -> None:
    """Expect that each sender has its limits, and both the link; measured again if it was busy."""
    run = partial(lab.run, protocols, schedule, skip=1.5, seconds=2.0, mode="queue")
    measure_emulated(run, expect_shared, lambda: other_load(pilot))


def test_queues_of_a_switch_hold_two_slices(pilot: Pilot, enter: Enter) -> None:
    lab = enter("OpenFlow13")
    held(pilot, lab, ("udp", "udp"), SHARED_SCHEDULE)
    held(pilot, lab, ("tcp", "udp"), CONTROLLED)
    held(pilot, lab, ("tcp", "tcp"), CONTROLLED)


def test_queues_hold_two_slices_of_openflow_1_0(pilot: Pilot, enter: Enter) -> None:
    held(pilot, enter("OpenFlow10"), ("udp", "udp"), CONTROLLED)
