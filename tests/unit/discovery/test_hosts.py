"""Where hosts are: learned at edges, moved with proof, and never stolen."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core import frames
from horizon_ryu.core.discovery.host_addresses import UNUSED
from horizon_ryu.core.discovery.hosts import PROBER, HostLimits
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.topology import Host, PortRef
from horizon_ryu.wire.messages import Output, PacketOut
from unit.discovery.heard_hosts import ALICE, BOB, EVE, address, asks, hear
from unit.discovery.small_network import SmallNetwork, port

A, B = 1, 2
HOME, AWAY = PortRef(A, 3), PortRef(B, 3)
LINK_AT_B = PortRef(B, 1)


@pytest.fixture
def network() -> SmallNetwork:
    made = SmallNetwork()
    made.segment((A, 1), (B, 1))
    made.join(A)
    made.join(B)
    made.run(0.5)
    made.kinds()
    return made


def hosts(network: SmallNetwork) -> dict[bytes, Host]:
    network.collect()
    return dict(network.core.view().hosts)


# ---- who is learned, and what of them


def test_a_host_is_learned_with_its_address(network: SmallNetwork) -> None:
    asks(network, HOME)
    assert hosts(network) == {ALICE: Host(ALICE, ("10.0.0.1",), HOME)}
    assert network.core.locate(ALICE) == HOME
    assert network.kinds() == ["host_add"]
    asks(network, HOME)
    assert network.kinds() == []


@pytest.mark.parametrize("mac", [bytes(6), b"\xff" * 6, b"\x01\x00\x5e\0\0\1", PROBER])
def test_some_addresses_are_no_hosts(network: SmallNetwork, mac: bytes) -> None:
    asks(network, HOME, mac)
    assert hosts(network) == {}


@pytest.mark.parametrize(
    "where", [LINK_AT_B, PortRef(A, 1), PortRef(A, 99), PortRef(9, 1), PortRef(A, 0xFFFE)]
)
def test_only_edge_ports_that_are_up_teach(network: SmallNetwork, where: PortRef) -> None:
    asks(network, where)
    assert hosts(network) == {}


def test_a_frame_on_a_link_moves_nobody(network: SmallNetwork) -> None:
    asks(network, HOME)
    assert asks(network, LINK_AT_B) == ()
    network.run(2.0)
    assert hosts(network)[ALICE].location == HOME


@pytest.mark.parametrize("claim", ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"])
def test_what_no_station_may_use_is_no_address(network: SmallNetwork, claim: str) -> None:
    packed = frames.address_from_text(claim)
    assert packed is not None
    hear(network, HOME, frames.build_arp_request(ALICE, packed, address(9)))
    assert hosts(network)[ALICE].ips == ()


def test_an_address_is_learned_from_arp_only(network: SmallNetwork) -> None:
    """The source of a routed packet is not the router's address."""
    packet = bytes.fromhex("45000014000000004011") + bytes(2) + address(7) + address(8)
    hear(network, HOME, BOB + ALICE + b"\x08\x00" + packet)
    assert hosts(network)[ALICE].ips == ()
    other_sender = frames.build_arp_request(EVE, address(7), address(8))
    hear(network, HOME, other_sender[:6] + ALICE + other_sender[12:])
    assert hosts(network)[ALICE].ips == ()


def test_several_addresses_are_sorted_and_bounded() -> None:
    limits = DiscoveryLimits(hosts=HostLimits(addresses_per_host=3))
    network = SmallNetwork(limits=limits)
    network.join(A)
    for number in (5, 3, 4, 2, 1):
        asks(network, HOME, ip=number)
    assert hosts(network)[ALICE].ips == ("10.0.0.3", "10.0.0.4", "10.0.0.5")


def test_the_address_unused_for_longest_gives_way_to_a_new_one() -> None:
    """Temporary addresses of IPv6 come daily (RFC 8981), and none is ever given back."""
    network = SmallNetwork(limits=DiscoveryLimits(hosts=HostLimits(addresses_per_host=3, idle=0)))
    network.join(A)
    for number in (1, 2, 3):
        asks(network, HOME, ip=number)
    network.now += UNUSED / 2
    for number in (1, 2):
        asks(network, HOME, ip=number)
    network.now += UNUSED / 2 + 1
    for number in (4, 5):
        asks(network, HOME, ip=number)
    assert hosts(network)[ALICE].ips == ("10.0.0.1", "10.0.0.2", "10.0.0.4")
    asks(network, PortRef(A, 4), BOB, 3)
    assert hosts(network)[BOB].ips == ("10.0.0.3",), "given up"


