"""Stations and addresses that move on real Open vSwitch, and addresses of two VLANs."""

from __future__ import annotations

from pathlib import Path

import pytest
from ryu.lib.packet import arp, dhcp, ethernet, ipv4, packet, udp, vlan

from integration.shared_network import VERSIONS
from tools.controller_process import wait_until
from tools.lab import Lab
from topologies.graphs import GraphHost

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(300)]

PROBE = Path(__file__).with_name("station_probe.py")
PYTHON = "/usr/bin/python3"
STATION = "02:00:00:00:77:01"
VIRTUAL = "10.0.0.100"
ARRIVES = 60.0
"""Seconds within which frames must find who moved; a busy machine takes a few."""

both = pytest.mark.parametrize("version", ["1.0", "1.3"])


def stage(lab: Lab, version: str) -> list[GraphHost]:
    lab.build("ring", VERSIONS[version], n=4)
    lab.expect_true_topology()
    return list(lab.graph.hosts)


def run(lab: Lab, host: GraphHost, *words: str) -> str:
    ran = lab.network.run(host.name, list(words))
    assert ran.status == 0, ran.output
    return ran.output


def say(lab: Lab, host: GraphHost, *layers: object) -> None:
    """Have a frame come from a host's port, whoever it says that it is from."""
    made = packet.Packet()
    for layer in layers:
        made.add_protocol(layer)
    made.serialize()
    run(lab, host, PYTHON, str(PROBE), "say", host.interface, bytes(made.data).hex())


def discover(lab: Lab, host: GraphHost) -> None:
    """The station asks for an address by DHCP, from the port of ``host``."""
    say(
        lab, host,
        ethernet.ethernet("ff:ff:ff:ff:ff:ff", STATION, 0x0800),
        ipv4.ipv4(proto=17, src="0.0.0.0", dst="255.255.255.255"),
        udp.udp(68, 67),
        dhcp.dhcp(op=1, chaddr=STATION),
    )  # fmt: skip


def is_reached(lab: Lab, source: GraphHost, at: GraphHost) -> bool:
    """Tell whether a frame that ``source`` sends to the station comes out at ``at``."""
    words = [PYTHON, str(PROBE), "hear", at.interface, STATION, "3"]
    job = lab.network.spawn(at.name, words)
    lab.network.wait_for_output(job, "listening")
    say(
        lab, source,
        ethernet.ethernet(STATION, source.mac, 0x0800),
        ipv4.ipv4(proto=17, src=source.ip, dst="10.0.0.77"),
        udp.udp(67, 68),
        b"offer".ljust(32, b"\0"),
    )  # fmt: skip
    return "yes" in lab.network.wait_for_output(job, "heard:", 10.0)


def place(lab: Lab, mac: str) -> tuple[str, int] | None:
    hosts = lab.controller.get("/v1/topology")["hosts"]
    return next(((one["dpid"], one["port_no"]) for one in hosts if one["mac"] == mac), None)


@both
def test_a_station_that_moves_and_sends_dhcp_only_is_reached_where_it_is(
    lab: Lab, version: str
) -> None:
    """Its old port goes down, and at the new one it does nothing but ask for an address."""
    before, source, after, _ = stage(lab, version)
    discover(lab, before)
    wait_until(lambda: place(lab, STATION) is not None, ARRIVES, "the station is known")
    wait_until(lambda: is_reached(lab, source, before), ARRIVES, "it is reached where it was")
    run(lab, before, "ip", "link", "set", before.interface, "down")

    def moved() -> bool:
        discover(lab, after)
        return is_reached(lab, source, after)

    wait_until(moved, ARRIVES, "it is reached where it is")
    there = (f"{after.dpid:016x}", after.port)
    wait_until(lambda: place(lab, STATION) == there, ARRIVES, "it is known to be there")


