"""Load network: switches on sockets, the cables between them, and the loop that serves them.

Frames that the controller emits at a cabled port come back as packet-ins of the switch at the
other end, if they are LLDP; others are only counted.
"""

from __future__ import annotations

import selectors
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from virtual_switch.load import LoadSwitch

_LLDP = b"\x88\xcc"
End = tuple[int, int]
"""A port of a switch: (dpid, port number)."""


class LoadNetwork:
    """Switches, the cables between them, and the loop that moves their bytes."""

    def __init__(self, switches: Iterable[LoadSwitch], cables: Mapping[End, End]) -> None:
        """``cables`` maps each end to the other, in both directions."""
        self.switches = {switch.dpid: switch for switch in switches}
        self.cables = dict(cables)
        self.silent: set[End] = set()
        self.probes: Counter[End] = Counter()
        """LLDP frames that the controller emitted, by port."""
        self._selector = selectors.DefaultSelector()
        self._waiting: set[LoadSwitch] = set()
        self._slow: set[LoadSwitch] = set()

    def connect(self, address: tuple[str, int], deadline: float, loop_lldp: bool = True) -> None:
        """Connect every switch, serving those already connected meanwhile."""
        for switch in tuple(self.switches.values()):
            self.join(switch, address, deadline, loop_lldp)

    def join(
        self, switch: LoadSwitch, address: tuple[str, int], deadline: float, loop_lldp: bool = True
    ) -> None:
        """Connect a switch; it takes the place of one of its dpid, which must have left."""
        self.switches[switch.dpid] = switch
        switch.waiting = self._waiting
        if loop_lldp:
            switch.on_frame = self._frame_out
        switch.connect(address, deadline)
        if switch.socket is not None:
            self._selector.register(switch.socket, selectors.EVENT_READ, switch)
        self.step(0)

    def leave(self, dpid: int) -> None:
        """Close the connection of a switch, as one that loses its power."""
        switch = self.switches[dpid]
        if switch.socket is not None and not switch.closed:
            self._selector.unregister(switch.socket)
        self._slow.discard(switch)
        switch.close()

    def close(self) -> None:
        """Close all connections."""
        for switch in self.switches.values():
            switch.close()
        self._selector.close()

    def run(self, until: Callable[[], bool], deadline: float) -> bool:
        """Serve until the condition holds (True) or the monotonic ``deadline`` passes (False)."""
        while not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.step(min(left, 0.01))
        return True

    def run_for(self, seconds: float) -> None:
        """Serve for a while."""
        self.run(lambda: False, time.monotonic() + seconds)

    def joined(self) -> bool:
        """Tell whether every switch has answered the handshake."""
        return all(switch.joined_at is not None for switch in self.switches.values())

    def last_join(self) -> float:
        """Return when the last switch had joined (monotonic); 0 when none has."""
        return max(switch.joined_at or 0.0 for switch in self.switches.values())

    def cut(self, end: End) -> None:
        """Take both ports of a cable down and tell the controller."""
        for dpid, number in (end, self.cables[end]):
            self.switches[dpid].set_port(number, False)
        self.silence(end)

    def silence(self, end: End) -> None:
        """Lose every frame of a cable, both ways, and tell nobody."""
        self.silent.update((end, self.cables[end]))

    def step(self, timeout: float) -> None:
        """Send what is queued, wait up to ``timeout`` seconds for bytes, and serve once."""
        self._flush()
        for key, events in self._selector.select(timeout):
            switch: LoadSwitch = key.data
            if events & selectors.EVENT_WRITE:
                self._waiting.add(switch)
            if events & selectors.EVENT_READ:
                switch.receive()
                if switch.closed:
                    self._forget(switch)
        self._flush()

    def _flush(self) -> None:
        while self._waiting:
            switch = self._waiting.pop()
            slow = switch.flush()
            if switch.closed:
                self._forget(switch)
            elif slow != (switch in self._slow):
                self._ask_for_room(switch, slow)

    def _forget(self, switch: LoadSwitch) -> None:
        """Wait no longer for a socket that is closed: its number is soon another one's."""
        self._slow.discard(switch)
        if switch.socket is not None:
            with suppress(KeyError, ValueError):  # It may be forgotten already.
                self._selector.unregister(switch.socket)

    def _ask_for_room(self, switch: LoadSwitch, slow: bool) -> None:
        (self._slow.add if slow else self._slow.discard)(switch)
        if switch.socket is not None:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if slow else 0)
            self._selector.modify(switch.socket, events, switch)

    def _frame_out(self, switch: LoadSwitch, ports: list[int], data: bytes) -> None:
        if data[12:14] != _LLDP:
            return
        for number in ports:
            end = (switch.dpid, number)
            self.probes[end] += 1
            other = self.cables.get(end)
            if other is not None and end not in self.silent:
                peer = self.switches[other[0]]
                if not peer.closed:
                    peer.frame_in(other[1], data)
