"""Frames between tenants and a switch of OpenFlow 1.0: packet-ins and packet-outs."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from horizon_ryu.core.slicing.region import TooManyEntries
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.slice_settings import DropPolicy
from horizon_ryu.core.slicing.tenant_table import TableCommand
from horizon_ryu.slicer.actions10 import (
    ActionSlicer,
    asks_controller,
    told_of,
)
from horizon_ryu.slicer.flow_mods10 import raw_flow_mod10
from horizon_ryu.slicer.flow_tables10 import SlicedLink10
from horizon_ryu.slicer.lldp_trailer import MAY_BE_LLDP, ProbeOrigin, TrailerSigner, is_lldp
from horizon_ryu.slicer.ports10 import TenantPorts10
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import framed
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.error_codes10 import OFPBAC, OFPBRC, OFPET
from horizon_ryu.wire.frame_header import header10
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.ofp10 import OFP_NO_BUFFER, OFPAT, OFPFF, OFPP, OFPR, OFPT
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.ternary import EVERY_HEADER, HEADER_10, TernaryMatch
from horizon_ryu.wire.ternary10 import effective10
from horizon_ryu.wire.versions import OPENFLOW_10

_PACKET_IN = struct.Struct("!IHHBx")
_PACKET_OUT = struct.Struct("!IHH")
_OUTPUT = struct.Struct("!HHHH")
_IN_AT = HEADER_SIZE + _PACKET_IN.size
_REASON_AT = _IN_AT - 2
_IN_PORT_AT = HEADER_SIZE + 6
_OUT_AT = HEADER_SIZE + _PACKET_OUT.size
_MAX_PORT, _LOCAL = int(OFPP.MAX), int(OFPP.LOCAL)
_NO_MATCH = int(OFPR.NO_MATCH)
_NO_BUFFER = OFP_NO_BUFFER.to_bytes(4, "big")
_ALL_FIELDS = sum(field.mask for field in HEADER_10.fields.values())
"""Every bit of every field: no two share one."""
_PORT_MASK = HEADER_10["in_port"].mask
_MOST_PARTS = 4096
MOST_DROPS = 4096
"""Drops of the slicer's that are remembered, to be lifted; the oldest is lifted for another."""


class _Drop(NamedTuple):
    """An entry that drops frames which nobody can be asked about; ``match`` as it was sent.

    The switch tells of it as its match is effective. ``slice_name`` None: the frames are nobody's.
    """

    match: TernaryMatch
    slice_name: str | None


