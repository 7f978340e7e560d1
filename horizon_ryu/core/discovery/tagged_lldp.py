"""Tagged probes: group probes within one VLAN, for bridges that drop what has no tag.

::

    Ethernet  03:48:5a:00:00:01 | port's own MAC | 8100 | VLAN, 2 bytes | 88cc
    TLV 1-3   as of every probe (see lldp)
    TLV 127   organisation 02-48-5a, subtype 2: number, 8 bytes | VLAN, 2 bytes | HMAC, 16 bytes
    TLV 0     end

The signature covers the VLAN besides, so that a probe of one VLAN proves nothing in another one,
whoever changes or takes off its tag. Switches of ours give them to the controller and to nobody
else: the entry for LLDP matches what follows the tag.
"""

from __future__ import annotations

import hmac
import struct
from typing import NamedTuple

from horizon_ryu.core.discovery.lldp import ANY_BRIDGE, ETHERTYPE, TAG_LENGTH, signature_of
from horizon_ryu.core.frames import CUSTOMER_TAG

_ORGANISATION = b"\x02\x48\x5a\x02"
_BODY = struct.Struct("!HBQ HBI HH H4sQH 16sH")
_CHASSIS, _PORT, _TTL, _LOCAL = 1 << 9 | 9, 2 << 9 | 5, 3 << 9 | 2, 7
_SPECIFIC = 127 << 9 | 4 + 8 + 2 + TAG_LENGTH
_SIGNED = struct.Struct("!QIQH")
_UNTAGGED = 14
_TAGGED = _UNTAGGED + 4
_VLAN_BITS = 0xFFF


class TaggedProbe(NamedTuple):
    """What a received probe claims; ``tag`` is its signature, not yet checked.

    ``carried`` is the VLAN that the frame has come in by, None without a tag: another one than
    ``vlan``, which it has left in, if somebody has changed it on the way.
    """

    dpid: int
    port_no: int
    number: int
    vlan: int
    tag: bytes
    carried: int | None


def sign(key: bytes, dpid: int, port_no: int, number: int, vlan: int) -> bytes:
    """Return the signature of a tagged probe."""
    return signature_of(key, _SIGNED.pack(dpid, port_no, number, vlan))


def build(key: bytes, dpid: int, port_no: int, hw_addr: bytes, number: int, vlan: int) -> bytes:
    """Return the probe of a port within a VLAN as an Ethernet frame."""
    body = _BODY.pack(
        _CHASSIS, _LOCAL, dpid,
        _PORT, _LOCAL, port_no,
        _TTL, 0,
        _SPECIFIC, _ORGANISATION, number, vlan, sign(key, dpid, port_no, number, vlan),
        0,
    )  # fmt: skip
    return b"".join((ANY_BRIDGE, hw_addr, CUSTOMER_TAG, vlan.to_bytes(2, "big"), ETHERTYPE, body))


def parse(frame: bytes) -> TaggedProbe | None:
    """Return the tagged probe in ``frame``, be it that its tag is gone; None for any others."""
    is_tagged = frame[12:14] == CUSTOMER_TAG
    start = _TAGGED if is_tagged else _UNTAGGED
    if len(frame) < start + _BODY.size or frame[start - 2 : start] != ETHERTYPE:
        return None
    (
        chassis, chassis_kind, dpid,
        port, port_kind, port_no,
        ttl, seconds,
        specific, organisation, number, vlan, tag,
        end,
    ) = _BODY.unpack_from(frame, start)  # fmt: skip
    heads = (chassis, chassis_kind, port, port_kind, ttl, seconds, specific, organisation, end)
    if heads != (_CHASSIS, _LOCAL, _PORT, _LOCAL, _TTL, 0, _SPECIFIC, _ORGANISATION, 0):
        return None
    carried = int.from_bytes(frame[14:16], "big") & _VLAN_BITS if is_tagged else None
    return TaggedProbe(dpid, port_no, number, vlan, tag, carried)


def is_genuine(key: bytes, probe: TaggedProbe) -> bool:
    """Tell, in constant time, whether ``probe`` was signed with ``key`` for its VLAN."""
    claims = probe.dpid, probe.port_no, probe.number, probe.vlan
    return hmac.compare_digest(probe.tag, sign(key, *claims))
