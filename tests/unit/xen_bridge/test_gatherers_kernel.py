"""The gatherers in network namespaces of this machine: what was sent is what is counted.

Each test runs its code in one of two namespaces that a veth pair joins, in another process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from backstop import BACKSTOP

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root")

ROOT = Path(__file__).parents[3]

PRELUDE = """
import encodings.idna, json, os, socket, sys
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.measures import LatencySampling, Sampling
from xen_bridge.protocol.documents.summary import GetSummary
from xen_bridge.errors import BridgeError
from xen_bridge.gatherers.ifconfig import IfconfigGatherer
from xen_bridge.gatherers.latency import LatencyGatherer
from xen_bridge.netlink.tables import Netlink
from xen_bridge.runtime.threads import ThreadRuntime
from xen_bridge.gatherers.summary import RouterSummary
netlink, runtime = Netlink(), ThreadRuntime()

def tell(value):
    print(json.dumps(value))

def ping(*neighbors, **how):
    sampling = LatencySampling(neighbors=neighbors, **how)
    measures = LatencyGatherer(netlink).get_measures(sampling, runtime)
    document_schema.check(measures)
    return document_schema.to_json(measures)['iterations']
"""


def ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True, timeout=BACKSTOP)


class Pair:
    """Two namespaces, ``near`` and ``far``, and the veth pair between them."""

    def __init__(self, ipv6: bool = True) -> None:
        name = f"hz-{uuid.uuid4().hex[:8]}"
        self.near, self.far = f"{name}-n", f"{name}-f"
        self._ipv6 = ipv6

    def make(self) -> None:
        for space in (self.near, self.far):
            ip("netns", "add", space)
            self.sysctl(space, "net.ipv6.conf.default.addr_gen_mode=1")
            self.sysctl(space, f"net.ipv6.conf.default.disable_ipv6={int(not self._ipv6)}")
            ip("-n", space, "link", "set", "lo", "up")
        peer = ("peer", "name", "veth0", "netns", self.far)
        ip("-n", self.near, "link", "add", "veth0", "type", "veth", *peer)
        for space, number in ((self.near, 1), (self.far, 2)):
            ip("-n", space, "link", "set", "veth0", "address", f"02:00:00:00:00:0{number}")
            ip("-n", space, "link", "set", "veth0", "up")
            ip("-n", space, "address", "add", f"10.99.0.{number}/24", "dev", "veth0")
            if self._ipv6:
                ip("-n", space, "address", "add", f"fd99::{number}/64", "dev", "veth0", "nodad")
        self.know(self.near, 2)
        self.know(self.far, 1)

    def know(self, space: str, number: int) -> None:
        """Have a namespace know its neighbor, so that it need not ask."""
        mac = f"02:00:00:00:00:0{number}"
        for address in (f"10.99.0.{number}", *[f"fd99::{number}"] * self._ipv6):
            ip("-n", space, "neigh", "replace", address, "lladdr", mac, "dev", "veth0")

    def sysctl(self, space: str, setting: str) -> None:
        words = ("ip", "netns", "exec", space, "sysctl", "-qw", setting)
        subprocess.run(words, check=True, capture_output=True, timeout=BACKSTOP)

    def remove(self) -> None:
        for space in (self.near, self.far):
            subprocess.run(("ip", "netns", "del", space), check=False, capture_output=True)

    def run(self, code: str, space: str | None = None, before: str = "") -> Any:
        """Run Python in a namespace, by default the near one; return what it told."""
        words = ("ip", "netns", "exec", space or self.near, sys.executable, "-W", "ignore", "-c")
        done = subprocess.run(
            (*words, before + PRELUDE + code),
            capture_output=True,
            text=True,
            timeout=BACKSTOP,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@contextmanager
def made(pair: Pair) -> Iterator[Pair]:
    try:
        pair.make()
        yield pair
    finally:
        pair.remove()


@pytest.fixture
def pair() -> Iterator[Pair]:
    with made(Pair()) as both:
        yield both


@pytest.fixture
def quiet_pair() -> Iterator[Pair]:
    """Without IPv6, which sends on its own account."""
    with made(Pair(ipv6=False)) as both:
        yield both


COUNT, SIZE = 25, 700
FRAME = SIZE + 8 + 20 + 14

COUNTED = f"""
import select
def veth(measures, number):
    found = [one for one in measures.iterations[number].interfaces if one.name == 'veth0']
    return document_schema.to_json(found[0])