@pytest.mark.parametrize("tag", [b"\x81\0\0\x64", b"\x88\xa8\0\x64"])
def test_an_address_behind_two_tags_is_one_of_another_network(
    network: SmallNetwork, tag: bytes
) -> None:
    inner = frames.build_arp_request(ALICE, address(1), address(9), 10)
    hear(network, HOME, inner[:12] + tag + inner[12:])
    [host] = hosts(network).values()
    assert (host.vlan, host.ips) == (100, ())


# ---- moves


def test_the_old_place_is_asked_for_every_address(network: SmallNetwork) -> None:
    asks(network, HOME, ip=1)
    asks(network, HOME, ip=2)
    questions = asks(network, AWAY)
    assert [sent.dpid for sent in questions] == [A, A]
    for sent, number in zip(questions, (1, 2), strict=True):
        assert isinstance(sent.message, PacketOut)
        assert sent.message.actions == (Output(HOME.port_no),)
        frame = frames.decode(sent.message.data)
        assert frame is not None
        asked = frames.decode_arp(sent.message.data, frame)
        assert asked is not None
        assert (frame.dst, frame.src, asked.tpa) == (ALICE, PROBER, address(number))


def test_silence_means_a_move_after_the_window_and_not_before(network: SmallNetwork) -> None:
    asks(network, HOME)
    asks(network, AWAY)
    network.run(0.9)
    assert network.core.locate(ALICE) == HOME
    network.run(0.2)
    assert network.core.locate(ALICE) == AWAY
    assert network.kinds() == ["host_add", "host_move"]


def test_an_answer_means_fraud(network: SmallNetwork) -> None:
    asks(network, HOME)
    asks(network, AWAY)
    hear(network, HOME, frames.build_arp_reply(ALICE, address(1), PROBER, bytes(4)))
    network.run(5.0)
    assert network.core.locate(ALICE) == HOME
    assert network.kinds() == ["host_add", "alarm_spoofed_host"]


def test_a_flood_of_stolen_frames_costs_one_question_a_window(network: SmallNetwork) -> None:
    asks(network, HOME)
    questions = 0
    for _ in range(2000):
        questions += len(asks(network, AWAY))
        asks(network, HOME)
        network.run(0.005)
    assert questions <= 11
    assert Counter(network.kinds())["alarm_spoofed_host"] <= 11
    assert network.core.locate(ALICE) == HOME


@pytest.mark.parametrize("gone", ["down", "deleted", "left", "link"])
def test_no_question_where_nobody_can_answer(network: SmallNetwork, gone: str) -> None:
    asks(network, HOME)
    if gone == "down":
        network.core.port_changed(A, 3, port(3, up=False), network.now)
    elif gone == "deleted":
        network.core.port_changed(A, 3, None, network.now)
    elif gone == "left":
        network.core.switch_left(A, network.now)
    else:
        network.segment((A, 3), (B, 4))
        network.run(1.5)
    assert asks(network, AWAY) == ()
    assert network.core.locate(ALICE) == AWAY


@pytest.mark.parametrize("gone", ["down", "deleted", "left", "link"])
def test_nobody_moves_to_a_place_that_is_gone(network: SmallNetwork, gone: str) -> None:
    asks(network, HOME)
    asks(network, AWAY)
    if gone == "down":
        network.core.port_changed(B, 3, port(3, up=False), network.now)
    elif gone == "deleted":
        network.core.port_changed(B, 3, None, network.now)
    elif gone == "left":
        network.core.switch_left(B, network.now)
    else:
        network.segment((B, 3), (A, 4))
    network.run(3.0)
    assert network.core.locate(ALICE) == HOME


def test_a_host_goes_with_its_port_and_its_switch(network: SmallNetwork) -> None:
    asks(network, HOME)
    asks(network, PortRef(A, 4), BOB, 2)
    network.core.port_changed(A, 3, None, network.now)
    assert set(hosts(network)) == {BOB}
    network.core.switch_left(A, network.now)
    assert hosts(network) == {}
    assert network.kinds().count("host_delete") == 2


