"""Strangers and slow switches at a real controller: whom they harm, and what is told of them.

Switches are virtual ones with real tables on real connections, so that each lie can be told.
"""

from __future__ import annotations

import json
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import websocket

from horizon_ryu.core import frames
from horizon_ryu.wire.capabilities import GROUP_PORTS
from horizon_ryu.wire.messages import LOCAL_PORT
from tools.controller_process import ControllerProcess
from virtual_switch.blocking import Gone, SocketSwitch
from virtual_switch.lively import SECONDS, LivelyNetwork, LivelySwitch

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(600),
]
CONFIG = """
[discovery]
host_idle = {idle}
max_ports_per_switch = {ports}
join_patience = 1
[spanning_tree]
port_hold_time = 0.5
[guard]
# Both are answered in the time that the machine gives to both ends.
challenge = 30
handshake_deadline = 60
[rest]
event_buffer = 1000000
"""
MAC, OTHER = bytes.fromhex("0200000000a1"), bytes.fromhex("0200000000a2")
NOBODY = bytes.fromhex("02ffffffffff")
Start = Callable[..., LivelyNetwork]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """What starts a controller and gives the network that its switches make."""
    running: list[ControllerProcess] = []
    networks: list[LivelyNetwork] = []

    def started(idle: float = 0, ports: int = 16_384) -> LivelyNetwork:
        config = CONFIG.format(idle=idle, ports=ports)
        running.append(ControllerProcess(tmp_path, config=config))
        running[-1].start()
        networks.append(LivelyNetwork(running[-1]))
        return networks[-1]

    try:
        yield started
    finally:
        for network in networks:
            network.close()
        for controller in running:
            controller.stop()
    for controller in running:
        assert "Traceback" not in controller.log()


def text(dpid: int) -> str:
    return f"{dpid:016x}"


def switches(network: LivelyNetwork) -> dict[str, Any]:
    return {one["dpid"]: one for one in network.get("/v1/topology")["switches"]}


def joined(network: LivelyNetwork, *dpids: int) -> None:
    """Wait until switches are there, and the ports where hosts are are open."""
    network.wait(lambda: {text(dpid) for dpid in dpids} <= switches(network).keys(), "joined")
    network.wait(lambda: network.get("/v1/spanning-tree")["settled"], "settled")


def is_linked(network: LivelyNetwork, one: int, other: int) -> bool:
    """Tell whether a link between two switches is known, in both directions."""
    links = network.get("/v1/topology/links")["links"]
    ends = {(link["src_dpid"], link["dst_dpid"]) for link in links}
    return {(text(one), text(other)), (text(other), text(one))} <= ends


def place(network: LivelyNetwork, mac: bytes = MAC) -> tuple[int, int] | None:
    """Return where a host is."""
    try:
        found = network.get(f"/v1/topology/hosts/{mac.hex(':')}")
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return None
            raise
    return int(found["dpid"], 16), found["port_no"]


def addresses(network: LivelyNetwork, mac: bytes) -> list[str]:
    return list(network.get(f"/v1/topology/hosts/{mac.hex(':')}")["ips"])


def alarms(network: LivelyNetwork, kind: str) -> list[Any]:
    """Return the data of every event of one kind since the start."""
    url = f"{network.controller.url.replace('http', 'ws')}/v1/events?since=0&kinds={kind}"
    found: list[Any] = []

    def read() -> None:
        with (
            closing(websocket.create_connection(url, timeout=SECONDS)) as client,
            suppress(websocket.WebSocketTimeoutException),
        ):
            # One that is told soon may not have been yet.
            client.settimeout(10)
            while True:
                found.append(json.loads(client.recv()))
                # The others are sent together with the first, which a busy controller delays.
                client.settimeout(1)

    network.meanwhile(read)
    return [event["data"] for event in found if event["kind"] == kind]


def says(network: LivelyNetwork, dpid: int, port: int, mac: bytes, ip: int | None = None) -> None:
    """Have a host say something: an ARP request of its address, or a frame that tells none."""
    switch = network.switches[dpid]
    if ip is None:
        switch.frame_in(port, NOBODY + mac + b"\x88\xb5" + bytes(46))
    else:
        asked = frames.build_arp_request(mac, bytes((10, 0, 0, ip)), bytes((10, 0, 0, 99)))
        switch.frame_in(port, asked)


def health(network: LivelyNetwork) -> Any:
    return network.get("/v1/health")


def gauge(network: LivelyNetwork, name: str) -> float:
    lines = network.request("GET", "/metrics").decode().splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))


def test_a_stranger_that_says_its_dpid_and_nothing_more_holds_links_back_for_a_moment_only(
    start: Start,
) -> None:
    network = start()
    network.add(1)
    network.add(2)
    joined(network, 1, 2)
    with closing(SocketSwitch(network.controller.openflow_port)) as stranger:
        stranger.shake_hands_but_for_ports(0x666)
        network.plug((1, 1), (2, 1))
        network.wait(lambda: is_linked(network, 1, 2), "the link is known")
        assert text(0x666) not in switches(network)
        network.wait(lambda: health(network)["status"] == "ok", "all is well")


