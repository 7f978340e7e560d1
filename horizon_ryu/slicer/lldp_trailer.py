"""Trailer of LLDP frames: which slice of which slicer has sent one, so that it comes back to it.

An organizationally specific TLV (IEEE 802.1AB section 8.6) before the end of the frame, with the
layout that FlowVisor gave it: slice, zero, slicer, zero, and the two lengths.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import NamedTuple

from horizon_ryu.wire.protocols import ETHERTYPE

_LLDP = int(ETHERTYPE.LLDP).to_bytes(2, "big")
_TAG = int(ETHERTYPE.VLAN).to_bytes(2, "big")
_TYPE_AT, _TAG_SIZE = 12, 4
_SPECIFIC = 127
_OUI = bytes.fromhex("a42305")
_SUBTYPE = 1
_END = bytes(2)
_MOST = 0x1FF
_HEAD = 2 + len(_OUI) + 1
_SIGNATURE = 16


class Trailer(NamedTuple):
    """Names of a slice and of the slicer that it is a slice of."""

    slice_name: str
    slicer: str


def is_lldp(frame: bytes) -> bool:
    """Tell whether a frame is LLDP, also inside one tag."""
    at = _TYPE_AT
    if frame[at : at + 2] == _TAG:
        at += _TAG_SIZE
    return frame[at : at + 2] == _LLDP


def with_trailer(frame: bytes, trailer: Trailer) -> bytes:
    """Return an LLDP frame with a trailer behind what it has, and an end of its own.

    ValueError if the names are too long for it.
    """
    names = trailer.slice_name.encode() + b"\0" + trailer.slicer.encode() + b"\0"
    lengths = bytes((len(trailer.slice_name.encode()), len(trailer.slicer.encode())))
    body = _OUI + bytes((_SUBTYPE,)) + names + lengths
    if len(body) > _MOST:
        raise ValueError(f"a trailer of {len(body)} bytes")
    head = (_SPECIFIC << 9 | len(body)).to_bytes(2, "big")
    return frame + head + body + _END


def take_trailer(frame: bytes) -> tuple[bytes, Trailer | None]:
    """Return the frame as its sender made it and the trailer; the frame alone if it has none.

    Of several trailers, which slicers on top of one another have put on, the last is taken off.
    """
    end = len(frame) - len(_END)
    if end < _HEAD + 4 or frame[end:] != _END:
        return _unpadded(frame)
    slicer_size, slice_size = frame[end - 1], frame[end - 2]
    start = end - 2 - (slice_size + slicer_size + 2) - _HEAD
    size = end - start - 2
    wanted = (_SPECIFIC << 9 | size).to_bytes(2, "big") + _OUI + bytes((_SUBTYPE,))
    if start < _TYPE_AT or frame[start : start + _HEAD] != wanted:
        return _unpadded(frame)
    names = frame[start + _HEAD : end - 2]
    slice_name, slicer = names[:slice_size], names[slice_size + 1 : -1]
    try:
        return frame[:start], Trailer(slice_name.decode(), slicer.decode())
    except UnicodeDecodeError:
        return frame, None


def _unpadded(frame: bytes) -> tuple[bytes, Trailer | None]:
    """Look for a trailer before zeros that a switch has filled the frame up with."""
    stripped = frame.rstrip(b"\0")
    if len(frame) - len(stripped) <= len(_END) or len(stripped) < _TYPE_AT:
        return frame, None
    return (
        take_trailer(stripped + _END) if len(stripped) + len(_END) < len(frame) else (frame, None)
    )


class TrailerSigner:
    """Puts trailers on LLDP frames that only this slicer can have made."""

    def __init__(self, instance: str, key: bytes) -> None:
        self._instance = instance
        self._key = key

    def put(self, frame: bytes, slice_name: str) -> bytes:
        """Return a frame of a slice with its trailer."""
        signed = f"{self._instance}#{self._sign(frame, slice_name)}"
        return with_trailer(frame, Trailer(slice_name, signed))

    def take(self, frame: bytes) -> tuple[bytes, str | None]:
        """Return a frame as its slice has sent it, and the slice; the frame as it is if none."""
        bare, trailer = take_trailer(frame)
        if trailer is None:
            return frame, None
        instance, _, signature = trailer.slicer.rpartition("#")
        wanted = self._sign(bare, trailer.slice_name)
        if instance != self._instance or not hmac.compare_digest(signature, wanted):
            return frame, None
        return bare, trailer.slice_name

    def _sign(self, frame: bytes, slice_name: str) -> str:
        digest = hmac.new(self._key, slice_name.encode() + b"\0" + frame, sha256)
        return digest.hexdigest()[:_SIGNATURE]
