"""Masks of MAC addresses in matches, and the one form that each has."""

from __future__ import annotations

from horizon_ryu.wire.messages import Match
from horizon_ryu.wire.protocols import MAC_SIZE

GROUP_BIT = b"\x01\x00\x00\x00\x00\x00"
"""The bit of a destination that says that it is a group (IEEE 802, clause 8.2)."""
ALL_BITS = b"\xff" * MAC_SIZE


def masked(mac: bytes, mask: bytes) -> bytes:
    """Return the bits of ``mac`` that ``mask`` has."""
    both = int.from_bytes(mac, "big") & int.from_bytes(mask, "big")
    return both.to_bytes(MAC_SIZE, "big")


def masked_macs(match: Match) -> Match:
    """Return ``match`` with its masks in one form: no bits beside them, and none of all or none.

    The group bit of the destination alone is ``dl_dst_multicast``.
    """
    src, src_mask = _one_form(match.dl_src, match.dl_src_mask)
    dst, dst_mask = _one_form(match.dl_dst, match.dl_dst_mask)
    found = match._replace(dl_src=src, dl_src_mask=src_mask, dl_dst=dst, dl_dst_mask=dst_mask)
    if dst == dst_mask == GROUP_BIT:
        found = found._replace(dl_dst=None, dl_dst_mask=None, dl_dst_multicast=True)
    return found


def _one_form(mac: bytes | None, mask: bytes | None) -> tuple[bytes | None, bytes | None]:
    if mac is None or mask is None or mask == ALL_BITS:
        return mac, None
    return (masked(mac, mask), mask) if any(mask) else (None, None)
