"""The state machine of Discovery, with frames carried by hand and a clock of our own."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from horizon_ryu.core import frames
from horizon_ryu.core.discovery.control import DiscoveryControl
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import Link, Port, PortRef, Switch
from horizon_ryu.wire.messages import DropBuffered, Outgoing, PacketIn, PacketOut

KEY = b"k" * 32
A, B, C = 1, 2, 3


def switch(dpid: int, ports: int = 3) -> Switch:
    made = {
        no: Port(no, f"s{dpid}-eth{no}", bytes((2, 0, 0, dpid & 255, no >> 8, no & 255)), True)
        for no in range(1, ports + 1)
    }
    return Switch(dpid, "127.0.0.1:1", 4, MappingProxyType(made))


def link(one: tuple[int, int], other: tuple[int, int]) -> Link:
    return Link(PortRef(*one), PortRef(*other))


class Wires:
    """Carries probes over cables; ``cables`` maps a port to what is at its other end."""

    def __init__(
        self, discovery: DiscoveryControl, *cables: tuple[tuple[int, int], tuple[int, int]]
    ):
        self.discovery = discovery
        self.now = 100.0
        self.cables: dict[PortRef, list[PortRef]] = {}
        self.probes = 0
        for one, other in cables:
            self.cable(one, other)
            self.cable(other, one)

    def cable(self, one: tuple[int, int], *others: tuple[int, int]) -> None:
        self.cables[PortRef(*one)] = [PortRef(*other) for other in others]

    def ready(self, *dpids: int, ports: int = 3) -> None:
        for dpid in dpids:
            self.discovery.switch_joining(dpid, self.now)
            self.discovery.switch_ready(switch(dpid, ports), self.now)

    def run(self, seconds: float, step: float = 0.05) -> None:
        """Let time pass; every probe arrives at once."""
        until = self.now + seconds
        while self.now < until:
            for sent in self.discovery.tick(self.now):
                self.carry(sent)
            self.now += step
        self.discovery.take_changes()

    def carry(self, sent: Outgoing) -> None:
        out = sent.message
        assert isinstance(out, PacketOut)
        self.probes += 1
        for end in self.cables.get(PortRef(sent.dpid, out.actions[0].port_no), ()):
            self.discovery.frame_in(PacketIn(end.dpid, end.port_no, out.data), self.now)

    @property
    def links(self) -> set[Link]:
        return set(self.discovery.view().links.values())


@pytest.fixture
def wires() -> Wires:
    return Wires(DiscoveryControl(KEY), ((A, 1), (B, 1)), ((B, 2), (C, 1)))


TRUTH = {
    link((A, 1), (B, 1)),
    link((B, 1), (A, 1)),
    link((B, 2), (C, 1)),
    link((C, 1), (B, 2)),
}


def test_links_are_found_within_the_first_probes(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(0.1)
    assert wires.links == TRUTH


def test_a_switch_that_leaves_takes_its_links_with_it_at_once(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(0.1)
    wires.discovery.switch_left(C, wires.now)
    changes = wires.discovery.take_changes()
    assert wires.links == {link((A, 1), (B, 1)), link((B, 1), (A, 1))}
    assert [change.kind for change in changes] == ["link_delete", "link_delete", "switch_leave"]


def test_a_port_that_goes_down_takes_both_directions_with_it_at_once(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(0.1)
    down = Port(1, "x", b"\2\0\0\0\0\1", False)
    wires.discovery.port_changed(A, 1, down, wires.now)
    wires.discovery.take_changes()
    assert wires.links == {link((B, 2), (C, 1)), link((C, 1), (B, 2))}


def test_a_port_that_comes_up_is_probed_at_once(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(0.1)
    port = switch(A).ports[1]
    wires.discovery.port_changed(A, 1, Port(1, "x", port.hw_addr, False), wires.now)
    wires.run(1.0)
    wires.discovery.port_changed(A, 1, port, wires.now)
    wires.run(0.1)
    assert wires.links == TRUTH


def test_a_silent_link_goes_after_idle_time_and_not_before(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(1.0)
    wires.cable((A, 1))
    wires.run(9.0)
    assert link((A, 1), (B, 1)) in wires.links
    wires.run(7.0)
    assert wires.links == TRUTH - {link((A, 1), (B, 1))}
    assert not wires.discovery.view().is_bidirectional(link((B, 1), (A, 1)))


def test_timers_take_effect_at_run_time(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(1.0)
    wires.discovery.set_timers(DiscoveryTimers(0.5, 0.5, 1.0), wires.now)
    sent = wires.probes
    wires.cable((A, 1))
    wires.run(2.5)
    assert link((A, 1), (B, 1)) not in wires.links
    assert wires.probes - sent <= 9 * 7


def test_no_new_link_while_a_switch_joins_nor_from_probes_sent_before(wires: Wires) -> None:
    """Report 3.4, figure 3.6: B is of type 1 and relays LLDP until it has its forced drop."""
    relayed = Wires(DiscoveryControl(KEY), ((A, 1), (C, 1)), ((C, 1), (A, 1)))
    relayed.ready(A, C)
    relayed.discovery.switch_joining(B, relayed.now)
    late = relayed.discovery.tick(relayed.now)
    for sent in late:
        relayed.carry(sent)
    relayed.discovery.take_changes()
    assert relayed.links == set()
    relayed.discovery.switch_ready(switch(B), relayed.now)
    relayed.cables = wires.cables
    for sent in late:
        out = sent.message
        relayed.discovery.frame_in(PacketIn(C, 1, out.data), relayed.now)
    relayed.discovery.take_changes()
    assert relayed.links == set()
    relayed.run(0.2)
    assert relayed.links == TRUTH


def test_a_port_that_leads_to_two_is_a_shared_segment(wires: Wires) -> None:
    wires.cables.clear()
    wires.cable((A, 1), (B, 1), (C, 1))
    wires.ready(A, B, C)
    wires.run(1.0)
    assert wires.links == set()


def outcomes(wires: Wires, frame: bytes, dpid: int, port_no: int) -> str:
    return wires.discovery.frame_in(PacketIn(dpid, port_no, frame), wires.now).outcome


def test_replayed_forged_late_and_misplaced_probes_are_refused(wires: Wires) -> None:
    wires.ready(A, B, C)
    probes = {sent.message.actions[0].port_no: sent.message.data
              for sent in wires.discovery.tick(wires.now) if sent.dpid == A}  # fmt: skip
    assert outcomes(wires, probes[1], B, 1) == "new"
    assert outcomes(wires, probes[1], B, 1) == "repeated"
    forged = probes[2][:-3] + bytes((probes[2][-3] ^ 1,)) + probes[2][-2:]
    assert outcomes(wires, forged, B, 2) == "forged"
    assert outcomes(wires, probes[2], B, 99) == "port_down"
    assert outcomes(wires, b"\0" * 60, B, 2) == "foreign"
    wires.now += 6.0
    assert outcomes(wires, probes[2], B, 2) == "unknown"


def test_a_buffered_frame_is_dropped_by_command(wires: Wires) -> None:
    wires.ready(A, B)
    (sent, *_) = wires.discovery.tick(wires.now)
    heard = wires.discovery.frame_in(PacketIn(B, 1, sent.message.data, buffer_id=77), wires.now)
    assert heard.messages == (Outgoing(B, DropBuffered(77, 1)),)


def test_ten_thousand_ports_stretch_the_rounds_and_flap_no_link() -> None:
    limits = DiscoveryLimits(total_rate=1000.0, switch_rate=500.0)
    cables = [((dpid, 1), (dpid % 200 + 1, 2)) for dpid in range(1, 201)]
    wires = Wires(DiscoveryControl(KEY, None, limits), *cables)
    wires.ready(*range(1, 201), ports=50)
    wires.run(60.0)
    assert len(wires.links) == 400
    started, links = wires.now, wires.links
    sent = wires.probes
    deleted = 0
    for _ in range(12):
        wires.run(5.0)
        deleted += len(links - wires.links)
    assert deleted == 0
    assert wires.probes - sent <= 1.05 * 1000 * (wires.now - started)
    assert wires.probes - sent >= 0.9 * 1000 * (wires.now - started)


def test_one_switch_over_its_budget_delays_no_other() -> None:
    limits = DiscoveryLimits(total_rate=2000.0, switch_rate=50.0)
    wires = Wires(DiscoveryControl(KEY, None, limits), ((A, 1), (B, 1)))
    wires.discovery.switch_ready(switch(C, 2000), wires.now)
    wires.run(0.5)
    wires.ready(A, B)
    wires.run(0.3)
    assert wires.links == {link((A, 1), (B, 1)), link((B, 1), (A, 1))}


def arp(mac: bytes, ip: bytes, reply: bool = False) -> bytes:
    if reply:
        return frames.build_arp_reply(mac, ip, b"\2" * 6, bytes(4))
    return frames.build_arp_request(mac, ip, bytes((10, 0, 0, 99)))


def hear(wires: Wires, dpid: int, port_no: int, data: bytes) -> tuple[Outgoing, ...]:
    frame = frames.decode(data)
    assert frame is not None
    return wires.discovery.host_frame(PacketIn(dpid, port_no, data), frame, wires.now)


HOST = b"\0\0\0\0\0\x01"
IP = bytes((10, 0, 0, 1))


def test_hosts_are_learned_at_edge_ports_only(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(0.1)
    hear(wires, B, 1, arp(HOST, IP))
    assert wires.discovery.locate(HOST) is None
    hear(wires, A, 3, arp(HOST, IP))
    wires.discovery.take_changes()
    host = wires.discovery.view().hosts[HOST]
    assert (host.ips, host.location) == (("10.0.0.1",), PortRef(A, 3))


def test_a_host_whose_old_place_is_silent_has_moved(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(0.1)
    hear(wires, A, 3, arp(HOST, IP))
    asked = hear(wires, C, 3, arp(HOST, IP))
    assert [sent.dpid for sent in asked] == [A]
    assert wires.discovery.locate(HOST) == PortRef(A, 3)
    wires.run(1.2)
    assert wires.discovery.locate(HOST) == PortRef(C, 3)


def test_a_host_that_answers_at_its_old_place_keeps_it(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(0.1)
    hear(wires, A, 3, arp(HOST, IP))
    hear(wires, C, 3, arp(HOST, IP))
    hear(wires, A, 3, arp(HOST, IP, reply=True))
    kinds = {change.kind for change in wires.discovery.take_changes()}
    assert "alarm_spoofed_host" in kinds
    wires.run(3.0)
    assert wires.discovery.locate(HOST) == PortRef(A, 3)


def test_a_host_whose_old_port_is_down_moves_at_once(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(0.1)
    hear(wires, A, 3, arp(HOST, IP))
    wires.discovery.port_changed(A, 3, Port(3, "x", HOST, False), wires.now)
    assert hear(wires, C, 3, arp(HOST, IP)) == ()
    assert wires.discovery.locate(HOST) == PortRef(C, 3)


def test_an_address_stays_with_the_host_that_has_it(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(0.1)
    hear(wires, A, 3, arp(HOST, IP))
    thief = b"\0\0\0\0\0\x66"
    hear(wires, C, 3, arp(thief, IP))
    wires.discovery.take_changes()
    assert wires.discovery.view().hosts[thief].ips == ()


def test_a_port_that_turns_out_to_lead_to_a_switch_has_no_hosts(wires: Wires) -> None:
    wires.ready(A, B, C)
    hear(wires, A, 1, arp(HOST, IP))
    wires.run(0.1)
    assert wires.links < TRUTH, "held, while the host is asked"
    wires.run(1.1)
    assert wires.links == TRUTH
    assert wires.discovery.locate(HOST) is None


def test_a_flood_of_made_up_hosts_is_bounded(wires: Wires) -> None:
    wires.ready(A, B, C)
    wires.run(0.1)
    for number in range(5000):
        hear(wires, A, 3, arp(b"\0\1" + number.to_bytes(4, "big"), number.to_bytes(4, "big")))
    wires.discovery.take_changes()
    assert len(wires.discovery.view().hosts) == 2048