class SendingRuntime(ThreadRuntime):
    def sleep_until(self, when):
        if when > self.now():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for _ in range({COUNT}):
                    sender.sendto(bytes({SIZE}), ('10.99.0.2', 9))
        super().sleep_until(when)

measures = IfconfigGatherer(netlink).get_measures(Sampling(2, 0.2), SendingRuntime())
document_schema.check(measures)
tell([veth(measures, 0), veth(measures, 1)])
"""


def test_counters_are_what_was_sent(quiet_pair: Pair) -> None:
    look = (
        "tell(document_schema.to_json(IfconfigGatherer(netlink).get_measures(Sampling(), runtime)))"
    )
    first, second = quiet_pair.run(COUNTED)
    assert second["transmitted_packets"] - first["transmitted_packets"] == COUNT
    assert second["transmitted_bytes"] - first["transmitted_bytes"] == COUNT * FRAME
    assert first["transmission_rate"] is None
    assert second["transmission_rate"] > 0
    (veth,) = (
        item
        for item in quiet_pair.run(look, quiet_pair.far)["iterations"][0]["interfaces"]
        if item["name"] == "veth0"
    )
    assert veth["received_packets"] == second["transmitted_packets"]
    assert veth["received_bytes"] == second["transmitted_bytes"]


def test_counters_are_those_of_proc_net_dev(pair: Pair) -> None:
    code = """
list(ping('10.99.0.2', '127.0.0.1', pings=3, ping_interval=0.01))
lines = open('/proc/net/dev').read().splitlines()[2:]
told = {}
for one in IfconfigGatherer(netlink).get_measures(Sampling(), runtime).iterations[0].interfaces:
    told[one.name] = [
        one.received_bytes, one.received_packets, one.reception_errors, one.reception_drops,
        one.reception_overruns, one.reception_frame_errors,
        one.transmitted_bytes, one.transmitted_packets, one.transmission_errors,
        one.transmission_drops, one.transmission_overruns, one.transmission_collisions,
        one.transmission_carrier_errors]
kernel = {}
for line in lines:
    name, _, numbers = line.rpartition(':')
    n = [int(number) for number in numbers.split()]
    # Compressed and multicast are not in the report.
    kernel[name.strip()] = n[:6] + n[8:15]
