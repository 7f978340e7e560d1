"""Two switches with a cable between them, and a pair of hosts of each tenant, one at both."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tools.controller_process import wait_until
from tools.ryu_process import RyuProcess
from tools.slicer_process import SlicerProcess
from topologies.driver import MininetProcess
from topologies.graphs import Edge, Graph, GraphHost, GraphSwitch

SECONDS = 60.0


def mac_of(host: int) -> str:
    """Return the address of a host by its number."""
    return f"00:00:00:00:00:{host:02x}"


def two_switches(tenants: int) -> Graph:
    """Return the network; a tenant's hosts are at the port of its place, from 1, of both."""
    switches = tuple(GraphSwitch(dpid, f"s{dpid}") for dpid in (1, 2))
    places = ((dpid, port) for port in range(1, tenants + 1) for dpid in (1, 2))
    hosts = tuple(
        GraphHost(f"h{number}", f"10.0.0.{number}", mac_of(number), dpid, port)
        for number, (dpid, port) in enumerate(places, 1)
    )
    cable = tenants + 1
    return Graph("two", switches, (Edge(1, cable, 2, cable),), hosts)


def hosts_of(place: int) -> tuple[int, int]:
    """Return the numbers of the hosts of the tenant at a place, from 0."""
    return 2 * place + 1, 2 * place + 2


def pair_slice(name: str, place: int, tenants: int, url: str, **more: Any) -> dict[str, Any]:
    """Return the slice of a tenant: its two ports, and its hosts' frames on the cable."""
    macs = [mac_of(host) for host in hosts_of(place)]
    flowspace = [{"ports": [place + 1, tenants + 1], "match": {"dl_src": macs}}]
    return {"name": name, "controllers": [{"url": url}], "flowspace": flowspace, **more}


class SlicedPairs:
    """The network with a slicer, before which its tenants have to listen."""

    def __init__(
        self,
        folder: Path,
        stack: ExitStack,
        slices: list[dict[str, Any]],
        version: str,
        **options: Any,
    ) -> None:
        self.slicer = stack.enter_context(SlicerProcess(folder, slices, **options))
        address = f"tcp:127.0.0.1:{self.slicer.port}"
        self.network = stack.enter_context(
            MininetProcess(two_switches(len(slices)), [address], versions=[version])
        )
        self.expect_tenants(2 * len(slices))

    def expect_tenants(self, count: int) -> None:
        """Wait until tenants' controllers have been connected to that often."""
        wait_until(
            lambda: self.slicer.log().count("tenant_connected") >= count,
            SECONDS,
            f"{count} connections of tenants\n{self.slicer.log()[-2000:]}",
        )

    def lost(self, one: int, other: int) -> bool:
        """Tell whether a ping between two hosts is lost."""
        ran = self.network.run(f"h{one}", ["ping", "-c", "1", "-W", "1", f"10.0.0.{other}"])
        return ran.status != 0


class LearningPairs(SlicedPairs):
    """Tenants with one of Ryu's learning switches each."""

    def __init__(
        self, folder: Path, stack: ExitStack, names: tuple[str, ...], app: str, version: str
    ) -> None:
        self.names = names
        self.tenants = {name: stack.enter_context(RyuProcess(folder, name, app)) for name in names}
        super().__init__(folder, stack, self.slices(*names), version)

    def slices(self, *names: str) -> list[dict[str, Any]]:
        """Return the slices of some of the tenants."""
        return [
            pair_slice(
                name,
                self.names.index(name),
                len(self.names),
                f"tcp:127.0.0.1:{self.tenants[name].port}",
            )
            for name in names
        ]
