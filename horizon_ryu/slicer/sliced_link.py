"""Link between a switch and its tenants: who is there, and what is sent to whom.

What the parts of a sliced datapath share: they say things to the switch under ids of the slicer's,
and to tenants under their own.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from horizon_ryu.core.slicing.tenant_table import TenantTables
from horizon_ryu.slicer.lldp_trailer import SignedProbe
from horizon_ryu.slicer.portions import Carry, Work, at_once
from horizon_ryu.slicer.presence import SeenProbe, SlicePresence, TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.xid_map import Asked, XidMap
from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.session.pending import xid_of

_HEADER = struct.Struct("!BBHI")
_CODES = struct.Struct("!HH")
_ERROR = int(OFPT.ERROR)
_MOST = 0xFFFF - _HEADER.size - _CODES.size


def with_xid(message: bytes, xid: int) -> bytes:
    """Return a message under another transaction id."""
    return message[:4] + xid.to_bytes(4, "big") + message[8:]


def framed(version: int, kind: int, xid: int, body: bytes) -> bytes:
    """Return a message of this body."""
    return _HEADER.pack(version, kind, _HEADER.size + len(body), xid) + body


def error_message(version: int, kind: int, code: int, offending: bytes) -> bytes:
    """Return the error that ``offending`` is answered with: its own id, and itself."""
    body = _CODES.pack(kind, code) + offending[:_MOST]
    return framed(version, _ERROR, xid_of(offending), body)


AtLength = Callable[["TenantConnection", Work], None]
"""Does what takes long for a tenant, a step at a time; what it says next waits for that."""
MANY_ENTRIES = 256
"""Of a slice on one switch: what may be for all of more is done a step at a time."""


def _nothing_elsewhere(_slice_name: str) -> int:
    """Count nothing."""
    return 0


def _untold(_event: str, **_about: object) -> None:
    """Tell nobody."""


class _Behind:
    """Takes what is said while there is still much to say before it."""

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self.say = say
        self.waiting: deque[Iterable[bytes]] = deque()

    def __call__(self, message: bytes) -> None:
        self.waiting.append((message,))


@dataclass(slots=True)
class SlicedLink:
    """One switch and its tenants; ``say`` takes whole messages for the switch.

    ``tell`` takes an event, and what it is about: it is told to whoever listens. ``elsewhere``
    returns how many flow entries a slice has on other switches. ``carry`` does what takes long,
    ``at_length`` for one tenant. ``answers_empty``: also answers with nothing in them are told.
    """

    dpid: int
    version: int
    say: Callable[[bytes], None]
    sliced: TenantTables
    presences: dict[str, SlicePresence] = field(default_factory=dict)
    xids: XidMap = field(default_factory=XidMap)
    tell: Callable[..., None] = _untold
    elsewhere: Callable[[str], int] = _nothing_elsewhere
    carry: Carry = at_once
    answers_empty: bool = True
    at_length: AtLength = lambda _tenant, work: at_once(work)

    def presence(self, tenant: TenantConnection) -> SlicePresence:
        """Return what the slice of a connection has here."""
        return self.presences[tenant.slice_name]

    def entry_quota(self, slice_name: str) -> int | None:
        """Return how many flow entries a slice may have here; None without a limit.

        It may have those of its limit on this switch, and on all switches together those of the
        slice's (suite of FlowVisor, ``flowlimit.SliceDPIDLimit``).
        """
        settings = self.presences[slice_name].settings
        here = settings.per_switch.get(self.dpid) if settings.per_switch else None
        quota, in_all = None if here is None else here.flow_entries, settings.limits.flow_entries
        if in_all is None:
            return quota
        left = max(0, in_all - self.elsewhere(slice_name))
        return left if quota is None else min(quota, left)

    def say_many(self, messages: Iterable[bytes]) -> None:
        """Say messages in portions, each written when its turn comes, which may be thousands.

        Whatever is said meanwhile comes after them.
        """
        if isinstance(self.say, _Behind):
            self.say.waiting.append(messages)
            return
        self.say = behind = _Behind(self.say)
        behind.waiting.append(messages)
        self.carry(self._catch_up(behind))

    @property
    def is_behind(self) -> bool:
        """Whether there is still much to say before what is said now."""
        return isinstance(self.say, _Behind)

    def _catch_up(self, behind: _Behind) -> Work:
        while behind.waiting:
            for message in behind.waiting.popleft():
                behind.say(message)
                yield None
        self.say = behind.say

    def forward(self, tenant: Any, message: bytes, context: Any = None) -> None:
        """Send a tenant's message to the switch under an id of ours."""
        xid = self.xids.translate(Asked(tenant, xid_of(message), message, context))
        self.say(with_xid(message, xid))

    def answer(self, message: bytes, is_last: bool = True) -> Asked | None:
        """Return who asked for what the switch answers; None if nobody that is known."""
        xid = xid_of(message)
        return self.xids.take(xid) if is_last else self.xids.find(xid)

    def refuse(self, tenant: TenantConnection, message: bytes, refusal: TenantRefusal) -> None:
        """Answer a tenant's message with an error, and count it."""
        self.presence(tenant).refused[refusal.reason] += 1
        tenant.say(error_message(self.version, refusal.kind, refusal.code, message))

    def set_bandwidth_fault(self, slice_name: str, reason: str | None) -> None:
        """Note why the bandwidth of a slice is not held here, and tell it; None: it is."""
        presence = self.presences[slice_name]
        if presence.bandwidth_fault != reason:
            presence.bandwidth_fault = reason
            if reason is not None:
                self.tell("bandwidth_not_held", dpid=self.dpid, slice=slice_name, reason=reason)

    def note_probe(self, probe: SignedProbe, in_port: int, now: float) -> None:
        """Take note of LLDP of a slice: by it the slice has a link."""
        presence = self.presences.get(probe.slice_name)
        if presence is not None and probe.origin is not None:
            presence.probes[in_port] = SeenProbe(probe.origin, now)

    def admit_packet_in(self, slice_name: str, now: float) -> list[TenantConnection]:
        """Return who may be told of one more frame of a slice, and count it."""
        presence = self.presences.get(slice_name)
        return [] if presence is None else presence.admit_frame(now)

    def hear_lldp(self, in_port: int) -> list[str]:
        """Return the slices that are told of LLDP of strangers at a port."""
        return [
            name
            for name, presence in self.presences.items()
            if presence.settings.receives_lldp and self.sliced.flowspace.has_port(name, in_port)
        ]

    def connected(self, slice_name: str) -> list[TenantConnection]:
        """Return the connections of a slice."""
        presence = self.presences.get(slice_name)
        return [] if presence is None else presence.connections

    def tenants(self) -> Iterator[TenantConnection]:
        """Yield the connections of all slices."""
        for presence in self.presences.values():
            yield from presence.connections
