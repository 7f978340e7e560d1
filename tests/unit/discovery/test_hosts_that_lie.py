"""Hosts that lie, fall silent, or are too many; and what operators say of them."""

from __future__ import annotations

import pytest

from horizon_ryu.core import frames
from horizon_ryu.core.discovery.hosts import PROBER, HostLimits
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.errors import Conflict, NotFound
from horizon_ryu.core.topology import Host, PortRef, TopologyChange
from horizon_ryu.wire.messages import Outgoing, PacketOut
from unit.discovery.heard_hosts import ALICE, BOB, EVE, address, asks, hear
from unit.discovery.small_network import SmallNetwork, port

A, B, C = 1, 2, 3
HOME, AWAY = PortRef(A, 3), PortRef(B, 3)


@pytest.fixture
def network() -> SmallNetwork:
    made = SmallNetwork()
    made.join(A)
    made.join(B)
    made.run(0.5)
    made.kinds()
    return made


def says(network: SmallNetwork, ref: PortRef, mac: bytes = ALICE) -> tuple[Outgoing, ...]:
    """A frame that tells no address."""
    return hear(network, ref, frames.BROADCAST + mac + b"\x88\xb5" + bytes(46))


def changes(network: SmallNetwork) -> list[TopologyChange]:
    network.collect()
    told, network.changes = network.changes, []
    return told


def wait(network: SmallNetwork, seconds: float) -> list[Outgoing]:
    """Let time pass; return what was sent to single stations."""
    sent: list[Outgoing] = []
    end = network.now + seconds
    while network.now < end:
        messages = network.core.tick(network.now)
        network.send(messages)
        sent += [one for one in messages if not frames.is_multicast(data_of(one))]
        network.collect()
        network.now = min(end, max(network.now + 0.001, network.core.next_due(network.now)))
    return sent


def data_of(sent: Outgoing) -> bytes:
    assert isinstance(sent.message, PacketOut)
    return sent.message.data


# ---- moves that nothing proves


def test_one_spoofed_frame_moves_nobody_whose_address_is_not_known(network: SmallNetwork) -> None:
    says(network, HOME)
    questions = says(network, AWAY)
    wait(network, 60.0)
    assert network.core.locate(ALICE) == HOME
    assert [(one.dpid, data_of(one)[:12]) for one in questions] == [(A, ALICE + PROBER)]


def test_who_answers_at_the_old_place_keeps_it_and_the_alarm_names_both_ports(
    network: SmallNetwork,
) -> None:
    says(network, HOME)
    says(network, AWAY)
    says(network, HOME)
    for _ in range(20):
        wait(network, 1.0)
        says(network, AWAY)
    assert network.core.locate(ALICE) == HOME
    alarms = [one for one in changes(network) if one.kind == "alarm_spoofed_host"]
    assert [(one.subject.location, one.port) for one in alarms] == [(HOME, AWAY)]


def test_who_shows_again_while_the_old_place_is_silent_has_moved_and_that_is_told(
    network: SmallNetwork,
) -> None:
    says(network, HOME)
    says(network, AWAY)
    wait(network, 0.5)
    says(network, AWAY)
    assert network.core.locate(ALICE) == HOME, "not within the window"
    wait(network, 4.0)
    says(network, AWAY)
    assert network.core.locate(ALICE) == AWAY
    told = changes(network)
    assert [one.kind for one in told] == ["host_add", "host_move", "alarm_unproven_move"]
    assert told[-1].port == HOME


def test_a_frame_an_hour_ago_is_no_beginning_of_a_move(network: SmallNetwork) -> None:
    asks(network, HOME, BOB, 2)
    says(network, HOME)
    says(network, AWAY)
    wait(network, 100.0)
    says(network, AWAY)
    assert network.core.locate(ALICE) == HOME


# ---- addresses


def test_an_address_that_is_defended_raises_an_alarm_that_names_the_liars_port(
    network: SmallNetwork,
) -> None:
    asks(network, HOME)
    asks(network, AWAY, EVE, 1)
    hear(network, HOME, frames.build_arp_reply(ALICE, address(1), PROBER, bytes(4)))
    alarm = changes(network)[-1]
    assert alarm.kind == "alarm_spoofed_address"
    assert (alarm.subject.mac, alarm.port) == (ALICE, AWAY)


# ---- age


def test_a_silent_host_is_asked_and_goes(network: SmallNetwork) -> None:
    asks(network, HOME)
    assert wait(network, 299.0) == []
    questions = wait(network, 10.0)
    assert [data_of(one)[:12] for one in questions] == [ALICE + PROBER] * 3
    assert network.core.locate(ALICE) is None
    assert changes(network)[-1].kind == "host_delete"
    asks(network, AWAY)
    assert network.core.locate(ALICE) == AWAY, "whoever comes back may be anywhere"


