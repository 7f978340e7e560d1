"""Thousands of pairs and hosts, beside which ports of others change all the time."""

from __future__ import annotations

import pytest

from executed_lines import executed_lines
from horizon_ryu.core import frames
from horizon_ryu.core.discovery.control import DiscoveryControl
from horizon_ryu.core.forwarding.control import ForwardingControl
from horizon_ryu.core.topology import Port, PortRef, Switch, TopologyChange
from horizon_ryu.wire.messages import FlowCommand, FlowMod, PacketIn
from unit.forwarding.stations import StationNetwork, address

PORTS = 2_000


def mac(number: int) -> bytes:
    return b"\2\0" + number.to_bytes(4, "big")


def ip(number: int) -> bytes:
    return bytes((10, 0)) + number.to_bytes(2, "big")


class BusySwitch:
    """One switch; half of ``pairs`` stations at port 1 talk with the other half at port 2."""

    def __init__(self, pairs: int) -> None:
        self.discovery = DiscoveryControl(b"key")
        self.forwarding = ForwardingControl(self.discovery.locate, 1, max_pairs=pairs)
        ports = {n: Port(n, f"p{n}", mac(n), True) for n in range(1, PORTS + 1)}
        self.discovery.switch_ready(Switch(1, "", 4, ports), 0.0)
        count = 0
        for first in range(0, pairs, 100):
            for number in range(first, first + 100):
                count += 1
                self.hear(10_000 + number, 3 + number % 500)
            self.publish()
            for number in range(first, first + 99):
                self.send(10_000 + number, 10_001 + number, 3 + number % 500)

    def hear(self, number: int, port_no: int) -> None:
        data = frames.build_arp_request(mac(number), ip(number), address(99))
        frame = frames.decode(data)
        assert frame is not None
        self.discovery.host_frame(PacketIn(1, port_no, data), frame, 1.0)

    def send(self, sender: int, receiver: int, port_no: int) -> None:
        data = mac(receiver) + mac(sender) + b"\x08\x00" + bytes(46)
        assert self.forwarding.frame_in(PacketIn(1, port_no, data), 1.0)[1]

    def publish(self) -> list[TopologyChange]:
        changes = self.discovery.take_changes()
        self.sent = self.forwarding.topology_changed(self.discovery.view(), changes, 2.0)
        return list(changes)

    def change(self, number: int, up: bool) -> None:
        self.discovery.port_changed(1, number, Port(number, "", mac(number), up), 2.0)
        self.publish()


def cost(pairs: int) -> tuple[int, ...]:
    busy = BusySwitch(pairs)
    down = executed_lines(lambda: busy.change(1_999, False))
    up = executed_lines(lambda: busy.change(1_999, True))
    busy.hear(5, 1_998)
    learned = executed_lines(busy.publish)
    asked = frames.build_arp_request(mac(5), ip(5), ip(10_007))
    packet = PacketIn(1, 1_998, asked)
    answered = executed_lines(lambda: busy.forwarding.frame_in(packet, 3.0))
    assert busy.forwarding.frame_in(packet, 3.0)[0], "its owner is known"
    assert not busy.forwarding.unsettled
    return down, up, learned, answered


def test_a_change_of_a_port_costs_the_same_however_many_pairs_and_hosts_are_elsewhere() -> None:
    assert cost(2_000) == cost(200)


def test_the_pairs_at_a_port_that_goes_down_are_removed_and_no_others() -> None:
    busy = BusySwitch(1_000)
    busy.change(7, False)
    gone = [sent.message for sent in busy.sent if isinstance(sent.message, FlowMod)]
    assert {mod.command for mod in gone} == {FlowCommand.DELETE_STRICT}
    at_port = {mac(10_004), mac(10_504)}
    assert len(gone) == 4
    assert all({mod.match.dl_src, mod.match.dl_dst} & at_port for mod in gone)


@pytest.mark.parametrize("openflow", [1, 4])
def test_pairs_go_on_over_links_while_ports_beside_them_change(openflow: int) -> None:
    network = StationNetwork(3, openflow, more=(5,))
    near, far = network.station(1, 1, 1), network.station(2, 3, 1)
    assert network.reaches(near, far)
    for up in (False, True, False):
        network.set_up(PortRef(2, 5), up)
        assert network.reaches(near, far)
    network.set_up(PortRef(1, 8), False)
    assert not network.reaches(near, far), "the only way is cut"
    network.set_up(PortRef(1, 8), True)
    network.run(2.0)
    assert network.reaches(near, far)