tell([told, kernel])
"""
    told, kernel = pair.run(code)
    assert told == kernel
    assert told["lo"][0] > 0


def test_addresses_are_as_configured(pair: Pair) -> None:
    ip("-n", pair.near, "link", "set", "veth0", "mtu", "1300", "txqueuelen", "77")
    ip("-n", pair.near, "address", "add", "10.98.0.1/20", "brd", "+", "dev", "veth0")
    ip("-n", pair.near, "address", "add", "10.97.0.1", "peer", "10.97.0.2", "dev", "veth0")
    ip("-n", pair.near, "address", "add", "fe80::7/64", "dev", "veth0", "nodad")
    name = "a\"'<&>\u00e9;$"
    ip("-n", pair.near, "link", "add", "name", name, "type", "bridge")
    ip("-n", pair.near, "link", "property", "add", "dev", name, "altname", "an\u00e9<other>&'\"")
    ip("-n", pair.near, "link", "set", "dev", name, "alias", "and ]]> one more")
    look = (
        "tell(document_schema.to_json(IfconfigGatherer(netlink).get_measures(Sampling(), runtime)))"
    )
    found = {item["name"]: item for item in pair.run(look)["iterations"][0]["interfaces"]}
    assert set(found) == {"lo", "veth0", name}
    veth = found["veth0"]
    assert (veth["link_encap"], veth["link_mac"]) == ("Ethernet", "02:00:00:00:00:01")
    assert (veth["link_mtu"], veth["transmission_queue_length"]) == (1300, 77)
    assert [(item["address"], item["broadcast"], item["netmask"]) for item in veth["ipv4"]] == [
        ("10.99.0.1", None, "255.255.255.0"),
        ("10.98.0.1", "10.98.15.255", "255.255.240.0"),
        ("10.97.0.1", None, "255.255.255.255"),
    ]
    assert {(item["address"], item["scope"]) for item in veth["ipv6"]} == {
        ("fd99::1/64", "Global"),
        ("fe80::7/64", "Link"),
    }
    assert [item["address"] for item in found["lo"]["ipv4"]] == ["127.0.0.1"]
    assert found["lo"]["link_mac"] is None


def data_of(iteration: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["ip"]: item["data"] for item in iteration["neighbors"]}


def check_answered(data: dict[str, Any], pings: int) -> None:
    assert (data["packets_transmitted"], data["packets_received"]) == (pings, pings)
    assert data["packet_loss_percent"] == 0.0
    rtt = data["rtt"]
    assert 0 < rtt["minimum"] <= rtt["average"] <= rtt["maximum"]


def test_neighbors_answer_and_the_absent_do_not(pair: Pair) -> None:
    ping = "tell(ping('10.99.0.2', 'fd99::2', '10.99.0.66', 'fd99::66', '10.5.5.5', pings=3))"
    (iteration,) = pair.run(ping)
    data = data_of(iteration)
    for near in ("10.99.0.2", "fd99::2"):
        check_answered(data[near], 3)
        assert data[near]["time_taken"] >= 390
    # Nobody there, and no way there at all.
    for away in ("10.99.0.66", "fd99::66", "10.5.5.5"):
        assert (data[away]["packets_transmitted"], data[away]["packets_received"]) == (3, 0)
        assert (data[away]["packet_loss_percent"], data[away]["rtt"]) == (100.0, None)


def test_without_neighbors_those_of_the_table_are_probed(pair: Pair) -> None:
    add = ("-n", pair.near, "neigh", "add")
    lladdr = ("lladdr", "02:00:00:00:00:02", "dev", "veth0", "nud")
    for address in ("10.99.0.30", "fe80::2"):
        ip(*add, address, *lladdr, "permanent")
    ip(*add, "10.99.0.31", *lladdr, "noarp")
    ip(*add, "10.99.0.32", *lladdr, "failed")
    iterations = pair.run("tell(ping(iterations=2, interval=0.1, pings=2, ping_interval=0.05))")
    assert len(iterations) == 2
    for iteration in iterations:
        data = data_of(iteration)
        assert set(data) == {"10.99.0.2", "fd99::2", "10.99.0.30"}
        check_answered(data["10.99.0.2"], 2)
        check_answered(data["fd99::2"], 2)
        assert data["10.99.0.30"]["packet_loss_percent"] == 100.0


def test_many_neighbors_do_not_slow_each_other_down(pair: Pair) -> None:
    for number in range(100, 160):
        ip("-n", pair.far, "address", "add", f"10.99.0.{number}/24", "dev", "veth0")
        mac = ("lladdr", "02:00:00:00:00:02", "dev", "veth0")
        ip("-n", pair.near, "neigh", "replace", f"10.99.0.{number}", *mac)
    addresses = ", ".join(f"'10.99.0.{number}'" for number in range(100, 160))
    (iteration,) = pair.run(f"tell(ping({addresses}, pings=4, ping_interval=0.05))")
    data = data_of(iteration)
    assert len(data) == 60
    for one in data.values():
        check_answered(one, 4)


def test_a_reply_is_timed_by_its_coming_not_by_its_reading(pair: Pair) -> None:
    code = """
import time
from xen_bridge.gatherers.echo import EchoProbe
probe = EchoProbe()
probe.begin(('10.99.0.2', 'fd99::2'))
for sequence, pause in ((0, 0.5), (1, 1.0)):
    probe.send(sequence)
    time.sleep(pause)
    probe.collect(5)
