"""A trunk that is not ours and passes one VLAN alone, between real switches: no storm in it."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.frames import build_arp_request
from integration.our_bridges import be_quiet, command, ours
from tools.controller_process import wait_until
from tools.lab import Lab
from topologies.graphs import GraphHost

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

VERSIONS = {"1.0": ("OpenFlow10",), "1.3": ("OpenFlow13",)}
SETTLED = 40.0
VLAN, OTHER = 10, 20
COUNT = 30
STORM = 5000
"""Frames that a storm sends across the trunk in far less than the time of these broadcasts; probes
of ours come there, too."""
TRUNK, STATION = "hztrunk", "hztrunk-st"
PYTHON = ("/usr/bin/python3", "-c")
COUNT_UP = """
import socket, sys
heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
heard.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
heard.bind((sys.argv[1], 0))
mark, last = sys.argv[2].encode(), int(sys.argv[3])
print("listening", flush=True)
number = 0
while number != last:
    frame, (_, _, kind, _, _) = heard.recvfrom(2000)
    at = frame.find(mark, 14, 30)
    if kind != socket.PACKET_OUTGOING and at > 0:
        number = int(frame[at + len(mark):].split(b";")[0])
        print(number, flush=True)
"""
SAY = """
import socket, sys, time
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
head = bytes.fromhex(sys.argv[2])
for number in range(1, int(sys.argv[4]) + 1):
    out.send((head + sys.argv[3].encode() + b"%d;" % number).ljust(60, b"\\0"))
    time.sleep(0.02)
