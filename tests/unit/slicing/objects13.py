"""Tenants with groups and meters on a sliced switch of 1.3; our guard judges what they get."""

from __future__ import annotations

from typing import Any

from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.wire.guard import MessageGuard, Role
from horizon_ryu.wire.of13.controller import GroupMod, MeterMod13
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.structures import Action13, Bucket, MeterBandDrop
from horizon_ryu.wire.ofp13 import OFPG, OFPGC, OFPGT, OFPMC, OFPMF, OFPP, OFPT
from horizon_ryu.wire.symmetric import BarrierReply, BarrierRequest, Error
from horizon_ryu.wire.ternary import HEADER_13
from unit.slicing.sliced10 import DPID, Tenant
from unit.slicing.sliced13 import MESSAGES13, Sliced13

ADD, MODIFY, DELETE = int(OFPGC.ADD), int(OFPGC.MODIFY), int(OFPGC.DELETE)
ALL_GROUPS, ANY_GROUP, ANY_PORT = int(OFPG.ALL), int(OFPG.ANY), int(OFPP.ANY)
ALL, SELECT, INDIRECT, FF = (int(kind) for kind in OFPGT)


def bucket(
    *actions: Action13, weight: int = 0, port: int = ANY_PORT, group: int = ANY_GROUP
) -> Bucket:
    return Bucket(weight, port, group, actions)


def group_mod(number: int, *buckets: Bucket, command: int = ADD, kind: int = ALL) -> GroupMod:
    return GroupMod(command, kind, number, buckets)


def meter_mod(number: int, rate: int = 100, command: int = int(OFPMC.ADD)) -> MeterMod13:
    bands = () if command == int(OFPMC.DELETE) else (MeterBandDrop(rate, 0),)
    return MeterMod13(command, int(OFPMF.KBPS), number, bands)


class JudgedTenant(Tenant):
    """A tenant with our guard between it and the slicer: whatever the guard refuses, fails."""

    def __init__(self, sliced: Sliced13, name: str, is_monitor: bool = False) -> None:
        super().__init__(name, is_monitor, messages=MESSAGES13)
        self._guard = MessageGuard(role=Role.SWITCH)
        self._guard.negotiated(4)
        self._sliced = sliced
        sliced.datapath.connect(self)

    def take(self, message: bytes) -> None:
        self._guard.accept(message)
        super().take(message)

    def noted(self, raw: bytes) -> None:
        """Have the guard know what was asked for."""
        self._guard.sent(raw)

    def say_all(self, *messages: Any) -> list[Any]:
        """Send messages; return what the switch was told."""
        found: list[Any] = []
        for message in messages:
            self._sliced.xid += 1
            raw = MESSAGES13.encode(self._sliced.xid, message)
            self._guard.sent(raw)
            self._sliced.datapath.from_tenant(self, raw, self._sliced.now)
            found += self._sliced.news()
        return [one for one in found if not isinstance(one, BarrierRequest)]

    def refused(self, message: Any, kind: int, code: int) -> None:
        """Check that a message is answered with an error, and does nothing else."""
        raw = MESSAGES13.encode(4711, message)
        self.got.clear()
        self._sliced.datapath.from_tenant(self, raw, self._sliced.now)
        assert not self._sliced.news()
        (found,) = self.got
        assert isinstance(found.message, Error)
        assert (found.message.type, found.message.code) == (kind, code)
        assert (found.xid, found.message.data) == (4711, raw[: len(found.message.data)])
        self.got.clear()

    def question(self, kind: int, body: Any = b"", flags: int = 0) -> list[Any]:
        return self.say_all(MultipartRequest(kind, flags, body))

    def told(self) -> Any:
        """Return the body of the one answer that has come."""
        (found,) = self.news()
        assert isinstance(found, MultipartReply)
        return found.body


class ObjectLab(Sliced13):
    """The switch of the suite, with tenants whose messages are judged."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.a, self.b = JudgedTenant(self, "c0"), JudgedTenant(self, "c1")

    def ask(self, name: str | Tenant, message: Any, xid: int | None = None) -> list[Any]:
        if isinstance(name, JudgedTenant) and xid is not None:
            name.noted(MESSAGES13.encode(xid, message))
        return super().ask(name, message, xid)

    def move_to(self, rules: list[FlowspaceRule]) -> None:
        """Have another flowspace."""
        self.datapath.set_flowspace(Flowspace(HEADER_13, rules).on(DPID), self.now)

    def settle(self) -> None:
        """Answer all barriers of the slicer's."""
        for raw in list(self.raw):
            if raw[1] == OFPT.BARRIER_REQUEST:
                self.raw.remove(raw)
                self.answer(BarrierReply(), int.from_bytes(raw[4:8], "big"))

    def xid_of_last(self, kind: int) -> int:
        """Return the id of the last message of a type that the switch was told."""
        return next(int.from_bytes(raw[4:8], "big") for raw in reversed(self.raw) if raw[1] == kind)

    def refuse_last(self, kind: int, error_type: int, code: int) -> None:
        """Have the switch refuse the last message of a type."""
        xid = self.xid_of_last(kind)
        self.answer(Error(error_type, code, bytes(64)), xid)
