"""Frames between tenants and a switch of OpenFlow 1.3: packet-ins and packet-outs."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

from horizon_ryu.core.slicing.marked_switch import MARK_SHIFT, TENANT_METADATA
from horizon_ryu.core.slicing.slice_settings import DropPolicy
from horizon_ryu.core.slicing.tenant_table import TableCommand, TenantEntry
from horizon_ryu.slicer.actions10 import SliceMarks
from horizon_ryu.slicer.actions13 import ActionSlicer13, marks_for
from horizon_ryu.slicer.classifier13 import HIGHEST, SLICER_COOKIE
from horizon_ryu.slicer.flow_mods13 import raw_flow_mod13
from horizon_ryu.slicer.flow_tables13 import FlowTables13, SlicedLink13
from horizon_ryu.slicer.instructions13 import RESERVED, only_asks
from horizon_ryu.slicer.lldp_trailer import MAY_BE_LLDP, ProbeOrigin, TrailerSigner, is_lldp
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPBAC, OFPBRC, OFPET
from horizon_ryu.wire.fields import FIELDS, MatchField, Prerequisite, header
from horizon_ryu.wire.frame_header import header13
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.match_codes13 import OFPMT, OFPXMT_OFB
from horizon_ryu.wire.of13.controller import PacketOut13
from horizon_ryu.wire.of13.structures import Action13, ActionOutput13
from horizon_ryu.wire.ofp13 import OFP_NO_BUFFER, OFPP, OFPT
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.ternary import (
    EVERY_HEADER,
    FIELDS_OF_13,
    HEADER_13,
    TernaryMatch,
    new_tuple,
)
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_PACKET_IN = struct.Struct("!IHBBQ")
_WHOLE = struct.Struct("!BBHI" + _PACKET_IN.format[1:])
_KIND = int(OFPT.PACKET_IN)
_MATCH_AT = _WHOLE.size
_LENGTH_AT = _MATCH_AT + 2
_PAD = 2
"""Bytes between the match and the frame."""
_MOST_KNOWN = 128
"""Bytes of a match that is remembered: a switch may write long ones without end."""
_MAX_PORT, _LOCAL = int(OFPP.MAX), int(OFPP.LOCAL)
_IN_PORT, _METADATA = header(OFPXMT_OFB.IN_PORT), header(OFPXMT_OFB.METADATA)
_PORT_FIELD = HEADER_13["in_port"]
_ALL_FIELDS = sum(field.mask for field in HEADER_13.fields.values())
_PRESENT = 0x1000
_NO_COOKIE = (1 << 64) - 1
"""Of a packet-in that no entry of the tenant's has made (section 7.4.1)."""
_MOST_PARTS = 4096
_UNATTENDED_PRIORITY = HIGHEST - 2
_NOT_OF_FRAMES = frozenset(
    {
        *(OFPXMT_OFB.IN_PHY_PORT, OFPXMT_OFB.METADATA, OFPXMT_OFB.TUNNEL_ID),
        OFPXMT_OFB.IPV6_EXTHDR,
    }
)
"""Fields that the bytes of a frame do not tell, or not all of them."""

WantsPacketIn = Callable[[TenantConnection, int], bool]
"""Tells whether a controller wants packet-ins of a reason."""


class PacketOrigin(NamedTuple):
    """Where a packet-in comes from: its port, the metadata, and ``match`` without the mark.

    ``match`` is as a tenant is to have it, with what follows it before the frame.
    """

    in_port: int
    metadata: int
    match: bytes


def read_origin(match: bytes) -> PacketOrigin:
    """Return what the match of a packet-in says; the guard has walked its lengths."""
    length = int.from_bytes(match[2:4], "big")
    at, end = 4, max(length, 4)
    in_port = metadata = 0
    kept: list[bytes] = []
    while at + 4 <= end:
        head = int.from_bytes(match[at : at + 4], "big")
        stop = at + 4 + (head & 0xFF)
        field = match[at:stop]
        if head == _METADATA:
            metadata = int.from_bytes(field[4:], "big")
            own = metadata & TENANT_METADATA
            field = field[:4] + own.to_bytes(8, "big") if own else b""
        elif head == _IN_PORT:
            in_port = int.from_bytes(field[4:], "big")
        kept.append(field)
        at = stop
    fields = b"".join(kept)
    size = 4 + len(fields)
    written = struct.pack("!HH", OFPMT.OXM, size) + fields + bytes(-size % 8 + _PAD)
    return PacketOrigin(in_port, metadata, written)


_known_origin = lru_cache(maxsize=1024)(read_origin)
"""A few matches are those of most frames: a port, and a slice's mark."""


