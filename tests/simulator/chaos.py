"""Random misfortunes for a simulated network, all drawn from one seed.

What no controller could survive is left out: a cable that was cut so that nobody noticed comes
back with a change of carrier once the hold time may be over (both ends may lead to hosts by
then), nobody plugs cables into a switch that no controller speaks to, and no switch is lost
before cables just plugged in can have been found.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from horizon_ryu.core.spanning_tree.lost_switches import TreeMemory
from simulator.controller import Controller
from simulator.network import Cable, Network

FINDING_TIME = 2.0
"""Within so many seconds, LLDP finds a new cable, losses included."""


class Chaos:
    """Does random harm to ``network``, and can make all of it good.

    ``start`` makes a controller of the given generation, with what the former one knew.
    """

    def __init__(
        self,
        network: Network,
        chance: random.Random,
        start: Callable[[int, TreeMemory | None], Controller],
    ) -> None:
        self.log: list[str] = []
        self._network = network
        self._chance = chance
        self._start = start
        self._generation = 1
        self.controller = start(1, None)
        self._deaf_since: dict[int, float] = {}
        self._away: set[int] = set()

    # ---- harm

    def strike(self) -> None:
        """Do one random thing."""
        chance = self._chance
        action = chance.choices(
            (
                self.cut,
                self.restore,
                self.deafen,
                self.hear,
                self.lose,
                self.regain,
                self.stall,
                self.restart_switch,
                self.restart_controller,
            ),
            weights=(5, 5, 2, 2, 4, 4, 1, 2, 1),
        )[0]
        action()

    def cut(self) -> None:
        """Unplug a cable."""
        cable = self._pick(lambda cable: cable.plugged)
        if cable is not None:
            self._note("cut", cable.ends)
            self._network.unplug(cable)

    def restore(self) -> None:
        """Plug a cable in again, at switches under control."""
        cable = self._pick(lambda cable: not cable.plugged and self._is_controlled(cable))
        if cable is not None:
            self._note("restore", cable.ends)
            self._network.plug(cable)

    def deafen(self) -> None:
        """Lose everything on a cable in one or both directions; nobody notices."""
        cable = self._pick(lambda cable: not any(way.deaf for way in cable.ways))
        if cable is not None:
            ways = self._chance.choice((cable.ways, cable.ways[:1], cable.ways[1:]))
            self._note("deafen", [way.src for way in ways])
            self._deaf_since[id(cable)] = self._network.clock.now
            for way in ways:
                way.deaf = True

    def hear(self) -> None:
        """Mend a cable that lost everything."""
        cable = self._pick(lambda cable: any(way.deaf for way in cable.ways))
        if cable is not None and self._is_controlled(cable):
            self._mend(cable)

    def lose(self) -> None:
        """Lose a control connection; the controller notices after a while."""
        dpid = self._pick_switch()
        if dpid is None:
            return
        self._note("lose", dpid)
        self._away.add(dpid)
        self._network.channels[dpid].lose(self._chance.uniform(0, 0.8))

    def regain(self) -> None:
        """Let a switch connect again."""
        if self._away:
            dpid = self._chance.choice(sorted(self._away))
            self._note("regain", dpid)
            self._away.discard(dpid)
            self._network.connect(dpid, self.controller)

    def stall(self) -> None:
        """Let nothing through on a control connection; its end is noticed by deadlines only."""
        dpid = self._pick_switch()
        if dpid is not None and self._network.switches[dpid].connected:
            channel = self._network.channels[dpid]
            self._note("stall", dpid)
            channel.stalled = True
            self._away.add(dpid)
            self._network.clock.after(3.0, lambda: channel.lose() if channel.stalled else None)

    def restart_switch(self) -> None:
        """Switch a pure switch off and on: neighbours see their ports go down and up."""
        dpid = self._pick_switch()
        if dpid is None or self._network.switches[dpid].hybrid:
            return
        self._note("restart", dpid)
        cables = [
            cable
            for cable in self._network.cables
            if cable.plugged and dpid in (cable.one.dpid, cable.other.dpid)
        ]
        self._away.discard(dpid)
        self._network.channels[dpid].lose()
        for cable in cables:
            self._network.unplug(cable)
        self._network.switches[dpid].restart()

        def boot() -> None:
            for cable in cables:
                other = cable.one if cable.other.dpid == dpid else cable.other
                if self._speaks(other.dpid):
                    self._network.plug(cable)
            self._network.connect(dpid, self.controller)

        self._network.clock.after(self._chance.uniform(0.2, 3.0), boot)

    def restart_controller(self) -> None:
        """Kill the controller and start another; switches come back one by one."""
        self._note("restart controller", None)
        self.controller.stop()
        for channel in self._network.channels.values():
            channel.lose()
        self._generation += 1
        self.controller = self._start(self._generation, self.controller.tree.memory())
        self._away.clear()
        for dpid in self._network.switches:
            self._network.clock.after(
                self._chance.uniform(0, 1.0),
                partial(self._connect, dpid),
            )

    def _connect(self, dpid: int) -> None:
        self._network.connect(dpid, self.controller)

    # ---- repair

    def make_good(self) -> None:
        """Connect every switch and mend every cable that was not cut for everyone to see."""
        self._note("make good", None)
        for dpid, channel in self._network.channels.items():
            if channel.stalled:
                channel.lose()
            self._network.connect(dpid, self.controller)
        self._away.clear()
        for cable in self._network.cables:
            if len([way for way in cable.ways if way.deaf]) == 2:
                self._mend(cable)

    def _mend(self, cable: Cable) -> None:
        self._note("mend", cable.ends)
        both = all(way.deaf for way in cable.ways)
        for way in cable.ways:
            way.deaf = False
        silent = self._network.clock.now - self._deaf_since.pop(id(cable))
        if both and silent > 1.0 and cable.plugged:
            self._network.unplug(cable)
            self._network.clock.after(0.2, lambda: self._network.plug(cable))

    def _is_controlled(self, cable: Cable) -> bool:
        return all(self._speaks(end.dpid) for end in cable.ends)

    def _speaks(self, dpid: int) -> bool:
        return self._network.switches[dpid].connected and not self._network.channels[dpid].stalled

    def _pick(self, condition: Callable[[Cable], bool]) -> Cable | None:
        cables = [cable for cable in self._network.cables if condition(cable)]
        return self._chance.choice(cables) if cables else None

    def _pick_switch(self) -> int | None:
        """Choose a switch all of whose cables can have been found."""
        now = self._network.clock.now
        fresh = {
            end.dpid
            for cable in self._network.cables
            if now - cable.plugged_at < FINDING_TIME
            for end in cable.ends
        }
        dpids = sorted(self._network.switches.keys() - fresh)
        return self._chance.choice(dpids) if dpids else None

    def _note(self, what: str, where: object) -> None:
        self.log.append(f"{self._network.clock.now:9.4f} {what} {where}")
