"""Match fields of IPv6 and of neighbour discovery as OXM bytes (1.3.5 section 7.2.3.7)."""

from __future__ import annotations

import struct

from horizon_ryu.wire.fields import header
from horizon_ryu.wire.match_codes13 import OFPXMT_OFB
from horizon_ryu.wire.messages import Match
from horizon_ryu.wire.protocols import IPV6_BITS

_SIZE = IPV6_BITS // 8
_PLAIN, _MASKED = struct.Struct(f"!I{_SIZE}s").pack, struct.Struct(f"!I{_SIZE}s{_SIZE}s").pack
_MAC = struct.Struct("!I6s").pack
_SRC, _DST, _TARGET, _SLL, _TLL = map(
    header,
    (
        OFPXMT_OFB.IPV6_SRC,
        OFPXMT_OFB.IPV6_DST,
        OFPXMT_OFB.IPV6_ND_TARGET,
        OFPXMT_OFB.IPV6_ND_SLL,
        OFPXMT_OFB.IPV6_ND_TLL,
    ),
)
_MASKED_SRC = header(OFPXMT_OFB.IPV6_SRC, masked=True)
_MASKED_DST = header(OFPXMT_OFB.IPV6_DST, masked=True)


def address_fields(match: Match) -> list[bytes]:
    """Return the fields of both addresses."""
    return [
        _network(_SRC, _MASKED_SRC, match.ipv6_src),
        _network(_DST, _MASKED_DST, match.ipv6_dst),
    ]


def neighbour_fields(match: Match) -> list[bytes]:
    """Return the fields of neighbour discovery."""
    parts = []
    if match.ipv6_nd_target is not None:
        parts.append(_PLAIN(_TARGET, match.ipv6_nd_target.to_bytes(_SIZE, "big")))
    if match.ipv6_nd_sll is not None:
        parts.append(_MAC(_SLL, match.ipv6_nd_sll))
    if match.ipv6_nd_tll is not None:
        parts.append(_MAC(_TLL, match.ipv6_nd_tll))
    return parts


def mask_of(prefix: int, bits: int) -> int:
    """Return the mask of ``bits`` bits of which the first ``prefix`` are ones."""
    return (1 << bits) - (1 << bits - prefix)


def _network(exact: int, masked: int, network: tuple[int, int] | None) -> bytes:
    if network is None or network[1] == 0:
        return b""
    address, prefix = network
    # A switch refuses values with bits outside of the mask (7.2.3.5).
    mask = mask_of(prefix, IPV6_BITS)
    value = (address & mask).to_bytes(_SIZE, "big")
    if prefix == IPV6_BITS:
        return _PLAIN(exact, value)
    return _MASKED(masked, value, mask.to_bytes(_SIZE, "big"))
