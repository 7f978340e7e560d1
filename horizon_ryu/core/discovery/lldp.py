"""Discovery's probes: LLDP frames that name a port, carry a number and are signed.

::

    Ethernet  01:80:c2:00:00:0e | port's own MAC | 88cc
    TLV 1     chassis id, locally assigned: dpid, 8 bytes
    TLV 2     port id, locally assigned: port number, 4 bytes
    TLV 3     time to live: 0 s (a probe says where a port leads now, nothing for later)
    TLV 127   organisation 02-48-5a, subtype 1: number, 8 bytes | HMAC-SHA256, 16 bytes
    TLV 0     end

(IEEE 802.1AB-2005, clauses 8 and 9.) The destination is the one that no 802.1D bridge relays, so
what arrives came over one cable. The same frame to ANY_BRIDGE, a group that every bridge floods,
finds the ports that bridges of others join (see :mod:`~horizon_ryu.core.discovery.segments`); its
EtherType is LLDP's all the same, so that the forced drop holds for both. The signature covers dpid,
port and number under a key that only this controller has; half of the MAC's bytes are enough
(RFC 2104, section 5).
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from horizon_ryu.core.frames import MIN_FRAME
from horizon_ryu.core.topology import station_of

if TYPE_CHECKING:
    from hashlib import _Hash

NEAREST_BRIDGE = b"\x01\x80\xc2\x00\x00\x0e"
ANY_BRIDGE = b"\x03\x48\x5a\x00\x00\x01"
"""A group of local administration (IEEE 802, 8.2), of which no interface of a host is a member."""
ETHERTYPE = b"\x88\xcc"
_TAG_TYPES = (b"\x81\x00", b"\x88\xa8", b"\x91\x00")
TAG_LENGTH = 16

_ORGANISATION = b"\x02\x48\x5a\x01"
_BODY = struct.Struct("!HBQ HBI HH H4sQ 16sH")
_CHASSIS = 1 << 9 | 9
_PORT = 2 << 9 | 5
_TTL = 3 << 9 | 2
_SPECIFIC = 127 << 9 | 4 + 8 + TAG_LENGTH
_LOCAL = 7
_SIGNED = struct.Struct("!QIQ")
_BLOCK = 64
"""Bytes that SHA-256 takes in at once."""
_PADS = 0x36, 0x5C
_START = 14
_END_OF_LLDPDU = bytes(2)
LENGTH = _START + _BODY.size


class Probe(NamedTuple):
    """What a received probe claims; ``tag`` is its signature, not yet checked."""

    dpid: int
    port_no: int
    number: int
    tag: bytes


def is_lldp(frame: bytes) -> bool:
    """Tell whether ``frame`` is LLDP, one VLAN tag deep at most."""
    kind = frame[12:14]
    return kind == ETHERTYPE or (kind in _TAG_TYPES and frame[16:18] == ETHERTYPE)


@lru_cache(maxsize=8)
def _begun(key: bytes) -> tuple[_Hash, _Hash]:
    """Return the inner and the outer hash of RFC 2104, section 2, that have taken in the key.

    They are to be copied: that is half of the work, and what :mod:`hmac` adds is another quarter.
    """
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    block = key.ljust(_BLOCK, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in _PADS)
    return inner, outer


def signature_of(key: bytes, claims: bytes) -> bytes:
    """Return the 16 bytes that only who has ``key`` can make of ``claims``: HMAC-SHA256, cut."""
    inner, outer = _begun(key)
    message, signature = inner.copy(), outer.copy()
    message.update(claims)
    signature.update(message.digest())
    return signature.digest()[:TAG_LENGTH]


def sign(key: bytes, dpid: int, port_no: int, number: int) -> bytes:
    """Return the signature of a probe."""
    return signature_of(key, _SIGNED.pack(dpid, port_no, number))


def build(
    key: bytes,
    dpid: int,
    port_no: int,
    hw_addr: bytes,
    number: int,
    destination: bytes = NEAREST_BRIDGE,
) -> bytes:
    """Return the probe of a port as an Ethernet frame."""
    tag = sign(key, dpid, port_no, number)
    return build_signed(tag, dpid, port_no, hw_addr, number, destination)


def build_signed(
    tag: bytes, dpid: int, port_no: int, hw_addr: bytes, number: int, destination: bytes
) -> bytes:
    """Return the probe of which ``tag`` is the signature."""
    return b"".join(
        (
            destination,
            hw_addr,
            ETHERTYPE,
            _BODY.pack(
                _CHASSIS, _LOCAL, dpid,
                _PORT, _LOCAL, port_no,
                _TTL, 0,
                _SPECIFIC, _ORGANISATION, number, tag,
                0,
            ),
        )
    )  # fmt: skip


def parse(frame: bytes) -> Probe | None:
    """Return the probe in ``frame``; None for any other bytes, LLDP of others among them."""
    if len(frame) < LENGTH or frame[12:14] != ETHERTYPE:
        return None
    (
        chassis, chassis_kind, dpid,
        port, port_kind, port_no,
        ttl, seconds,
        specific, organisation, number, tag,
        end,
    ) = _BODY.unpack_from(frame, _START)  # fmt: skip
    heads = (chassis, chassis_kind, port, port_kind, ttl, seconds, specific, organisation, end)
    if heads != (_CHASSIS, _LOCAL, _PORT, _LOCAL, _TTL, 0, _SPECIFIC, _ORGANISATION, 0):
        return None
    return Probe(dpid, port_no, number, tag)


def is_genuine(key: bytes, probe: Probe) -> bool:
    """Tell, in constant time, whether ``probe`` was signed with ``key``."""
    return hmac.compare_digest(probe.tag, sign(key, probe.dpid, probe.port_no, probe.number))


def build_notice(station: bytes) -> bytes:
    """Return a frame in the name of a station, by its key (a MAC, and the VLAN if it is in one).

    It tells bridges of others behind which port of theirs the station is: they learn from the
    source of whatever they see (IEEE 802.1D-2004, 7.8). Hypervisors do so when a machine has moved.
    No station listens to it, and at other ports of ours it ends as LLDP of others does.
    """
    mac, vlan = station_of(station)
    tag = b"" if vlan is None else _TAG_TYPES[0] + vlan.to_bytes(2, "big")
    return (ANY_BRIDGE + mac + tag + ETHERTYPE + _END_OF_LLDPDU).ljust(MIN_FRAME, b"\0")