@both
def test_a_virtual_address_moves_between_hosts_that_both_stay(lab: Lab, version: str) -> None:
    first, asking, second, _ = stage(lab, version)
    take(lab, first)
    wait_until(lambda: answers_from(lab, asking, first), ARRIVES, "the first owner answers")
    run(lab, first, "ip", "addr", "del", f"{VIRTUAL}/8", "dev", first.interface)
    take(lab, second)

    def moved() -> bool:
        announce(lab, second)
        return answers_from(lab, asking, second)

    wait_until(moved, ARRIVES, "the second owner answers")
    wait_until(lambda: is_owned(lab, second) and not is_owned(lab, first), ARRIVES, "it is told")


def take(lab: Lab, host: GraphHost) -> None:
    """A host takes the virtual address and says so, as VRRP does."""
    run(lab, host, "ip", "addr", "add", f"{VIRTUAL}/8", "dev", host.interface)
    announce(lab, host)


def announce(lab: Lab, host: GraphHost) -> None:
    everybody = "ff:ff:ff:ff:ff:ff"
    say(
        lab, host,
        ethernet.ethernet(everybody, host.mac, 0x0806),
        arp.arp(1, 0x0800, 6, 4, 1, host.mac, VIRTUAL, "00:00:00:00:00:00", VIRTUAL),
    )  # fmt: skip


def answers_from(lab: Lab, asking: GraphHost, owner: GraphHost) -> bool:
    """Tell whether the virtual address answers, and is taken to be that of ``owner``."""
    if lab.network.run(asking.name, ["ping", "-c", "1", "-W", "1", VIRTUAL]).status != 0:
        return False
    return owner.mac in run(lab, asking, "ip", "neigh", "show", VIRTUAL)


def is_owned(lab: Lab, host: GraphHost) -> bool:
    hosts = lab.controller.get("/v1/topology")["hosts"]
    return any(one["mac"] == host.mac and VIRTUAL in one["ips"] for one in hosts)


@both
def test_one_address_in_two_vlans_is_two_stations(lab: Lab, version: str) -> None:
    """A machine in VLAN 10 uses the address that a host without a VLAN has."""
    plain, answering, tagged, _ = stage(lab, version)
    wait_until(lambda: pings(lab, answering, plain.ip), ARRIVES, "both are known")
    ask_in_vlan(lab, tagged, plain.ip, "10.0.0.200")
    wait_until(lambda: stations(lab, plain.ip) == {(plain.mac, None), (tagged.mac, 10)},
               ARRIVES, "two stations have the address")  # fmt: skip
    run(lab, answering, "ip", "neigh", "flush", "dev", answering.interface)
    wait_until(lambda: pings(lab, answering, plain.ip), ARRIVES, "the one without is answered")
    assert plain.mac in run(lab, answering, "ip", "neigh", "show", plain.ip)
    # Nor does the VLAN learn of who is outside of it.
    job = lab.network.spawn(
        tagged.name, [PYTHON, str(PROBE), "hear", tagged.interface, tagged.mac, "3"]
    )
    lab.network.wait_for_output(job, "listening")
    ask_in_vlan(lab, tagged, plain.ip, answering.ip)
    assert "no" in lab.network.wait_for_output(job, "heard:", 10.0)
    assert stations(lab, plain.ip) == {(plain.mac, None), (tagged.mac, 10)}


def ask_in_vlan(lab: Lab, host: GraphHost, own: str, wanted: str) -> None:
    """Ask who has an address, in VLAN 10, as one who has the address ``own`` there."""
    nobody = "00:00:00:00:00:00"
    say(
        lab, host,
        ethernet.ethernet("ff:ff:ff:ff:ff:ff", host.mac, 0x8100),
        vlan.vlan(vid=10, ethertype=0x0806),
        arp.arp(1, 0x0800, 6, 4, 1, host.mac, own, nobody, wanted),
    )  # fmt: skip


def pings(lab: Lab, host: GraphHost, address: str) -> bool:
    return lab.network.run(host.name, ["ping", "-c", "1", "-W", "2", address]).status == 0


def stations(lab: Lab, address: str) -> set[tuple[str, int | None]]:
    """Return the MAC addresses and VLANs of the stations that have an address."""
    hosts = lab.controller.get("/v1/topology")["hosts"]
    return {(one["mac"], one.get("vlan")) for one in hosts if address in one["ips"]}
