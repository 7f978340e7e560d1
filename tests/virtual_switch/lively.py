"""Lively network: switches with real tables, on sockets of a real controller, and hosts by hand.

Beside the switches of :mod:`virtual_switch.load` these do what flow-mods say, and frames pass their
tables: by a cable to the next switch, or out to whoever listens at a port.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

from horizon_ryu.core.ownership import Priority
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.versions import BODY_AT, OPENFLOW_10, OPENFLOW_13
from tools.controller_process import ControllerProcess
from virtual_switch.effects import Effects
from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import End, LoadNetwork

SECONDS = 300.0
"""On a busy machine: a minute of work of both ends is five there."""
Answer = TypeVar("Answer")


class LivelySwitch(LoadSwitch):
    """One switch whose tables are real. ``is_frozen``: it answers nothing, and loses nothing.

    ``is_hollow``: flow-mods reach no table, no frame leaves it, it does not tell its entries, and
    counters of its first port alone; so it can be large, and answers in time though it is told of,
    and asked for, each port again and again.
    ``heard`` is given the frames that leave it, by port.
    """

    def __init__(self, dpid: int, ports: Iterable[int], version: int = OPENFLOW_13) -> None:
        super().__init__(dpid, ports, version)
        self.is_frozen = self.is_hollow = False
        self.heard: Callable[[int, bytes], None] = lambda _port, _frame: None

    def receive(self) -> None:
        """Read and carry out what the controller sent, unless frozen."""
        if not self.is_frozen:
            super().receive()

    def _take(self, message: bytes) -> None:
        kind = message[1]
        asked = message[8] << 8 | message[9] if kind == self._stats_request else None
        self.flow_mods += kind == OFPT.FLOW_MOD
        if self.is_hollow and (kind in (OFPT.FLOW_MOD, OFPT.PACKET_OUT) or asked == OFPMP.FLOW):
            return
        old = self.version == OPENFLOW_10
        if self.is_hollow and asked == OFPMP.PORT_STATS:
            # Fifty thousand take a third of a second to write, and more to read, before what is
            # asked next: on a busy machine, longer than that has.
            at = BODY_AT[self.version]
            message = message[:at] + (1).to_bytes(2 if old else 4, "big") + bytes(6 if old else 4)
        self.obey(self.switch.handle(message, time.monotonic()))
        if kind == OFPT.FEATURES_REQUEST if old else asked == OFPMP.PORT_DESC:
            self._joined()

    def obey(self, effects: Effects) -> None:
        """Send and emit what comes of an input."""
        self._obey(effects)
        for port_no, frame in effects.frames:
            self.heard(port_no, frame)

    def frame_in(self, in_port: int, frame: bytes) -> None:
        """Take a frame that came in by ``in_port``."""
        self.obey(self.switch.frame_in(in_port, frame, time.monotonic()))

    def tick(self) -> None:
        """Do what is due."""
        if not self.is_frozen and not self.closed:
            self.obey(self.switch.tick(time.monotonic()))

    def blocked(self) -> set[int]:
        """Return the ports at which broadcasts are dropped, by the entries of its table."""
        codec = codec_of(self.version)
        request = codec.encode_flow_stats_request(1)
        pieces = self.switch.handle(request, time.monotonic()).messages
        entries = (entry for piece in pieces for entry in codec.read_entries(piece))
        ports = (one.match.in_port for one in entries if one.priority == Priority.BLOCKED)
        return {number for number in ports if number is not None}

    def flooding(self) -> set[int]:
        """Return the ports without NO_FLOOD, by which a switch of 1.0 floods."""
        return {port.number for port in self.switch.datapath.ports if port.floods}


class LivelyNetwork(LoadNetwork):
    """Switches of a controller that runs, and the cables between them; a context manager."""

    def __init__(self, controller: ControllerProcess) -> None:
        super().__init__((), {})
        self.controller = controller
        self.frames: list[tuple[int, int, bytes]] = []
        """What left by ports without a cable: dpid, port, frame."""

    def __enter__(self) -> LivelyNetwork:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(
        self, dpid: int, ports: Iterable[int] = (1, 2, 3, 4), version: int = OPENFLOW_13
    ) -> LivelySwitch:
        """Add a switch and have it connect; :meth:`wait` until it has joined."""
        switch = LivelySwitch(dpid, ports, version)
        switch.heard = lambda port_no, frame: self._emit((dpid, port_no), frame)
        address = ("127.0.0.1", self.controller.openflow_port)
        self.join(switch, address, time.monotonic() + SECONDS, loop_lldp=False)
        return switch

    def plug(self, one: End, other: End) -> None:
        """Plug a cable in."""
        self.cables[one], self.cables[other] = other, one

    def _emit(self, end: End, frame: bytes) -> None:
        other = self.cables.get(end)
        if other is None:
            self.frames.append((*end, frame))
            return
        peer = self.switches[other[0]]
        if not peer.closed:
            peer.frame_in(other[1], frame)

    def meanwhile(self, call: Callable[[], Answer]) -> Answer:
        """Return what ``call`` returns, and serve the switches while it waits, in a thread."""
        with ThreadPoolExecutor(1) as aside:
            future = aside.submit(call)
            self.run(future.done, float("inf"))
            return future.result()

    def get(self, path: str) -> Any:
        """Return the controller's answer to GET ``path``."""
        return self.meanwhile(lambda: self.controller.get(path))

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        """Return the body of the controller's answer."""
        return self.meanwhile(lambda: self.controller.request(method, path, body))

    def step(self, timeout: float) -> None:
        """Serve once."""
        for switch in self.switches.values():
            if isinstance(switch, LivelySwitch):
                switch.tick()
        super().step(timeout)

    def wait(self, until: Callable[[], Any], what: str) -> Any:
        """Serve until ``until`` returns something; return it, AssertionError if it never does."""
        found: list[Any] = [None]

        def holds() -> bool:
            found[0] = until()
            self.run_for(0.05)
            return bool(found[0])

        if not self.run(holds, time.monotonic() + SECONDS):
            log = self.controller.log()[-3000:]
            raise AssertionError(f"not within {SECONDS:g} s: {what}\n{log}")
        return found[0]