def test_a_switch_that_is_slow_to_be_ready_holds_nobody_up_and_is_served_in_the_end(
    start: Start,
) -> None:
    network = start()
    network.add(1)
    network.add(2)
    joined(network, 1, 2)
    slow = network.add(3)
    slow.switch.faults.delay = 1.0
    network.plug((1, 1), (2, 1))
    assert network.run(lambda: slow.joined_at is not None, time.monotonic() + SECONDS)
    slow.is_frozen = True
    network.wait(lambda: text(3) in health(network)["slow_joins"], "it is told of")
    slow.is_frozen = False
    network.wait(lambda: is_linked(network, 1, 2), "the link is known")
    network.wait(lambda: text(3) in switches(network), "it is there in the end")
    slow.switch.faults.delay = 0.0
    (told,) = alarms(network, "alarm_slow_join")
    assert told["dpid"] == text(3)
    network.wait(lambda: health(network)["slow_joins"] == [], "nothing is slow any more")
    network.plug((3, 1), (2, 2))
    network.wait(lambda: is_linked(network, 3, 2), "its link is known, too")


def test_a_switch_that_is_slow_for_longer_than_a_second_keeps_its_dpid(start: Start) -> None:
    network = start()
    owner = network.add(1)
    joined(network, 1)
    owner.is_frozen = True
    with closing(SocketSwitch(network.controller.openflow_port)) as stranger:
        stranger.claim(1)
        network.run_for(1.3)
        owner.is_frozen = False
        network.wait(lambda: has_hung_up(stranger), "the stranger is turned away")
    assert not owner.closed
    (told,) = alarms(network, "alarm_dpid_claimed")
    assert told["dpid"] == text(1)
    assert switches(network)[text(1)]["connected"]


def has_hung_up(stranger: SocketSwitch) -> bool:
    """Tell whether the controller has closed a connection, reading what it still says."""
    try:
        while True:
            stranger.receive(0.05)
    except TimeoutError:
        return False
    except Gone:
        return True


