"""Lost switches whose cables are all pulled out and plugged in again: they may forward still.

Their entries take every probe, to a controller that they do not have; only what they flood tells.
"""

from __future__ import annotations

import random
from functools import partial
from itertools import pairwise

import pytest

from horizon_ryu.core.discovery.limits import DiscoveryLimits
from simulator.full_controller import FullController
from simulator.network import Cable, Network, Station

HOLD = 2.0
VERSIONS = [(1, 1), (4, 4), (1, 4)]
IDS = ["of10", "of13", "mixed"]


class Ring:
    """Switches 8 and 9 by a cable that is closed, since ``away`` joins them too; a host at each."""

    def __init__(self, versions: tuple[int, int], away: tuple[int, ...] = (1,)) -> None:
        self.network = Network(7)
        self.network.hop_limit = 1
        ours, others = versions
        for dpid in (8, 9, *away):
            self.network.add_switch(dpid, others if dpid in away else ours)
        self.network.add_cable(8, 9)
        chain = [8, *away, 9]
        self.doors: list[Cable] = [
            cable
            for cable in [self.network.add_cable(*pair) for pair in pairwise(chain)]
            if not {cable.one.dpid, cable.other.dpid} <= {*away}
        ]
        for dpid in self.network.switches:
            self.network.add_host(dpid)
        self.away = away
        self.controller = FullController(self.network, 1, HOLD)
        for dpid in self.network.switches:
            self.network.connect(dpid, self.controller)
        self.network.clock.run(8.0)

    def lose(self, noticed_after: float = 0.1) -> None:
        for dpid in self.away:
            self.network.channels[dpid].lose(noticed_after)
        self.network.clock.run(noticed_after + 0.1)

    def pull(self) -> None:
        for cable in self.doors:
            self.network.unplug(cable)
        self.network.clock.run(0.5)

    def plug(self) -> None:
        for cable in self.doors:
            self.network.plug(cable)

    def restart_controller(self) -> None:
        memory = self.controller.tree.memory()
        self.controller.stop()
        for channel in self.network.channels.values():
            channel.lose()
        self.controller = FullController(self.network, 2, HOLD, memory=memory)
        for dpid in (8, 9):
            self.network.connect(dpid, self.controller)

    def under_traffic(self, seconds: float) -> None:
        """Have all hosts broadcast all the time; a frame that goes round is a StormError."""
        end = self.network.clock.now + seconds
        while self.network.clock.now < end:
            for host in self.network.hosts:
                self.network.broadcast(host)
            self.network.clock.run(0.1)

    def assert_all_hear_once(self) -> None:
        for sender in self.network.hosts:
            assert self._heard(sender) == [int(one is not sender) for one in self.network.hosts]

    def _heard(self, sender: Station) -> list[int]:
        number = self.network.broadcast(sender)
        self.network.clock.run(0.3)
        return [one.heard[number] for one in self.network.hosts]

    def come_back(self) -> None:
        for dpid in self.away:
            self.network.connect(dpid, self.controller)
        self.under_traffic(4 * HOLD)
        self.assert_all_hear_once()
        assert self.controller.view.segments == {}


@pytest.fixture(params=VERSIONS, ids=IDS)
def versions(request: pytest.FixtureRequest) -> tuple[int, int]:
    ours, others = request.param
    return ours, others


@pytest.mark.parametrize("away", [(1,), (1, 2)], ids=["one", "two"])
def test_lost_switch_that_is_plugged_in_again_makes_no_loop(
    versions: tuple[int, int], away: tuple[int, ...]
) -> None:
    ring = Ring(versions, away)
    ring.lose()
    ring.pull()
    ring.plug()
    ring.under_traffic(10 * HOLD)
    ring.assert_all_hear_once()
    ring.come_back()


def test_nor_does_one_that_fell_silent_before_it_was_lost(versions: tuple[int, int]) -> None:
    ring = Ring(versions)
    ring.network.channels[1].stalled = True
    ring.network.clock.run(5.0)
    ring.lose()
    ring.pull()
    ring.plug()
    ring.under_traffic(6 * HOLD)
    ring.come_back()


