"""Networks on which flows are migrated: that of Fig. 4.1(b), rings, and a far controller."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments.delaying_relay import DelayingRelay
from tools.flow_lab import SHORT_DRAIN, FlowLab
from tools.traffic import LARGE_PACKET, SMALL_PACKET, Traffic

OPENFLOW = ("OpenFlow13",)
PLATFORM = "Open vSwitch in user space, Mininet, one machine"
PACKETS = {64: SMALL_PACKET, 1500: LARGE_PACKET}
"""IP packets by how the report names them: the smallest Ethernet frame, the largest IP packet."""
OLD, NEW = "DCB", "DAB"
"""The two paths of Fig. 4.1(b), by the switches' letters."""
TIMES = f"{SHORT_DRAIN}\n[flow_manager]\ndeadline = 10\n"
"""Of the Flow Manager: in the orders that lose packets a switch has thousands of frames to tell of
before it comes to an entry, and on a busy machine more than the 2 s that it has by default."""
BEFORE = AFTER = 0.5
"""Seconds of traffic before a migration, and after it."""


@contextmanager
def network(folder: Path, name: str, **arguments: Any) -> Iterator[FlowLab]:
    """Give a lab that stands, with hosts that talk."""
    lab = FlowLab(folder, TIMES)
    try:
        lab.stage(name, OPENFLOW, **arguments)
        yield lab
    finally:
        lab.close()


class DistantLab(FlowLab):
    """A lab whose switches reach their controller through a relay."""

    def __init__(self, folder: Path, apps: tuple[str, ...] = ("horizon_ryu.bundle",)) -> None:
        super().__init__(folder, TIMES, apps)
        self.relay = DelayingRelay(self.controller.openflow_port)

    @property
    def openflow_port(self) -> int:
        """The relay's port."""
        return self.relay.port


@contextmanager
def distant_network(folder: Path, name: str) -> Iterator[DistantLab]:
    """Give a lab whose relay does not delay yet."""
    lab = DistantLab(folder)
    with lab.relay:
        try:
            lab.stage(name, OPENFLOW)
            yield lab
        finally:
            lab.close()


@contextmanager
def traffic(lab: FlowLab, rate: float, packet: int) -> Iterator[Traffic]:
    """Send from client to server while the block runs, and some time before it and after it."""
    with lab.route("client", "server", PACKETS[packet]).traffic(rate) as counted:
        time.sleep(BEFORE)
        yield counted
        time.sleep(AFTER)


def other_path(lab: FlowLab, flow: str) -> str:
    """Return the path of Fig. 4.1(b) that a flow does not take now."""
    there = {int(hop["dpid"], 16) for hop in lab.flow(flow)["path"]}
    return OLD if lab.dpid("A") in there else NEW


def make_flow(lab: FlowLab) -> str:
    """Make the flow of Fig. 4.1(b) on its first path and return its id."""
    waypoints = lab.dpids(OLD)
    return str(lab.make_flow(lab.spec("client", "server", waypoints=waypoints))["id"])
