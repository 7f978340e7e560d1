"""Trunks of others that pass single VLANs in a simulated network: nothing goes round in any."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core import frames
from horizon_ryu.core.discovery.lldp import is_lldp
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import FlowEntry
from simulator.full_controller import FullController
from simulator.network import HostRelay, Network, Station, random_graph
from unit.simulated.heard_broadcasts import stations_hear_once
from virtual_switch.network import vlan_of

OPENFLOW_10, OPENFLOW_13 = 1, 4
VLAN, OTHER = 10, 20
VERSIONS = [OPENFLOW_10, OPENFLOW_13]


NOBODY = bytes.fromhex("0a000000ffff")


def says(host: Station, vlan: int | None) -> bytes:
    """A frame of a host for a station that nobody knows, which the controller is shown."""
    return frames.build_arp_reply(host.mac, b"\x0a\0\0\x09", NOBODY, b"\x0a\0\0\x08", vlan)


def ready(network: Network) -> FullController:
    controller = FullController(network)
    for dpid in network.switches:
        network.connect(dpid, controller)
    for _ in range(40):
        network.broadcast(network.hosts[0])
        network.clock.run(0.1)
    return controller


def in_use(network: Network, *vlans: int) -> None:
    """Have a host be heard in VLANs, whatever goes round until these are looked at."""
    network.watched = False
    for vlan in vlans:
        network.broadcast(network.hosts[0], NOBODY, vlan)
    network.clock.run(5.0)
    network.watched, network.hop_limit = True, 1


def everybody_hears_once(
    network: Network, vlan: int | None, bridges: list[list[PortRef]] | None = None
) -> None:
    """One broadcast of each host reaches every other one once, and so do those on ``bridges``."""
    bridges = bridges or []
    stations = [*network.hosts, *(network.bridged_hosts[ends[0]] for ends in bridges)]
    stations_hear_once(network, stations, bridges, vlan)


def entries(network: Network) -> list[FlowEntry]:
    """The entries of all switches that are about VLANs."""
    found: list[FlowEntry] = []
    for channel in network.channels.values():
        channel.read(lambda entries, _group: found.extend(entries))
    network.clock.run(0.5)
    return [entry for entry in found if entry.match.dl_vlan is not None]


def two_switches(openflow: int, *vlans: int | None) -> tuple[Network, list[PortRef]]:
    """Two switches, a cable, and a trunk of others that passes ``vlans``."""
    network = Network(1)
    for dpid in (1, 2):
        network.add_switch(dpid, openflow)
        network.add_host(dpid)
    network.add_cable(1, 2)
    return network, network.add_trunk(vlans, 1, 2)


@pytest.mark.parametrize("openflow", VERSIONS)
def test_a_vlan_that_a_trunk_passes_beside_a_cable_is_closed_at_one_port(openflow: int) -> None:
    network, ends = two_switches(openflow, VLAN)
    controller = ready(network)
    assert entries(network) == []
    in_use(network, VLAN, OTHER)
    forest = controller.tree.forest()
    assert forest.vlan_blocked == {VLAN: {ends[1]}}
    assert forest.blocked == set()
    assert controller.tree.settled()
    for vlan in (None, VLAN, OTHER):
        everybody_hears_once(network, vlan, [ends] if vlan == VLAN else [])
    assert {entry.match.dl_vlan for entry in entries(network)} == {VLAN}


@pytest.mark.parametrize("openflow", VERSIONS)
def test_what_goes_round_before_ends_within_moments_of_the_first_frame(openflow: int) -> None:
    network, _ends = two_switches(openflow, VLAN)
    ready(network)
    network.watched, network.hop_limit = False, 100_000
    network.broadcast(network.hosts[0], vlan=VLAN)
    network.send(network.hosts[0], says(network.hosts[0], VLAN))
    network.clock.run(1.0)
    assert sum(network.passes.values()) > 50
    before = sum(network.passes.values())
    network.clock.run(3.0)
    assert sum(network.passes.values()) == before


@pytest.mark.parametrize("openflow", VERSIONS)
def test_a_switch_that_is_plugged_in_twice_has_one_port_open_in_the_vlan(openflow: int) -> None:
    network = Network(2)
    network.add_switch(1, openflow)
    network.add_host(1)
    network.add_host(1)
    ends = network.add_trunk([VLAN], 1, 1, 1)
    controller = ready(network)
    in_use(network, VLAN)
    assert controller.tree.forest().vlan_blocked == {VLAN: set(ends[1:])}
    everybody_hears_once(network, VLAN, [ends])
    everybody_hears_once(network, None)


@pytest.mark.parametrize("openflow", VERSIONS)
def test_a_trunk_that_alone_joins_switches_stays_open_at_each(openflow: int) -> None:
    network = Network(3)
    for dpid in (1, 2):
        network.add_switch(dpid, openflow)
        network.add_host(dpid)
    ends = network.add_trunk([VLAN], 1, 2)
    controller = ready(network)
    in_use(network, VLAN)
    assert controller.tree.forest().vlan_blocked == {}
    assert entries(network) == []
    everybody_hears_once(network, VLAN, [ends])


@pytest.mark.parametrize("openflow", VERSIONS)
def test_a_bridge_that_passes_vlans_too_needs_no_entries_for_them(openflow: int) -> None:
    network, ends = two_switches(openflow, None, VLAN)
    controller = ready(network)
    in_use(network, VLAN)
    assert controller.tree.forest().blocked == {ends[1]}
    assert controller.tree.forest().vlan_blocked == {}
    assert entries(network) == []
    everybody_hears_once(network, VLAN, [ends])
    everybody_hears_once(network, None, [ends])


@pytest.mark.parametrize("openflow", VERSIONS)
def test_the_vlan_takes_the_trunk_while_the_cable_is_away(openflow: int) -> None:
    network, ends = two_switches(openflow, VLAN)
    cable = network.cables[0]
    controller = ready(network)
    in_use(network, VLAN)
    network.unplug(cable)
    network.clock.run(1.0)
    assert controller.tree.forest().vlan_blocked == {}
    everybody_hears_once(network, VLAN, [ends])
    network.plug(cable)
    for _ in range(50):
        network.broadcast(network.hosts[0], vlan=VLAN)
        network.clock.run(0.1)
    everybody_hears_once(network, VLAN, [ends])
    everybody_hears_once(network, None)


@pytest.mark.parametrize("openflow", VERSIONS)
def test_a_trunk_that_is_gone_leaves_nothing_behind(openflow: int) -> None:
    network, ends = two_switches(openflow, VLAN)
    controller = ready(network)
    in_use(network, VLAN)
    network.part_bridges(ends, ends[1:])
    network.clock.run(30.0)
    assert controller.view.vlan_segments == ()
    assert entries(network) == []


@pytest.mark.parametrize("openflow", VERSIONS)
def test_a_switch_that_loses_its_controller_at_a_trunk_makes_no_storm(openflow: int) -> None:
    for lost in (1, 2):
        network, ends = two_switches(openflow, VLAN)
        controller = ready(network)
        in_use(network, VLAN)
        network.channels[lost].lose(0.1)
        for _ in range(30):
            network.broadcast(network.hosts[0], vlan=VLAN)
            network.clock.run(0.1)
        network.connect(lost, controller)
        for _ in range(60):
            network.broadcast(network.hosts[1], vlan=VLAN)
            network.clock.run(0.1)
        everybody_hears_once(network, VLAN, [ends])


@pytest.mark.parametrize("openflow", VERSIONS)
def test_a_new_controller_takes_over_what_is_closed_in_a_vlan(openflow: int) -> None:
    network, ends = two_switches(openflow, VLAN)
    controller = ready(network)
    in_use(network, VLAN)
    memory = controller.tree.memory()
    controller.stop()
    for dpid in network.switches:
        network.channels[dpid].lose(0.0)
    network.clock.run(1.0)
    another = FullController(network, generation=2, memory=memory)
    for dpid in network.switches:
        network.connect(dpid, another)
    for _ in range(100):
        network.broadcast(network.hosts[0], vlan=VLAN)
        network.clock.run(0.1)
    assert another.tree.forest().vlan_blocked == {VLAN: {ends[1]}}
    everybody_hears_once(network, VLAN, [ends])
    everybody_hears_once(network, None)


@given(
    st.integers(0, 2**32),
    st.integers(1, 6),
    st.integers(1, 4),
    st.sampled_from([(OPENFLOW_10,), (OPENFLOW_13,), (OPENFLOW_10, OPENFLOW_13)]),
)
@settings(max_examples=examples(10, 25), derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_trunks_in_any_network_make_no_storm(
    seed: int, size: int, trunks: int, versions: tuple[int, ...]
) -> None:
    network, chance = Network(seed), random.Random(seed)
    network.hop_limit = 1
    random_graph(network, chance, size, 2, versions)
    choices: list[list[int | None]] = [[VLAN], [OTHER], [VLAN, OTHER], [None, VLAN], [None]]
    ends = []
    for _ in range(trunks):
        vlans = chance.choice(choices)
        dpids = [chance.randint(1, size) for _ in range(chance.randint(2, 4))]
        ends.append((vlans, network.add_trunk(vlans, *dpids)))
    ready(network)
    in_use(network, VLAN, OTHER)
    network.clock.run(5.0)
    for vlan in (None, VLAN, OTHER):
        everybody_hears_once(network, vlan, [refs for vlans, refs in ends if vlan in vlans])
    for cable in chance.sample(network.cables, min(2, len(network.cables))):
        network.unplug(cable)
        network.clock.run(chance.uniform(0.5, 3.0))
        network.plug(cable)
        for _ in range(40):
            network.broadcast(network.hosts[0], vlan=chance.choice((None, VLAN, OTHER)))
            network.clock.run(0.1)
    for vlan in (None, VLAN, OTHER):
        everybody_hears_once(network, vlan, [refs for vlans, refs in ends if vlan in vlans])


def in_vlan(data: bytes) -> bool:
    return vlan_of(data) == VLAN


def is_tagged_probe(data: bytes) -> bool:
    return in_vlan(data) and is_lldp(data)


def with_relay(openflow: int) -> tuple[Network, HostRelay, FullController]:
    """Two switches with a cable, and two hosts of the VLAN that relay nothing yet."""
    network = Network(5)
    for dpid in (1, 2):
        network.add_switch(dpid, openflow)
        network.add_host(dpid)
    network.add_cable(1, 2)
    relay = network.add_relay(1, 2)
    controller = ready(network)
    network.greet(relay, VLAN)
    network.clock.run(2.0)
    return network, relay, controller


@pytest.mark.parametrize("openflow", VERSIONS)
def test_who_relays_tagged_probes_alone_cuts_nobody_off(openflow: int) -> None:
    network, relay, controller = with_relay(openflow)
    relay.passes = is_tagged_probe
    network.clock.run(20.0)
    assert controller.tree.forest().vlan_blocked == {}
    assert [one.state for one in controller.view.held] == ["relayed"]
    everybody_hears_once(network, VLAN)


@pytest.mark.parametrize("openflow", VERSIONS)
def test_who_relays_all_of_a_vlan_is_a_segment_of_it_until_he_stops(openflow: int) -> None:
    network, relay, controller = with_relay(openflow)
    network.watched = False
    relay.passes = in_vlan
    network.clock.run(5.0)
    network.watched, network.hop_limit = True, 1
    (closed,) = controller.tree.forest().vlan_blocked[VLAN]
    assert closed in {host.location for host in relay.hosts}
    honest = [host for host in network.hosts if host not in relay.hosts]
    for vlan in (VLAN, None):
        for sender in honest:
            number = network.broadcast(sender, vlan=vlan)
            network.clock.run(0.3)
            assert [host.heard[number] for host in honest if host is not sender] == [1]
    relay.passes = lambda _data: False
    network.clock.run(60.0)
    assert controller.tree.forest().vlan_blocked == {}
    everybody_hears_once(network, VLAN)


@given(st.integers(0, 2**32), st.integers(2, 5), st.sampled_from([(1,), (4,), (1, 4)]))
@settings(max_examples=examples(10, 25), derandomize=True, suppress_health_check=list(HealthCheck))
def test_switches_that_lose_their_controller_at_trunks_make_no_lasting_storm(
    seed: int, size: int, versions: tuple[int, ...]
) -> None:
    network, chance = Network(seed), random.Random(seed)
    network.hop_limit = 1
    random_graph(network, chance, size, 2, versions)
    ends = [
        network.add_trunk([VLAN], *(chance.randint(1, size) for _ in range(chance.randint(2, 4))))
        for _ in range(2)
    ]
    controller = ready(network)
    in_use(network, VLAN)
    network.clock.run(5.0)
    lost = chance.sample(range(1, size + 1), chance.randint(1, size - 1))
    for dpid in lost:
        network.channels[dpid].lose(chance.uniform(0, 0.8))
        broadcasts(network, chance, 20)
    for dpid in lost:
        network.connect(dpid, controller)
        broadcasts(network, chance, 20)
    broadcasts(network, chance, 60)
    everybody_hears_once(network, VLAN, ends)
    everybody_hears_once(network, None)


def broadcasts(network: Network, chance: random.Random, turns: int) -> None:
    """Have some host send every 0.1 s, in the VLAN or without a tag; nothing may go round."""
    for _ in range(turns):
        network.broadcast(chance.choice(network.hosts), vlan=chance.choice((None, VLAN)))
        network.clock.run(0.1)