def test_a_quick_flap_forgets_nobody(network: SmallNetwork) -> None:
    """Port Amnesia: a port that goes down and up is the same port."""
    asks(network, HOME)
    network.core.port_changed(A, 3, port(3, up=False), network.now)
    network.core.port_changed(A, 3, port(3), network.now)
    assert len(asks(network, AWAY)) == 1
    assert network.core.locate(ALICE) == HOME


def test_a_port_that_leads_to_a_switch_raises_an_alarm(network: SmallNetwork) -> None:
    asks(network, HOME)
    network.segment((A, 3), (B, 4))
    network.run(0.2)
    assert hosts(network) != {}, "asked first"
    network.run(1.3)
    assert hosts(network) == {}
    assert "alarm_port_role" in network.kinds()


# ---- addresses


def test_an_address_is_not_stolen(network: SmallNetwork) -> None:
    asks(network, HOME, ALICE, 1)
    asks(network, AWAY, EVE, 1)
    assert hosts(network)[EVE].ips == ()
    assert hosts(network)[ALICE].ips == ("10.0.0.1",)


def test_an_address_whose_owner_is_down_can_be_had(network: SmallNetwork) -> None:
    asks(network, HOME, ALICE, 1)
    network.core.port_changed(A, 3, port(3, up=False), network.now)
    network.kinds()
    asks(network, AWAY, BOB, 1)
    assert hosts(network)[BOB].ips == ("10.0.0.1",)
    assert hosts(network)[ALICE].ips == ()
    assert network.kinds() == ["host_modify", "host_add"]


def test_an_address_is_free_when_its_owner_is_gone(network: SmallNetwork) -> None:
    asks(network, HOME, ALICE, 1)
    network.core.port_changed(A, 3, None, network.now)
    asks(network, AWAY, BOB, 1)
    assert hosts(network)[BOB].ips == ("10.0.0.1",)


# ---- bounds, and everything at once


def test_one_port_cannot_fill_the_table() -> None:
    limits = DiscoveryLimits(hosts=HostLimits(hosts=20, hosts_per_port=8))
    network = SmallNetwork(limits=limits)
    network.join(A)
    for number in range(1, 200):
        asks(network, HOME, bytes((0x0A, 0, 0, 1, 0, number)), number)
    asks(network, PortRef(A, 4), BOB, 250)
    found = Counter(host.location for host in hosts(network).values())
    assert found == {HOME: 8, PortRef(A, 4): 1}
    for number in range(1, 200):
        asks(network, PortRef(A, 1 + number % 4), bytes((0x0A, 0, 0, 2, 0, number)), number)
    assert len(hosts(network)) == 20


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("frame"), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
        st.tuples(st.just("down"), st.integers(1, 2), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("up"), st.integers(1, 2), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("delete"), st.integers(1, 2), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("leave"), st.integers(1, 2), st.just(0), st.just(0)),
        st.tuples(st.just("join"), st.integers(1, 2), st.just(0), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 12), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@given(EVENTS)
@settings(max_examples=examples(60, 150))
def test_whatever_happens_hosts_stand_at_edges_and_addresses_are_theirs_alone(
    events: list[tuple[str, int, int, int]],
) -> None:
    network = SmallNetwork(limits=DiscoveryLimits(hosts=HostLimits(3, 2, 2, 0.3)))
    network.segment((A, 1), (B, 1))
    network.join(A)
    network.join(B)
    for what, first, second, third in events:
        if what == "frame":
            for dpid in (A, B):
                mac = bytes((0x0A, 0, 0, 0, 0, first))
                asks(network, PortRef(dpid, second), mac, third)
        elif what in ("down", "up"):
            network.core.port_changed(first, second, port(second, what == "up"), network.now)
        elif what == "delete":
            network.core.port_changed(first, second, None, network.now)
        elif what == "leave":
            network.core.switch_left(first, network.now)
        elif what == "join":
            network.join(first)
        else:
            network.run(first / 10)
        judge(network)


def judge(network: SmallNetwork) -> None:
    found = hosts(network)
    view = network.core.view()
    ends = {end for link in view.links.values() for end in link}
    owners = Counter(ip for host in found.values() for ip in host.ips)
    assert len(found) <= 3
    assert max(Counter(host.location for host in found.values()).values(), default=0) <= 2
    assert max(owners.values(), default=0) <= 1
    for host in found.values():
        assert host.location.port_no in view.switches[host.location.dpid].ports
        assert host.location not in ends
        assert len(host.ips) <= 2
