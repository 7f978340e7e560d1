"""The slicer between real switches and controllers that know nothing of it: Ryu's own example."""

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
TENANTS = ("a", "b")


def two_switches() -> Graph:
    """Return two switches with a cable between them, and a host of each tenant at both."""
    switches = tuple(GraphSwitch(dpid, f"s{dpid}") for dpid in (1, 2))
    hosts = tuple(
        GraphHost(f"h{number}", f"10.0.0.{number}", f"00:00:00:00:00:{number:02x}", dpid, port)
        for number, (dpid, port) in enumerate(((1, 1), (2, 1), (1, 2), (2, 2)), 1)
    )
    return Graph("two", switches, (Edge(1, 3, 2, 3),), hosts)


def slices(urls: dict[str, str], *names: str) -> list[dict[str, Any]]:
    """Return the slices: ``a`` has the first two hosts, ``b`` the others; they share the cable."""
    macs = {"a": [1, 2], "b": [3, 4]}
    return [
        {
            "name": name,
            "controllers": [{"url": urls[name]}],
            "flowspace": [
                {
                    "ports": [TENANTS.index(name) + 1, 3],
                    "match": {"dl_src": [f"00:00:00:00:00:{one:02x}" for one in macs[name]]},
                }
            ],
        }
        for name in names
    ]


class SlicedNetwork:
    """Two switches, a slicer, and two tenants with Ryu's learning switch of OpenFlow 1.0."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.tenants = {
            name: stack.enter_context(RyuProcess(folder, name, "ryu.app.simple_switch"))
            for name in TENANTS
        }
        self.urls = {name: f"tcp:127.0.0.1:{tenant.port}" for name, tenant in self.tenants.items()}
        self.slicer = stack.enter_context(SlicerProcess(folder, slices(self.urls, *TENANTS)))
        self.network = stack.enter_context(
            MininetProcess(
                two_switches(), [f"tcp:127.0.0.1:{self.slicer.port}"], versions=["OpenFlow10"]
            )
        )
        self.expect_tenants(4)

    def expect_tenants(self, count: int) -> None:
        """Wait until tenants' controllers have been connected to that often."""
        wait_until(
            lambda: self.slicer.log().count("tenant_connected") >= count,
            SECONDS,
            f"{count} connections of tenants\n{self.slicer.log()[-2000:]}",
        )

    def lost(self, one: str, other: str) -> bool:
        """Tell whether a ping between two hosts is lost."""
        target = next(host.ip for host in self.network.graph.hosts if host.name == other)
        ran = self.network.run(one, ["ping", "-c", "1", "-W", "1", target])
        return ran.status != 0


@pytest.fixture(scope="module")
def sliced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlicedNetwork]:
    with ExitStack() as stack:
        yield SlicedNetwork(tmp_path_factory.mktemp("sliced"), stack)


def test_hosts_of_a_slice_reach_each_other_and_nobody_else(sliced: SlicedNetwork) -> None:
    wait_until(lambda: not sliced.lost("h1", "h2"), SECONDS, "a is connected")
    wait_until(lambda: not sliced.lost("h3", "h4"), SECONDS, "b is connected")
    assert sliced.lost("h1", "h3")
    assert sliced.lost("h4", "h2")
    entries = [entry for dpid in (1, 2) for entry in sliced.network.flows(dpid)]
    sources = {word for entry in entries for word in entry.split(",") if "dl_src" in word}
    assert len(sources) >= 4, "each tenant has installed entries for its own hosts"


def test_entries_that_stand_lose_nothing_while_the_slicer_is_configured_anew(
    sliced: SlicedNetwork,
) -> None:
    wait_until(lambda: not sliced.lost("h1", "h2"), SECONDS, "a is connected")
    job = sliced.network.spawn("h1", ["ping", "-i", "0.05", "-c", "60", "10.0.0.2"])
    for _ in range(3):
        sliced.slicer.configure(slices(sliced.urls, "a"))
        wait_until(
            lambda: any("00:00:00:00:00:03" in entry for entry in sliced.network.flows(1)) is False,
            SECONDS,
            "the entries of b have gone",
        )
        sliced.slicer.configure(slices(sliced.urls, "a", "b"))
        wait_until(lambda: not sliced.lost("h3", "h4"), SECONDS, "b is back")
    assert " 0% packet loss" in sliced.network.wait(job).output


def test_a_tenant_without_a_controller_has_its_frames_dropped_and_others_are_served(
    sliced: SlicedNetwork,
) -> None:
    wait_until(lambda: not sliced.lost("h3", "h4"), SECONDS, "b is connected")
    sliced.tenants["b"].stop()
    try:
        wait_until(lambda: not sliced.lost("h1", "h2"), SECONDS, "a is served")
        count = sliced.slicer.log().count("tenant_disconnected")
        assert count >= 2
    finally:
        sliced.tenants["b"].start()
    wait_until(lambda: not sliced.lost("h3", "h4"), SECONDS, "b is back")
