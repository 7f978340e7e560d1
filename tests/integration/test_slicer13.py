"""The slicer between real switches of OpenFlow 1.3 and four of Ryu's learning switches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tools.controller_process import wait_until
from tools.ryu_process import RyuProcess
from tools.slicer_process import SlicerProcess
from topologies.driver import MininetProcess
from topologies.graphs import Edge, Graph, GraphHost, GraphSwitch

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

SECONDS = 60.0
TENANTS = ("a", "b", "c", "d")
CABLE = 5


def two_switches() -> Graph:
    """Return two switches with a cable between them, and a host of each tenant at both."""
    switches = tuple(GraphSwitch(dpid, f"s{dpid}") for dpid in (1, 2))
    hosts = tuple(
        GraphHost(f"h{number}", f"10.0.0.{number}", f"00:00:00:00:00:{number:02x}", dpid, port)
        for number, (dpid, port) in enumerate(
            ((dpid, port) for port in range(1, 5) for dpid in (1, 2)), 1
        )
    )
    return Graph("two", switches, (Edge(1, CABLE, 2, CABLE),), hosts)


def slices(urls: dict[str, str], *names: str) -> list[dict[str, Any]]:
    """Return the slices: each has a host at both switches, and its frames on the cable."""
    found = []
    for name in names:
        port = TENANTS.index(name) + 1
        macs = [f"00:00:00:00:00:{number:02x}" for number in (2 * port - 1, 2 * port)]
        found.append(
            {
                "name": name,
                "controllers": [{"url": urls[name]}],
                "flowspace": [{"ports": [port, CABLE], "match": {"dl_src": macs}}],
            }
        )
    return found


class SlicedNetwork13:
    """Two switches, a slicer, and four tenants with Ryu's learning switch of OpenFlow 1.3."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        tenants = {
            name: stack.enter_context(RyuProcess(folder, name, "ryu.app.simple_switch_13"))
            for name in TENANTS
        }
        self.urls = {name: f"tcp:127.0.0.1:{tenant.port}" for name, tenant in tenants.items()}
        self.slicer = stack.enter_context(SlicerProcess(folder, slices(self.urls, *TENANTS)))
        self.network = stack.enter_context(
            MininetProcess(
                two_switches(), [f"tcp:127.0.0.1:{self.slicer.port}"], versions=["OpenFlow13"]
            )
        )
        wait_until(
            lambda: self.slicer.log().count("tenant_connected") >= 2 * len(TENANTS),
            SECONDS,
            f"all tenants are connected\n{self.slicer.log()[-2000:]}",
        )

    def lost(self, one: int, other: int) -> bool:
        """Tell whether a ping between two hosts is lost."""
        ran = self.network.run(f"h{one}", ["ping", "-c", "1", "-W", "1", f"10.0.0.{other}"])
        return ran.status != 0

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
    sliced13.slicer.configure(slices(sliced13.urls, "a", "b", "c"))
    wait_until(lambda: sliced13.lost(7, 8), SECONDS, "d has lost its frames")
    sliced13.slicer.configure(slices(sliced13.urls, *TENANTS))
    wait_until(lambda: not sliced13.lost(7, 8), SECONDS, "d is back")
    assert " 0% packet loss" in sliced13.network.wait(job).output
