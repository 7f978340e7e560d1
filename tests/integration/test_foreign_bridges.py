"""A bridge that is not ours between real switches of ours: no storm, and no copy too many."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from integration.our_bridges import be_quiet, command, ours
from network_namespace import NetworkNamespace
from tools.controller_process import wait_until
from tools.lab import Lab

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(600)]

VERSIONS = {"1.0": ("OpenFlow10",), "1.3": ("OpenFlow13",)}
SETTLED = 40.0
STORM = 500
"""Frames that a storm sends across the bridge in far less than the time of one broadcast."""
PINGS = 300
_PACKET_INS = re.compile(r"^of_packet_ins(?:_total)? (\S+)$", re.MULTILINE)
_LLDP = re.compile(r"^horizon_lldp_frames(?:_total)?\{.*\} (\S+)$", re.MULTILINE)
SWALLOWS, PASSES = 0, 1 << 14
"""``group_fwd_mask``: what a bridge does with LLDP's group address, 01:80:c2:00:00:0e."""


class ForeignBridge:
    """A Linux bridge in a namespace, with a port at each of some switches."""

    def __init__(self, namespace: NetworkNamespace, mask: int) -> None:
        self._namespace = namespace
        self._ends: list[str] = []
        words = ("link", "add", "between", "type", "bridge", "group_fwd_mask", str(mask))
        namespace.ip(*words)
        namespace.ip("link", "set", "between", "up")

    def attach(self, bridge: str) -> None:
        """Cable it to a bridge of Open vSwitch."""
        number = len(self._ends)
        near, far = f"{self._namespace.name[:11]}-{number}", f"p{number}"
        command(
            "ip", "link", "add", near, "type", "veth", "peer", far, "netns", self._namespace.name
        )
        self._ends.append(near)
        be_quiet(near)
        self._namespace.ip("link", "set", far, "master", "between", "up")
        command("ip", "link", "set", near, "up")
        command("ovs-vsctl", "add-port", bridge, near)

    def join(self, other: ForeignBridge) -> None:
        """Cable it to another bridge that is not ours."""
        there = ("peer", "trunk", "netns", other._namespace.name)
        self._namespace.ip("link", "add", "trunk", "type", "veth", *there)
        other._namespace.ip("link", "set", "trunk", "master", "between", "up")
        self._namespace.ip("link", "set", "trunk", "master", "between", "up")

    def stand(self, address: str) -> None:
        """Have a station with an address on it: the machine that it is."""
        self._namespace.ip("addr", "add", address, "dev", "between")

    def frames(self) -> int:
        """Return how many frames have come in at its ports."""
        shown = json.loads(self._namespace.ip("-s", "-j", "link", "show", "type", "veth"))
        return sum(port["stats64"]["rx"]["packets"] for port in shown)

    def unplug(self) -> None:
        """Take it away."""
        for near in self._ends:
            command("ovs-vsctl", "--if-exists", "del-port", near)
        self._ends.clear()


@contextmanager
def foreign_bridge(lab: Lab, mask: int, *dpids: int) -> Iterator[ForeignBridge]:
    with NetworkNamespace() as namespace:
        bridge = ForeignBridge(namespace, mask)
        try:
            for dpid in dpids:
                bridge.attach(ours(lab, dpid))
            yield bridge
        finally:
            bridge.unplug()


def tree(lab: Lab) -> Any:
    return lab.controller.get("/v1/spanning-tree")


def is_settled(lab: Lab, closed: int) -> bool:
    """Tell whether nothing is held any more, and so many ports of ours are closed."""
    found = tree(lab)
    return bool(found["settled"]) and len(found["blocked"]) == closed


def asked(lab: Lab) -> int:
    """Return how many frames switches have handed to the controller, without LLDP."""
    told = lab.controller.request("GET", "/metrics").decode()
    (packet_ins,) = _PACKET_INS.findall(told)
    probes = _LLDP.findall(told)
    assert probes
    return int(float(packet_ins)) - sum(int(float(number)) for number in probes)


def expect_switches_to_carry(lab: Lab, host: str, other: str) -> None:
    """Ping, of which the controller may see the first frames and a question now and then."""
    begun = asked(lab)
    ping = ["ping", "-n", "-i", "0.01", "-c", str(PINGS), "-W", "20", other]
    ran = lab.network.run(host, ping, 60.0)
    assert f"{PINGS} packets transmitted, {PINGS} received" in ran.output, ran.output[-300:]
    seen = asked(lab) - begun
    assert seen < PINGS / 10, f"{seen} packet-ins for {PINGS} pings"


