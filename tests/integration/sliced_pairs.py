"""Two switches with a cable between them, and a pair of hosts of each tenant, one at both."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tools.controller_process import wait_until
from tools.ryu_process import RyuProcess
from tools.slicer_process import SlicerProcess
from topologies.driver import SYSTEM_PYTHON, MininetProcess
from topologies.graphs import Edge, Graph, GraphHost, GraphSwitch

SECONDS = 60.0
SEND_TAGGED = """
import socket, sys, time
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind((sys.argv[1], 0))
to, own = (bytes.fromhex(mac.replace(":", "")) for mac in sys.argv[2:4])
while True:
    link.send(to + own + bytes.fromhex("8100" + sys.argv[4] + "88b5") + bytes(46))
    time.sleep(0.05)
"""
"""Sends frames with a tag: its interface, two addresses, and the tag's TCI."""
SHOW_TAGS = r"""
import socket, struct, sys
ears = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
ears.bind((sys.argv[1], 0))
ears.setsockopt(263, 8, 1)
print("hears", flush=True)
while True:
    frame, told, _, about = ears.recvmsg(2048, 256)
    if about[2] == socket.PACKET_OUTGOING or b"\x88\xb5" not in frame[12:18]:
        continue
    inline = frame[14:16] if frame[12:14] == b"\x81\x00" else None
    aside = [struct.unpack_from("=IIIHHHH", data)[5] for _, _, data in told]
    print("tci", "%04x" % (int.from_bytes(inline, "big") if inline else aside[0]), flush=True)
"""
"""Shows the TCI of such frames: the kernel takes the tag out of a frame, and tells it aside."""


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

    def tag_heard(self, one: int, other: int, tci: str) -> str:
        """Return the TCI, as 4 digits, that frames of a host have that left it with another."""
        hosts = {int(host.name[1:]): host for host in self.network.graph.hosts}
        words = [SYSTEM_PYTHON, "-c", SHOW_TAGS, hosts[other].interface]
        hearing = self.network.spawn(f"h{other}", words)
        self.network.wait_for_output(hearing, "hears")
        words = [SYSTEM_PYTHON, "-c", SEND_TAGGED, hosts[one].interface]
        sending = self.network.spawn(f"h{one}", [*words, hosts[other].mac, hosts[one].mac, tci])
        try:
            told = self.network.wait_for_output(hearing, "tci", SECONDS)
        finally:
            self.network.interrupt(sending)
            self.network.interrupt(hearing)
        return told.split("tci ", 1)[1][:4]

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

    def slices(self, *names: str, **more: Any) -> list[dict[str, Any]]:
        """Return the slices of some of the tenants; ``more`` is what each has besides."""
        return [
            pair_slice(
                name,
                self.names.index(name),
                len(self.names),
                f"tcp:127.0.0.1:{self.tenants[name].port}",
                **more,
            )
            for name in names
        ]

    def check_priority(self) -> None:
        """Check that the frames of the first slice get its priority, and keep their VLAN."""
        first, *others = self.names
        assert self.tag_heard(1, 2, "2007") == "2007"
        marked = {"bandwidth": {"mode": "vlan_pcp", "value": 5}}
        self.slicer.configure([*self.slices(first, **marked), *self.slices(*others)])
        try:
            self._wait_for_tag(1, 2, "a007")
            self._wait_for_tag(3, 4, "2007")
            assert not self.lost(1, 2), "frames without a tag arrive"
        finally:
            self.slicer.configure(self.slices(*self.names))
        self._wait_for_tag(1, 2, "2007")

    def _wait_for_tag(self, one: int, other: int, tci: str) -> None:
        """Wait until frames with the tag 2007 come with another."""
        what = f"frames from h{one} have the tag {tci}"
        wait_until(lambda: self.tag_heard(one, other, "2007") == tci, SECONDS, what)
