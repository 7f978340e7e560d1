"""A virtual switch and what it says, decoded."""

from __future__ import annotations

from typing import Any

from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import Action, FlowCommand, FlowMod, FlowModFlags, Match
from horizon_ryu.wire.of13.match import OxmMatch
from horizon_ryu.wire.of13.multipart import MultipartRequest
from horizon_ryu.wire.of13.statistics import FlowStatsRequest13
from horizon_ryu.wire.ofp13 import OFPG, OFPMP, OFPP, OFPTT
from horizon_ryu.wire.symmetric import Error
from virtual_switch.effects import Effects
from virtual_switch.switch import VirtualSwitch

XID = 77


class Asked:
    """A connected switch; time is moved by hand."""

    def __init__(self, version: int = 4, **options: Any) -> None:
        self.codec = codec_of(version)
        self.switch = VirtualSwitch(5, version, (1, 2, 3), **options)
        self.switch.connect()
        self.now = 100.0

    def tell(self, message: Any) -> list[Any]:
        """Send a message as the specification has it; return the answers."""
        data = self.codec.messages.encode(XID, message)
        return self.read(self.switch.handle(data, self.now))

    def read(self, effects: Effects) -> list[Any]:
        """Decode what goes to the controller."""
        return [self.codec.messages.decode(data).message for data in effects.messages]

    def add(self, match: Match, priority: int, *actions: Action, **more: Any) -> list[Any]:
        """Add an entry."""
        command = more.pop("command", FlowCommand.ADD)
        mod = FlowMod(command, match, priority, more.pop("cookie", 1), actions, **more)
        return self.read(self.switch.handle(self.codec.encode(mod, XID), self.now))

    def watched(self, match: Match, **more: Any) -> list[Any]:
        """Add an entry of which the end is told."""
        return self.add(match, 5, flags=FlowModFlags.SEND_FLOW_REM, **more)

    def frame(self, frame: bytes, port_no: int = 1) -> Effects:
        """Have a frame come in."""
        return self.switch.frame_in(port_no, frame, self.now)

    def outs(self, frame: bytes, port_no: int = 1) -> list[tuple[int, bytes]]:
        """Have a frame come in; return where it leaves."""
        return self.frame(frame, port_no).frames

    def entries(self) -> list[Any]:
        """Return the entries of 1.3 as flow statistics have them."""
        everything = FlowStatsRequest13(OFPTT.ALL, OFPP.ANY, OFPG.ANY, 0, 0, OxmMatch())
        replies = self.tell(MultipartRequest(OFPMP.FLOW, 0, everything))
        return [entry for reply in replies for entry in reply.body]


def refusal(answers: list[Any]) -> tuple[int, int] | None:
    """Return type and code of the error among answers, if there is one."""
    return next(((one.type, one.code) for one in answers if isinstance(one, Error)), None)