def test_nor_one_cable_at_a_time_however_much_later(versions: tuple[int, int]) -> None:
    ring = Ring(versions)
    ring.lose()
    ring.pull()
    for cable in ring.doors:
        ring.network.plug(cable)
        ring.under_traffic(5 * HOLD)
    ring.come_back()


def test_nor_one_that_a_restarted_controller_never_heard(versions: tuple[int, int]) -> None:
    ring = Ring(versions)
    ring.restart_controller()
    # Those that do not come back are forgotten after three hold times.
    ring.under_traffic(10 * HOLD)
    ring.pull()
    ring.plug()
    ring.under_traffic(5 * HOLD)
    ring.come_back()


def test_one_that_is_late_after_a_restart_is_no_segment(versions: tuple[int, int]) -> None:
    """What passes through it is known: a segment would close one of the ports that lead there."""
    ring = Ring(versions)
    ring.restart_controller()
    ring.under_traffic(HOLD)
    assert ring.controller.view.segments == {}
    ring.come_back()


def test_nor_one_whose_neighbours_connect_again(versions: tuple[int, int]) -> None:
    ring = Ring(versions)
    ring.lose()
    for dpid in (8, 9):
        ring.network.channels[dpid].lose()
    ring.network.clock.run(0.5)
    for dpid in (8, 9):
        ring.network.connect(dpid, ring.controller)
    ring.under_traffic(5 * HOLD)
    assert ring.controller.view.segments == {}
    ring.come_back()


def test_nor_one_that_was_plugged_in_while_its_neighbours_were_away(
    versions: tuple[int, int],
) -> None:
    ring = Ring(versions)
    ring.lose()
    ring.pull()
    for dpid in (8, 9):
        ring.network.channels[dpid].lose()
    ring.network.clock.run(0.5)
    ring.plug()
    for dpid in (8, 9):
        ring.network.connect(dpid, ring.controller)
    ring.under_traffic(5 * HOLD)
    assert ring.controller.view.segments
    ring.come_back()


def test_ports_that_lead_elsewhere_now_are_opened(versions: tuple[int, int]) -> None:
    ring = Ring(versions)
    ring.lose()
    ring.pull()
    # The switch was carried away: what is plugged in now is not it.
    ring.network.switches[1].restart()
    ring.plug()
    ring.network.clock.run(2 * HOLD)
    ports = [end for cable in ring.doors for end in cable.ends if end.dpid != 1]
    assert all(ref.port_no in ring.controller.tree.open_ports(ref.dpid) for ref in ports)


def test_random_rings_are_quiet() -> None:
    chance = random.Random(3)
    for _ in range(2):
        ring = Ring(chance.choice(VERSIONS), chance.choice([(1,), (1, 2), (1, 2, 3)]))
        ring.lose(chance.uniform(0.0, 1.0))
        ring.pull()
        for cable in ring.doors:
            ring.network.clock.after(chance.uniform(0.0, 6.0), partial(ring.network.plug, cable))
        ring.under_traffic(12.0)
        ring.come_back()


def test_nor_one_that_was_switched_off_before_a_restart(
    versions: tuple[int, int],
) -> None:
    ring = Ring(versions)
    ring.lose()
    ring.pull()
    ring.restart_controller()
    ring.under_traffic(10 * HOLD)
    ring.plug()
    ring.under_traffic(5 * HOLD)
    ring.come_back()


def test_no_port_is_opened_that_was_not_looked_at() -> None:
    """So few probes a second that most ports have had none when their hold time is over."""
    network = Network(5)
    network.hop_limit = 1
    for dpid in (1, 2):
        network.add_switch(dpid)
    for _ in range(24):
        network.add_cable(1, 2)
    hosts = [network.add_host(dpid) for dpid in (1, 2)]
    limits = DiscoveryLimits(total_rate=4.0, switch_rate=2.0, new_port_rate=4.0)
    controller = FullController(network, 1, HOLD, limits=limits)
    for dpid in (1, 2):
        network.connect(dpid, controller)
    for _ in range(30):
        network.clock.run(HOLD / 4)
        network.broadcast(hosts[0])
    assert controller.tree.forest().trees