"""


class ForeignTrunk:
    """A bridge of Open vSwitch that learns by itself: of its ports one VLAN alone comes and goes.

    A station is on it, in that VLAN.
    """

    def __init__(self, like: str, vlan: int) -> None:
        """Make it of the kind of the bridge ``like``."""
        self._vlan = vlan
        self._ends: list[str] = []
        kind = command("ovs-vsctl", "get", "bridge", like, "datapath_type").strip().strip('"')
        make = ("--", "set", "bridge", TRUNK, f"datapath_type={kind}", "fail_mode=standalone")
        command("ovs-vsctl", "add-br", TRUNK, *make)

    def attach(self, bridge: str) -> None:
        """Cable it to a bridge of ours."""
        near, far = self._cable()
        trunk = ("vlan_mode=trunk", f"trunks={self._vlan}")
        command("ovs-vsctl", "add-port", TRUNK, far, "--", "set", "port", far, *trunk)
        command("ovs-vsctl", "add-port", bridge, near)

    def stand(self) -> None:
        """Have a station on it, whose frames have no tag there."""
        command("ip", "link", "add", STATION, "type", "veth", "peer", f"{STATION}p")
        self._ends.append(STATION)
        self._quiet_up(STATION, f"{STATION}p")
        command("ovs-vsctl", "add-port", TRUNK, f"{STATION}p", f"tag={self._vlan}")

    def _cable(self) -> tuple[str, str]:
        near, far = f"{TRUNK}{len(self._ends)}", f"{TRUNK}{len(self._ends)}f"
        command("ip", "link", "add", near, "type", "veth", "peer", far)
        self._ends.append(near)
        self._quiet_up(near, far)
        return near, far

    def _quiet_up(self, *interfaces: str) -> None:
        for interface in interfaces:
            be_quiet(interface)
            command("ip", "link", "set", interface, "up")

    def frames(self) -> int:
        """Return how many frames have come in at its ports from ours."""
        files = (Path("/sys/class/net", f"{near}f", "statistics/rx_packets") for near in self._ends)
        return sum(int(file.read_text()) for file in files if file.exists())

    def remove(self) -> None:
        """Take it away."""
        for near in self._ends:
            command("ovs-vsctl", "--if-exists", "del-port", near)
        command("ovs-vsctl", "--if-exists", "del-br", TRUNK)
        for near in self._ends:
            command("ip", "link", "del", near)


@contextmanager
def foreign_trunk(lab: Lab, *dpids: int) -> Iterator[ForeignTrunk]:
    trunk = ForeignTrunk(ours(lab, dpids[0]), VLAN)
    try:
        trunk.stand()
        for dpid in dpids:
            trunk.attach(ours(lab, dpid))
        yield trunk
    finally:
        trunk.remove()


def tree(lab: Lab) -> Any:
    return lab.controller.get("/v1/spanning-tree")


def closed_in_vlans(lab: Lab) -> list[int]:
    """Return the VLANs in which ports are closed, one for each port, once nothing is held."""
    found = tree(lab)
    return [port["vlan"] for port in found["blocked_in_vlans"]] if found["settled"] else []


def head(mac: str, vlan: int | None) -> str:
    """Return the header of a broadcast in hex."""
    tag = "" if vlan is None else f"8100{vlan:04x}"
    return "f" * 12 + mac.replace(":", "") + tag + "88b5"


def say_who_is_there(lab: Lab, host: GraphHost, vlan: int) -> None:
    """Have a host ask by ARP in a VLAN, which is in use from then on."""
    mac = bytes.fromhex(host.mac.replace(":", ""))
    asks = build_arp_request(mac, b"\x0a\0\0\x01", b"\x0a\0\xff\xfe", vlan).hex()
    lab.network.run(host.name, [*PYTHON, _SAY_ONE, host.interface, asks])


_SAY_ONE = """
import socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
out.send(bytes.fromhex(sys.argv[2]))
"""


def expect_each_once(lab: Lab, sender: GraphHost, vlan: int | None) -> None:
    """Have a host send broadcasts in a VLAN: each comes to every other host once."""
    mark = f"to all {vlan} "
    others = [host for host in lab.graph.hosts if host != sender]
    jobs = {}
    for host in others:
        listen = [*PYTHON, COUNT_UP, host.interface, mark, str(COUNT)]
        jobs[host.name] = lab.network.spawn(host.name, listen)
        lab.network.wait_for_output(jobs[host.name], "listening")
    words = [sender.interface, head(sender.mac, vlan), mark, str(COUNT)]
    lab.network.run(sender.name, [*PYTHON, SAY, *words])
    for job in jobs.values():
        heard = Counter(lab.network.wait(job).output.split()[1:])
        assert heard == {str(number): 1 for number in range(1, COUNT + 1)}


def expect_station_hears_once(lab: Lab, sender: GraphHost) -> None:
    """Have a host send broadcasts in the VLAN: the station on the trunk hears each of them once."""
    mark = "to the station "
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as ear:
        ear.bind((STATION, 0))
        ear.settimeout(SETTLED)
        words = [sender.interface, head(sender.mac, VLAN), mark, str(COUNT)]
        lab.network.run(sender.name, [*PYTHON, SAY, *words])
        heard: Counter[int] = Counter()
        while COUNT not in heard:
            frame = ear.recv(2000)
            _, found, rest = frame.partition(mark.encode())
            if found:
                heard[int(rest.split(b";")[0])] += 1
    assert heard == dict.fromkeys(range(1, COUNT + 1), 1)


def expect_entries_to_come_back(lab: Lab, protocol: str) -> None:
    """Delete what switches have for the VLAN, as somebody else might: audits put it back."""

    def entries() -> list[int]:
        shown = (command(*ofctl, "dump-flows", ours(lab, dpid)) for dpid in lab.switches())
        return [text.count(f"dl_vlan={VLAN} actions=drop") for text in shown]

    ofctl = ("ovs-ofctl", "-O", protocol)
    before = entries()
    assert any(before)
    for dpid in lab.switches():
        command(*ofctl, "del-flows", ours(lab, dpid), f"dl_vlan={VLAN}")
    assert not any(entries())
    wait_until(lambda: entries() == before, SETTLED, "the entries are back")


@pytest.mark.parametrize("ends", [(1, 2), (1, 1), (1, 2, 2)], ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_vlan_that_a_foreign_trunk_passes_makes_no_storm(
    lab: Lab, version: str, ends: tuple[int, ...]
) -> None:
    lab.stage("linear", VERSIONS[version], n=2)
    first, second = lab.graph.hosts[0], lab.graph.hosts[-1]
    with foreign_trunk(lab, *ends) as trunk:
        wait_until(lambda: bool(tree(lab)["settled"]), SETTLED, "the ports of the trunk are open")
        assert tree(lab)["blocked"] == []
        assert tree(lab)["blocked_in_vlans"] == []
        say_who_is_there(lab, first, VLAN)
        # One port is open in the VLAN; what goes round meanwhile ends with the first probe.
        closed = [VLAN] * (len(ends) - 1)
        wait_until(lambda: closed_in_vlans(lab) == closed, SETTLED, "other ports close in the VLAN")
        say_who_is_there(lab, first, OTHER)
        begun = trunk.frames()
        for vlan in (VLAN, OTHER, None):
            expect_each_once(lab, first, vlan)
            expect_each_once(lab, second, vlan)
        expect_station_hears_once(lab, first)
        expect_station_hears_once(lab, second)
        assert trunk.frames() - begun < STORM
        lab.expect_no_loss()
        expect_entries_to_come_back(lab, VERSIONS[version][0])
        expect_each_once(lab, second, VLAN)
        assert tree(lab)["blocked"] == []
        (segment,) = lab.controller.get("/v1/topology")["vlan_segments"]
        assert segment["vlan"] == VLAN
        assert sorted(int(ref["dpid"], 16) for ref in segment["ports"]) == list(ends)
        assert len(segment["open"]) == 1
    wait_until(lambda: tree(lab)["blocked_in_vlans"] == [], SETTLED, "nothing is left of it")
    assert "Traceback" not in lab.controller.log()