@pytest.mark.parametrize("mask", [SWALLOWS, PASSES], ids=["swallows LLDP", "passes LLDP"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_foreign_bridge_beside_cables_makes_no_storm(lab: Lab, version: str, mask: int) -> None:
    lab.stage("ring", VERSIONS[version], n=3)
    before = len(tree(lab)["blocked"])
    hosts = [host.name for host in lab.graph.hosts]
    with foreign_bridge(lab, mask, 1, 2, 3) as bridge:
        # Cables join all switches: of the segment's ports one is open.
        wait_until(lambda: is_settled(lab, before + 2), SETTLED, "two ports of the segment close")
        begun = bridge.frames()
        lab.expect_each_broadcast_once()
        assert bridge.frames() - begun < STORM
        lab.expect_no_loss()
        for cable in sorted(lab.cables_seen(), key=sorted):
            lab.cut(cable)
        # The segment alone is left: it joins what the cables did.
        wait_until(lambda: not lab.network.ping_all(hosts).lost, SETTLED, "hosts talk across it")
        lab.expect_each_broadcast_once()
    assert "Traceback" not in lab.controller.log()


@pytest.mark.parametrize("mask", [SWALLOWS, PASSES], ids=["swallows LLDP", "passes LLDP"])
@pytest.mark.parametrize("version", VERSIONS)
def test_switches_carry_what_crosses_a_segment(lab: Lab, version: str, mask: int) -> None:
    lab.stage("ring", VERSIONS[version], n=3)
    hosts, cables = lab.graph.hosts, lab.cables_seen()
    with foreign_bridge(lab, mask, 1, 2, 3) as bridge:
        bridge.stand("10.0.0.200/8")
        for cable in sorted(cables, key=sorted):
            lab.cut(cable)
        names = [host.name for host in hosts]
        wait_until(lambda: not lab.network.ping_all(names).lost, SETTLED, "hosts talk across it")
        expect_switches_to_carry(lab, hosts[0].name, hosts[1].ip)
        expect_switches_to_carry(lab, hosts[2].name, hosts[0].ip)
        for host in hosts:
            expect_switches_to_carry(lab, host.name, "10.0.0.200")
        lab.expect_each_broadcast_once()
    assert "Traceback" not in lab.controller.log()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cable_between_two_foreign_bridges_of_a_running_network_makes_no_lasting_loop(
    lab: Lab, version: str
) -> None:
    lab.stage("ring", VERSIONS[version], n=3)
    before = len(tree(lab)["blocked"])
    with foreign_bridge(lab, SWALLOWS, 1) as near, foreign_bridge(lab, SWALLOWS, 2) as far:
        wait_until(lambda: is_settled(lab, before), SETTLED, "both bridges are leaves")
        lab.expect_each_broadcast_once()
        near.join(far)
        # What goes round meanwhile ends with the first probe, whoever believes in a segment yet.
        wait_until(lambda: is_settled(lab, before + 1), SETTLED, "one of their ports closes")
        begun = near.frames()
        lab.expect_each_broadcast_once()
        assert near.frames() - begun < STORM
        (segment,) = lab.controller.get("/v1/topology")["segments"]
        assert sorted(int(ref["dpid"], 16) for ref in segment["ports"]) == [1, 2]
        lab.expect_no_loss()
    assert "Traceback" not in lab.controller.log()


LISTEN = """
import socket, sys
heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
heard.bind((sys.argv[1], 0))
print("listening", flush=True)
left = {"0180c2000010", "f" * 12}
while left:
    frame = heard.recv(2000)
    if frame[6:12] == bytes.fromhex(sys.argv[2]):
        print(frame[:6].hex(), flush=True)
        left.discard(frame[:6].hex())
"""
SEND = """
import socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
source = bytes.fromhex(sys.argv[2])
for group in (*(b"\\x01\\x80\\xc2\\0\\0" + bytes([last]) for last in range(17)), b"\\xff" * 6):
    for tag in (b"", b"\\x81\\0\\0\\7") if group[5] < 16 else (b"",):
        out.send((group + source + tag + b"\\x88\\x09").ljust(60, b"\\0"))
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_groups_of_the_cable_do_not_leave_the_first_switch(lab: Lab, version: str) -> None:
    lab.stage("linear", VERSIONS[version], n=2)
    sender, hearer = lab.graph.hosts[0], lab.graph.hosts[-1]
    source = "020000000077"
    python = ["/usr/bin/python3", "-c"]
    job = lab.network.spawn(hearer.name, [*python, LISTEN, hearer.interface, source])
    lab.network.wait_for_output(job, "listening")
    lab.network.run(sender.name, [*python, SEND, sender.interface, source])
    # The group beside them and the broadcast, which were sent last; one may overtake the other.
    heard = lab.network.wait(job).output.split()[1:]
    assert sorted(heard) == ["0180c2000010", "f" * 12]