class _PacketIn(NamedTuple):
    """A packet-in of the switch, taken apart."""

    buffer_id: int
    total_len: int
    reason: int
    table_id: int
    cookie: int
    origin: PacketOrigin
    frame: bytes

    def encoded(self) -> bytes:
        """Return the message for a tenant."""
        buffer_id, total, reason, table_id, cookie, (_, _, match), frame = self
        size = _MATCH_AT + len(match) + len(frame)
        head = _WHOLE.pack(OPENFLOW_13, _KIND, size, 0, buffer_id, total, reason, table_id, cookie)
        return head + match + frame


def _read(message: bytes) -> _PacketIn:
    length = message[_LENGTH_AT] << 8 | message[_LENGTH_AT + 1]
    end = _MATCH_AT + (max(length, 4) + 7 & ~7)
    match = message[_MATCH_AT:end]
    origin = _known_origin(match) if len(match) <= _MOST_KNOWN else read_origin(match)
    buffer_id, total, reason, table_id, cookie = _PACKET_IN.unpack_from(message, HEADER_SIZE)
    frame = message[end + _PAD :]
    return new_tuple(_PacketIn, (buffer_id, total, reason, table_id, cookie, origin, frame))


class SlicersOfActions(Protocol):
    """Who knows what a slice may do with frames."""

    def slicer(self, name: str, came_in: int | None, sent: int | None) -> ActionSlicer13:
        """Return what slices the actions of a slice; see :class:`ActionSlicer13`."""

    def marks(self, name: str) -> SliceMarks:
        """Return what the frames of a slice are marked with."""