class TenantFrames10:
    """What comes to a slice from its part of the network, and what it sends there."""

    def __init__(self, link: SlicedLink10, ports: TenantPorts10, signer: TrailerSigner) -> None:
        self._link = link
        self._ports = ports
        self._signer = signer
        self._drops: dict[tuple[TernaryMatch, int], _Drop] = {}
        self.unowned = 0
        """Frames that belonged to no slice: that came, or that the switch has dropped."""

    # ---- from the switch

    def packet_in(self, message: bytes, now: float) -> None:
        """Take a frame to the slice that owns it, and to those that look on."""
        in_port = message[_IN_PORT_AT] << 8 | message[_IN_PORT_AT + 1]
        frame = message[_IN_AT:]
        if frame[12:14] in MAY_BE_LLDP and is_lldp(frame):
            self._lldp(message, frame, in_port, now)
            return
        header = header10(frame, in_port)
        flowspace = self._link.sliced.flowspace
        rule = flowspace.owner(header)
        if flowspace.has_observers:
            owner = None if rule is None else rule.slice_name
            for name in flowspace.observers(header):
                if name != owner:
                    self._deliver(name, message, header, now)
        if rule is None:
            self.unowned += 1
            self._drop(TernaryMatch(header & _ALL_FIELDS, _ALL_FIELDS), 0, None)
            return
        presence = self._link.presences.get(rule.slice_name)
        if presence is None or not presence.connections:
            self._drop_unattended(rule, header)
        elif tenants := presence.admit_frame(now):
            if message[8:12] != _NO_BUFFER:
                _grant(tenants, int.from_bytes(message[8:12], "big"), header)
            self._tell(tenants, rule.slice_name, message, header)

    def _deliver(self, name: str, message: bytes, header: int, now: float) -> None:
        """Tell a slice of a frame whose buffer it may not name."""
        tenants = self._link.admit_packet_in(name, now)
        if tenants:
            self._tell(tenants, name, message, header)

    def _tell(
        self, tenants: Iterable[TenantConnection], name: str, message: bytes, header: int
    ) -> None:
        if message[_REASON_AT] and self._came_by_guard(name, header):
            message = message[:_REASON_AT] + bytes((_NO_MATCH,)) + message[_REASON_AT + 1 :]
        size = len(message) - _IN_AT
        for tenant in tenants:
            most = tenant.miss_send_len
            tenant.say(message if size <= most else _cut(message, most))

    def _came_by_guard(self, name: str, header: int) -> bool:
        """Tell whether a frame came because its slice has no entry for it, by one of ours.

        An entry may have changed the frame before it sent it here.
        """
        sliced = self._link.sliced
        if not sliced.has_guards:
            return False
        told = {one for one in sliced.installed.programs(name) if asks_controller(one)}
        return not told or not any(
            match.takes(header)
            for entry in sliced.table(name)
            if entry.program in told
            for match in told_of(entry.program, entry.match)
        )

    def _lldp(self, message: bytes, frame: bytes, in_port: int, now: float) -> None:
        """Take an LLDP frame back to the slice that sent it; others' to all that have the port."""
        probe = self._signer.take(frame)
        if probe is not None:
            self._link.note_probe(probe, in_port, now)
            self._deliver(probe.slice_name, _packet_in(message, probe.frame), 0, now)
            return
        header = header10(frame, in_port)
        for name in self._link.hear_lldp(in_port):
            tenants = self._link.admit_packet_in(name, now)
            buffer_id = int.from_bytes(message[8:12], "big")
            if buffer_id != OFP_NO_BUFFER and self._link.sliced.flowspace.owns(name, header):
                _grant(tenants, buffer_id, header)
            self._tell(tenants, name, message, header)

    def _drop_unattended(self, rule: FlowspaceRule, header: int) -> None:
        """Drop, for a second, the frames of a slice that nobody is there for."""
        name = rule.slice_name
        presence = self._link.presences.get(name)
        if self._link.sliced.is_rebuilding:
            return  # a drop might stand above entries of others that are still to move
        exact = TernaryMatch(header & _ALL_FIELDS, _ALL_FIELDS)
        flowspace = self._link.sliced.flowspace
        number = flowspace.owning_region(header)
        place = self._link.sliced.drop_place(number)
        if presence is None or presence.settings.drop_policy is DropPolicy.EXACT:
            self._drop(exact, place, name)
            return
        try:
            for match in flowspace.region(number).common(EVERY_HEADER, _MOST_PARTS):
                self._drop(match, place, name)
        except TooManyEntries:
            self._drop(exact, place, name)

    def _drop(self, match: TernaryMatch, place: int, slice_name: str | None) -> None:
        self._drops[effective10(*match), place] = _Drop(match, slice_name)
        if len(self._drops) > MOST_DROPS:
            self._lift(next(iter(self._drops)))
        self._link.say(
            raw_flow_mod10(
                0,
                match,
                TableCommand.ADD,
                place,
                idle=1,
                flags=int(OFPFF.SEND_FLOW_REM),
                buffer_id=0,
            )
        )

    def drop_ended(self, match: TernaryMatch, place: int, packets: int) -> None:
        """Take note of a drop that the switch has removed, and of the frames it dropped."""
        drop = self._drops.pop((match, place), None)
        if drop is not None and drop.slice_name is None:
            self.unowned += packets

    def lift_drops(self, slice_name: str | None = None) -> None:
        """Let the frames of a slice come again, whose controller is there now; None: all frames.

        Drops end when they are idle: those of a stream of frames would stay for ever.
        """
        for key, drop in list(self._drops.items()):
            if slice_name is None or drop.slice_name == slice_name:
                self._lift(key)

    def _lift(self, key: tuple[TernaryMatch, int]) -> None:
        match = self._drops.pop(key).match
        self._link.say(raw_flow_mod10(0, match, TableCommand.DELETE_STRICT, key[1]))

    # ---- from tenants

    def packet_out(self, tenant: TenantConnection, message: bytes) -> None:
        """Send a tenant's frame, or a buffer of the switch's that it was granted; TenantRefusal."""
        buffer_id, in_port, size = _PACKET_OUT.unpack_from(message, HEADER_SIZE)
        actions, frame = message[_OUT_AT : _OUT_AT + size], message[_OUT_AT + size :]
        if buffer_id != OFP_NO_BUFFER:
            header = tenant.header_of(buffer_id)
            if header is None:
                raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN, "foreign buffer")
            match = TernaryMatch(header & _ALL_FIELDS, _ALL_FIELDS)
            in_port = HEADER_10["in_port"].of(header)
        elif is_lldp(frame):
            match = None
        else:
            match = self._own_part(tenant, frame, in_port)
        came_in = in_port if in_port < _MAX_PORT or in_port == _LOCAL else None
        sliced = self._slice(tenant, bytes(actions), match, came_in)
        if buffer_id != OFP_NO_BUFFER:
            tenant.consume(buffer_id)
        elif match is None:
            frame = self._signer.put(frame, tenant.slice_name, self._origin(sliced))
        head = _PACKET_OUT.pack(buffer_id, in_port, len(sliced))
        body = head + sliced + frame
        xid = self._link.xids.translate(Asked(tenant, xid_of(message), message))
        self._link.say(framed(OPENFLOW_10, OFPT.PACKET_OUT, xid, body))

    def _own_part(self, tenant: TenantConnection, frame: bytes, in_port: int) -> TernaryMatch:
        """Return what the frame is for the slice; TenantRefusal if it is a frame of others.

        Where it does not say which port it came in at, any port of the slice will do.
        """
        header = header10(frame, in_port)
        mask = _ALL_FIELDS
        if in_port >= _MAX_PORT and in_port != _LOCAL:
            mask &= ~_PORT_MASK
        asked = TernaryMatch(header & mask, mask)
        flowspace = self._link.sliced.flowspace
        part = next(iter(flowspace.parts(tenant.slice_name, asked, _MOST_PARTS)), None)
        if part is None:
            raise TenantRefusal(OFPET.BAD_ACTION, OFPBAC.EPERM, "frame of another slice")
        return part

    def _origin(self, actions: bytes) -> ProbeOrigin | None:
        """Return where a frame leaves the switch, if that is at one port."""
        if len(actions) != _OUTPUT.size:
            return None
        kind, _, port, _ = _OUTPUT.unpack(actions)
        if kind != OFPAT.OUTPUT or port >= _MAX_PORT:
            return None
        return ProbeOrigin(self._link.dpid, port)

    def _slice(
        self,
        tenant: TenantConnection,
        actions: bytes,
        match: TernaryMatch | None,
        came_in: int | None,
    ) -> bytes:
        presence = self._link.presence(tenant)
        ports = self._ports.for_actions(tenant.slice_name)
        slicer = ActionSlicer(
            self._link.sliced.flowspace, tenant.slice_name, ports, presence.marks(ports.ports)
        )
        return slicer.slice(actions, EVERY_HEADER if match is None else match, came_in)


def _grant(tenants: Iterable[TenantConnection], buffer_id: int, header: int) -> None:
    """Let those controllers name a buffer that do more than look on."""
    for tenant in tenants:
        if not tenant.is_monitor:
            tenant.grant(buffer_id, header)


def _packet_in(message: bytes, frame: bytes) -> bytes:
    """Return a packet-in with another frame in it; it names no buffer, which has the old one."""
    _, _, in_port, reason = _PACKET_IN.unpack_from(message, HEADER_SIZE)
    body = _PACKET_IN.pack(OFP_NO_BUFFER, len(frame), in_port, reason) + frame
    return framed(OPENFLOW_10, OFPT.PACKET_IN, 0, body)


def _cut(message: bytes, miss_send_len: int) -> bytes:
    """Return a packet-in of more than is asked for: so much of it, if the rest is buffered."""
    size = _IN_AT + miss_send_len
    if int.from_bytes(message[8:12], "big") == OFP_NO_BUFFER:
        return message
    return message[:2] + size.to_bytes(2, "big") + message[4:size]