def test_invented_hosts_on_one_switch_keep_no_honest_one_elsewhere_from_being_learned(
    start: Start,
) -> None:
    network = start()
    network.add(1)
    network.add(2)
    joined(network, 1, 2)
    liar = network.switches[1]
    for number in range(65_536):
        invented = b"\x02\x66" + number.to_bytes(4, "big")
        frame = NOBODY + invented + b"\x88\xb5" + bytes(46)
        liar.send(liar.packet_in(1 + number % 4, frame))
        if number % 512 == 511:
            network.run(lambda: not liar._output, float("inf"))
        if number % 8_192 == 0:
            honest = b"\x02\x11" + number.to_bytes(4, "big")
            says(network, 2, 1 + number // 8_192 % 4, honest, 1 + number // 8_192)
    for number in range(0, 65_536, 8_192):
        honest = b"\x02\x11" + number.to_bytes(4, "big")
        where = 2, 1 + number // 8_192 % 4
        network.wait(lambda mac=honest, at=where: place(network, mac) == at, "it is known")  # type: ignore[misc]
    told = alarms(network, "alarm_too_many_hosts")
    assert told
    assert {alarm["dpid"] for alarm in told} == {text(1)}
    assert len(network.get("/v1/topology")["hosts"]) <= 8_192 + 8


def test_one_spoofed_frame_does_not_move_a_host_of_which_no_address_is_known(start: Start) -> None:
    network = start()
    network.add(1)
    network.add(2)
    joined(network, 1, 2)
    says(network, 1, 1, MAC)
    network.wait(lambda: place(network) == (1, 1), "it is known")
    says(network, 2, 2, MAC)
    says(network, 2, 2, OTHER, 2)
    network.wait(lambda: place(network, OTHER) == (2, 2), "what came later was taken note of")
    assert place(network) == (1, 1)
    says(network, 1, 1, MAC)
    network.wait(lambda: alarms(network, "alarm_spoofed_host"), "its own frame unmasks the other")
    (told,) = alarms(network, "alarm_spoofed_host")
    assert told["other_port"] == {"dpid": text(2), "port_no": 2}
    assert place(network) == (1, 1)


def test_who_was_first_to_use_an_address_loses_it_to_whom_the_operator_pins(start: Start) -> None:
    network = start()
    network.add(1)
    network.add(2)
    joined(network, 1, 2)
    says(network, 1, 4, MAC, 7)
    network.wait(lambda: place(network) == (1, 4), "the stranger was first")
    body = {"dpid": text(2), "port_no": 1, "ips": ["10.0.0.7"]}
    network.request("PUT", f"/v1/topology/hosts/{OTHER.hex(':')}/pin", body)
    network.wait(lambda: place(network, OTHER) == (2, 1), "the owner is there, unheard")
    assert addresses(network, OTHER) == ["10.0.0.7"]
    for _ in range(3):
        says(network, 1, 4, MAC, 7)
        says(network, 1, 4, OTHER, 7)
    network.wait(lambda: alarms(network, "alarm_spoofed_host"), "it is told who claims to be it")
    assert place(network, OTHER) == (2, 1)
    assert addresses(network, OTHER) == ["10.0.0.7"]
    assert addresses(network, MAC) == []
    network.request("DELETE", f"/v1/topology/hosts/{MAC.hex(':')}")
    network.wait(lambda: place(network) is None, "the stranger is forgotten")
    with pytest.raises(urllib.error.HTTPError) as refused:
        network.request("DELETE", f"/v1/topology/hosts/{OTHER.hex(':')}")
    refused.value.close()
    assert refused.value.code == 409


def test_who_was_first_to_use_a_mac_and_falls_silent_leaves_it_to_others(start: Start) -> None:
    network = start(idle=1)
    network.add(1)
    network.add(2)
    joined(network, 1, 2)
    says(network, 1, 4, MAC, 7)
    network.wait(lambda: place(network) == (1, 4), "the stranger was first")
    network.wait(lambda: place(network) is None, "it was asked, and said nothing")
    probes = [frame for dpid, port, frame in network.frames if (dpid, port) == (1, 4)]
    assert any(frame[:6] == MAC and frame[12:14] == b"\x08\x06" for frame in probes)
    says(network, 2, 1, MAC, 7)
    network.wait(lambda: place(network) == (2, 1), "the owner is there")
    assert addresses(network, MAC) == ["10.0.0.7"]


def flaps(network: LivelyNetwork, switch: LivelySwitch) -> Callable[[], None]:
    """Return what changes 25 ports of a switch, others each time."""
    numbers = iter(range(1 << 62))

    def flap() -> None:
        for _ in range(25):
            number = next(numbers)
            switch.set_port(1 + number // 2 % 500, bool(number % 2))

    return flap


def test_fifty_thousand_ports_of_which_some_change_all_the_time_hold_nobody_up(
    start: Start,
) -> None:
    network = start()
    network.add(1)
    network.add(2)
    joined(network, 1, 2)
    chassis = network.add(3, range(1, 50_001))
    chassis.is_hollow = True
    network.wait(lambda: text(3) in switches(network), "joined")
    assert len(switches(network)[text(3)]["ports"]) == GROUP_PORTS
    flap = flaps(network, chassis)

    def linked() -> bool:
        for _ in range(4):
            flap()
            network.step(0.01)
        return is_linked(network, 1, 2)

    network.plug((1, 1), (2, 1))
    network.wait(linked, "the link is known")
    (told,) = alarms(network, "alarm_too_many_ports")
    assert told == {"dpid": text(3), "port_no": GROUP_PORTS + 1}
    assert health(network)["crowded"] == [text(3)]
    assert gauge(network, "horizon_ports_beyond_cap") == 50_000 - GROUP_PORTS
    network.wait(lambda: chassis.flow_mods > 50_000, "every port was closed at first")
    network.wait(lambda: network.get("/v1/spanning-tree")["settled"], "settled")
    assert not any(one.closed for one in network.switches.values())
    network.wait(lambda: health(network)["status"] == "ok", "all is well")


@pytest.mark.parametrize("version", [1, 4], ids=["of10", "of13"])
def test_ports_beyond_the_cap_are_closed_until_there_is_room(start: Start, version: int) -> None:
    network = start(ports=3)
    switch = network.add(1, range(1, 6), version)
    joined(network, 1)
    network.wait(lambda: switch.blocked() == {4, 5}, "the others are open")
    if version == 1:
        assert switch.flooding() - {LOCAL_PORT} == {1, 2, 3}
    switch.obey(switch.switch.add_port(6))
    network.wait(lambda: switch.blocked() == {4, 5, 6}, "one more is closed")
    if version == 1:
        assert switch.flooding() - {LOCAL_PORT} == {1, 2, 3}
    assert health(network)["crowded"] == [text(1)]
    before = len(network.frames)
    for number in (4, 6):
        says(network, 1, number, MAC, 1)
    network.run_for(0.3)
    assert not [port for _, port, frame in network.frames[before:] if MAC in frame[6:12]]
    switch.obey(switch.switch.remove_port(2))
    network.wait(lambda: switch.blocked() == {5, 6}, "the first of them is open")
    if version == 1:
        assert switch.flooding() - {LOCAL_PORT} == {1, 3, 4}
    before = len(network.frames)
    says(network, 1, 1, OTHER, 1)
    network.wait(
        lambda: (
            {port for _, port, data in network.frames[before:] if data[6:12] == OTHER} == {3, 4}
        ),
        "a broadcast leaves by the open ports, the new one too",
    )