class TenantFrames13:
    """What comes to a slice from its part of the network, and what it sends there."""

    def __init__(
        self,
        link: SlicedLink13,
        tables: FlowTables13,
        slicers: SlicersOfActions,
        signer: TrailerSigner,
        wants: WantsPacketIn,
    ) -> None:
        self._link = link
        self._tables = tables
        self._slicers = slicers
        self._signer = signer
        self._wants = wants
        self.unowned = 0
        """Frames that belonged to no slice."""

    # ---- from the switch

    def packet_in(self, message: bytes, now: float) -> None:
        """Take a frame to the slice whose entry has sent it, and to those that look on."""
        came = _read(message)
        frame = came.frame
        if frame[12:14] in MAY_BE_LLDP and is_lldp(frame):
            self._lldp(came, now)
            return
        sliced, origin = self._link.sliced, came.origin
        entry = sliced.find(came.cookie)
        mark = origin.metadata >> MARK_SHIFT
        name = sliced.marks.slice_of(mark) if entry is None else entry.slice_name
        if sliced.flowspace.has_observers:
            self._show(came, name, now)
        if name is None:
            self.unowned += 1
        elif self._link.connected(name):
            cookie = _NO_COOKIE if entry is None else entry.cookie
            table_id = max(0, came.table_id - RESERVED)
            about = (*came[:3], table_id, cookie, origin, frame)
            self._deliver(name, new_tuple(_PacketIn, about), now, grants=True)
        elif entry is not None:
            self._drop_unattended(entry, header13(frame, origin.in_port))

    def _show(self, came: _PacketIn, owner: str | None, now: float) -> None:
        """Tell the slices of a frame that see it and do not own it."""
        looked_on = came._replace(table_id=0, cookie=_NO_COOKIE)
        head = header13(came.frame, came.origin.in_port)
        for observer in self._link.sliced.flowspace.observers(head):
            if observer != owner:
                self._deliver(observer, looked_on, now, grants=False)

    def _deliver(self, name: str, came: _PacketIn, now: float, grants: bool) -> None:
        tenants = self._link.admit_packet_in(name, now)
        if not tenants:
            return
        message = came.encoded()
        head = None
        if grants and came.buffer_id != OFP_NO_BUFFER:
            head = header13(came.frame, came.origin.in_port)
        for tenant in tenants:
            if not self._wants(tenant, came.reason):
                continue
            if head is not None and not tenant.is_monitor:
                tenant.grant(came.buffer_id, head)
            tenant.say(message)

    def _lldp(self, came: _PacketIn, now: float) -> None:
        """Take an LLDP frame back to the slice that sent it; others' to all that have the port."""
        came = came._replace(table_id=0, cookie=_NO_COOKIE)
        in_port = came.origin.in_port
        probe = self._signer.take(came.frame)
        if probe is not None:
            bare = probe.frame
            self._link.note_probe(probe, in_port, now)
            own = came._replace(buffer_id=OFP_NO_BUFFER, total_len=len(bare), frame=bare)
            self._deliver(probe.slice_name, own, now, grants=False)
            return
        head = header13(came.frame, in_port)
        for name in self._link.hear_lldp(in_port):
            owns = self._link.sliced.flowspace.owns(name, head)
            self._deliver(name, came, now, grants=owns)

    def _drop_unattended(self, entry: TenantEntry, head: int) -> None:
        """Drop frames of a slice that nobody is there for, where nothing else is done with them."""
        presence = self._link.presences.get(entry.slice_name)
        if presence is not None and presence.settings.drop_policy is DropPolicy.RULE:
            self._tables.mute(entry)
        elif only_asks(entry.program):
            self._link.say(
                raw_flow_mod13(
                    0, 0, exact_match(head), TableCommand.ADD, _UNATTENDED_PRIORITY,
                    cookie=SLICER_COOKIE, hard=1,
                )
            )  # fmt: skip

    # ---- from tenants

    def packet_out(self, tenant: TenantConnection, message: bytes, _now: float) -> None:
        """Send a tenant's frame, or a buffer of the switch's that it was granted; TenantRefusal."""
        asked: PacketOut13 = _MESSAGES.decode(message).message
        name, in_port, frame = tenant.slice_name, asked.in_port, asked.data
        is_probe = asked.buffer_id == OFP_NO_BUFFER and is_lldp(frame)
        if asked.buffer_id != OFP_NO_BUFFER:
            granted = tenant.header_of(asked.buffer_id)
            if granted is None:
                raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN, "foreign buffer")
            head, in_port = granted, _PORT_FIELD.of(granted)
            match = TernaryMatch(head & _ALL_FIELDS, _ALL_FIELDS)
        elif is_probe:
            self._check_port(name, in_port)
            head, match = header13(frame, in_port), EVERY_HEADER
        else:
            head = header13(frame, in_port)
            match = self._own_part(name, head, in_port)
        came_in = in_port if _is_port(in_port) else None
        marks = marks_for(self._slicers.marks(name), head)
        actions = self._slicers.slicer(name, came_in, head).apply(asked.actions, match)
        if asked.buffer_id != OFP_NO_BUFFER:
            tenant.consume(asked.buffer_id)
        elif is_probe:
            frame = self._signer.put(frame, name, self._origin(actions))
        sent = PacketOut13(asked.buffer_id, in_port, (*marks, *actions), frame)
        xid = self._link.xids.translate(Asked(tenant, xid_of(message), message))
        self._link.say(_MESSAGES.encode(xid, sent))

    def _origin(self, actions: tuple[Action13, ...]) -> ProbeOrigin | None:
        """Return where a frame leaves the switch, if that is at one port."""
        ports = [one.port for one in actions if isinstance(one, ActionOutput13)]
        if len(ports) != 1 or len(actions) != 1 or not 0 < ports[0] <= _MAX_PORT:
            return None
        return ProbeOrigin(self._link.dpid, ports[0])

    def _check_port(self, name: str, in_port: int) -> None:
        if _is_port(in_port) and not self._link.sliced.flowspace.has_port(name, in_port):
            raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.EPERM, "port of another slice")

    def _own_part(self, name: str, head: int, in_port: int) -> TernaryMatch:
        """Return what the frame is for the slice; TenantRefusal if it is a frame of others.

        Where it does not say which port it came in at, any port of the slice will do.
        """
        mask = _ALL_FIELDS if _is_port(in_port) else _ALL_FIELDS & ~_PORT_FIELD.mask
        asked = TernaryMatch(head & mask, mask)
        flowspace = self._link.sliced.flowspace
        part = next(iter(flowspace.parts(name, asked, _MOST_PARTS)), None)
        if part is None:
            raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.EPERM, "frame of another slice")
        return part


def _is_port(number: int) -> bool:
    return 0 < number <= _MAX_PORT or number == _LOCAL


def exact_match(head: int) -> TernaryMatch:
    """Return the match of just the frames that have this header, in the fields that they have."""
    value = mask = 0
    for number, field in FIELDS.items():
        if number not in _NOT_OF_FRAMES and _has(head, field):
            place = FIELDS_OF_13[number]
            mask |= place.mask
            value |= head & place.mask
    return TernaryMatch(value, mask)


def _has(head: int, field: MatchField) -> bool:
    """Tell whether a frame has a field: all that it needs is there."""
    needs: Prerequisite | None = field.needs
    while needs is not None:
        value = FIELDS_OF_13[needs.field].of(head)
        if needs.field == OFPXMT_OFB.VLAN_VID and not value & _PRESENT:
            return False
        if needs.values and value not in needs.values:
            return False
        needs = FIELDS[needs.field].needs
    return True