def test_a_host_that_answers_stays(network: SmallNetwork) -> None:
    asks(network, HOME)
    for _ in range(10):
        if wait(network, 60.0):
            hear(network, HOME, frames.build_arp_reply(ALICE, address(1), PROBER, bytes(4)))
    assert network.core.locate(ALICE) == HOME


def test_an_address_is_free_when_its_silent_owner_is_gone(network: SmallNetwork) -> None:
    asks(network, HOME, EVE, 1)
    wait(network, 310.0)
    asks(network, AWAY, ALICE, 1)
    network.collect()
    assert network.core.view().hosts[ALICE].ips == ("10.0.0.1",)


def test_age_can_be_switched_off() -> None:
    network = SmallNetwork(limits=DiscoveryLimits(hosts=HostLimits(idle=0.0)))
    network.join(A)
    asks(network, HOME)
    assert wait(network, 1000.0) == []
    assert network.core.locate(ALICE) == HOME


# ---- room


def test_invented_stations_on_one_switch_keep_no_honest_one_from_being_learned() -> None:
    network = SmallNetwork()
    network.join(A, range(1, 41))
    network.join(B)
    network.run(0.2)
    network.kinds()
    for number in range(65_536):
        invented = (0x0A0001000000 + number).to_bytes(6, "big")
        says(network, PortRef(A, 1 + number % 40), invented)
    asks(network, AWAY, ALICE, 1)
    assert network.core.locate(ALICE) == AWAY
    assert len(network.core.hosts.hosts) == 8_193
    told = changes(network)
    ports = {one.subject for one in told if one.kind == "alarm_too_many_hosts"}
    assert ports
    assert all(isinstance(ref, PortRef) and ref.dpid == A for ref in ports)
    assert network.core.hosts.refused["switch"] == 65_536 - 8_192


# ---- what operators say


PINNED = Host(ALICE, ("10.0.0.1",), HOME)


def test_a_pinned_host_is_there_unheard_and_never_moves(network: SmallNetwork) -> None:
    network.core.pin_host(PINNED)
    assert network.core.locate(ALICE) == HOME
    for _ in range(10):
        asks(network, AWAY)
        wait(network, 5.0)
    assert network.core.locate(ALICE) == HOME
    alarms = [one for one in changes(network) if one.kind == "alarm_spoofed_host"]
    assert len(alarms) == 10
    assert {one.port for one in alarms} == {AWAY}
    assert wait(network, 1000.0) == []
    assert network.core.locate(ALICE) == HOME


def test_a_pinned_address_is_nobody_elses(network: SmallNetwork) -> None:
    asks(network, AWAY, EVE, 1)
    network.core.pin_host(PINNED)
    network.collect()
    assert network.core.view().hosts[EVE].ips == ()
    asks(network, AWAY, EVE, 1)
    wait(network, 5.0)
    view = network.core.view()
    assert (view.hosts[ALICE].ips, view.hosts[EVE].ips) == (("10.0.0.1",), ())
    assert changes(network)[-1].kind == "alarm_spoofed_address"


def test_a_pinned_host_comes_and_goes_with_its_port(network: SmallNetwork) -> None:
    network.core.pin_host(PINNED)
    network.core.port_changed(A, 3, None, network.now)
    assert network.core.locate(ALICE) is None
    asks(network, AWAY)
    assert network.core.locate(ALICE) is None, "not elsewhere either"
    network.core.port_changed(A, 3, port(3), network.now)
    assert network.core.locate(ALICE) == HOME
    network.core.switch_left(A, network.now)
    network.join(A)
    assert network.core.locate(ALICE) == HOME


def test_an_unpinned_host_moves_and_ages_again(network: SmallNetwork) -> None:
    network.core.pin_host(PINNED)
    network.core.unpin_host(ALICE, network.now)
    asks(network, AWAY)
    wait(network, 2.0)
    assert network.core.locate(ALICE) == AWAY
    wait(network, 310.0)
    assert network.core.locate(ALICE) is None
    with pytest.raises(NotFound):
        network.core.unpin_host(ALICE, network.now)


def test_a_host_can_be_forgotten_unless_it_is_pinned(network: SmallNetwork) -> None:
    asks(network, HOME)
    network.core.forget_host(ALICE)
    assert network.core.locate(ALICE) is None
    with pytest.raises(NotFound):
        network.core.forget_host(ALICE)
    asks(network, AWAY)
    assert network.core.locate(ALICE) == AWAY
    network.core.pin_host(PINNED)
    with pytest.raises(Conflict):
        network.core.forget_host(ALICE)