tell([heard.rtts[1] for heard in probe.heard.values()])
"""
    assert all(0 < rtt < 900 for rtt in pair.run(code))


UNPRIVILEGED = """
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    tell(ping('10.99.0.2', 'fd99::2', '10.99.0.66', pings=2))
except BridgeError as error:
    tell([type(error).__name__, str(error)])
"""


def test_without_root_unprivileged_sockets_do(pair: Pair) -> None:
    pair.sysctl(pair.near, "net.ipv4.ping_group_range=0 65534")
    (iteration,) = pair.run(UNPRIVILEGED)
    data = data_of(iteration)
    check_answered(data["10.99.0.2"], 2)
    check_answered(data["fd99::2"], 2)
    assert data["10.99.0.66"]["packet_loss_percent"] == 100.0


def test_without_any_right_it_is_unsupported(pair: Pair) -> None:
    pair.sysctl(pair.near, "net.ipv4.ping_group_range=1 0")
    kind, text = pair.run(UNPRIVILEGED)
    assert kind == "RequestUnsupported"
    assert "net.ipv4.ping_group_range" in text


def test_a_broadcast_address_is_refused(pair: Pair) -> None:
    code = """
try:
    tell(ping('10.99.0.255'))
except BridgeError as error:
    tell([type(error).__name__, str(error)])
"""
    ip("-n", pair.near, "address", "add", "10.99.0.9/24", "brd", "+", "dev", "veth0")
    kind, text = pair.run(code)
    assert (kind, "broadcast" in text) == ("InvalidRequest", True)


EVENTLET = """
import eventlet
eventlet.monkey_patch()
from xen_bridge.runtime.green import GreenRuntime
"""

GREEN = """
runtime = GreenRuntime()

def measure():
    found = [ping('10.99.0.2', 'fd99::2', '10.99.0.66', pings=3, ping_interval=0.1)]
    links = IfconfigGatherer(netlink).get_measures(Sampling(3, 0.05), runtime)
    return found + [len(one.interfaces) for one in links.iterations]

tell([thread.wait() for thread in [eventlet.spawn(measure) for _ in range(30)]])
"""


def test_under_eventlet_in_native_threads(pair: Pair) -> None:
    rounds = pair.run(GREEN, before=EVENTLET)
    assert len(rounds) == 30
    for (iteration,), *interfaces in rounds:
        data = data_of(iteration)
        check_answered(data["10.99.0.2"], 3)
        check_answered(data["fd99::2"], 3)
        assert data["10.99.0.66"]["rtt"] is None
        assert interfaces == [2, 2, 2]


def test_traffic_through_a_bridge_counts_once(quiet_pair: Pair) -> None:
    ip("-n", quiet_pair.near, "link", "add", "br0", "type", "bridge")
    ip("-n", quiet_pair.near, "address", "flush", "dev", "veth0")
    ip("-n", quiet_pair.near, "link", "set", "veth0", "master", "br0")
    ip("-n", quiet_pair.near, "link", "set", "br0", "up")
    ip("-n", quiet_pair.near, "address", "add", "10.99.0.1/24", "dev", "br0")
    mac = ("lladdr", "02:00:00:00:00:02", "dev", "br0")
    ip("-n", quiet_pair.near, "neigh", "replace", "10.99.0.2", *mac)
    code = f"""
class SendingRuntime(ThreadRuntime):
    def sleep_until(self, when):
        if when > self.now():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for _ in range({COUNT}):
                    sender.sendto(bytes({SIZE}), ('10.99.0.2', 9))
        super().sleep_until(when)

summary = RouterSummary(SendingRuntime(), netlink).get_summary(GetSummary(0.2))
document_schema.check(summary)
tell(document_schema.to_json(summary))
"""
    summary = quiet_pair.run(code)
    assert set(summary["neighbors"]) == {"10.99.0.2"}
    # At least that many seconds passed, so twice as much would be seen.
    assert 0 < summary["throughput_bps"]["tx"] * 0.2 < 8 * COUNT * FRAME * 1.1
