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
_MARKS = 2


class ProbeOrigin(NamedTuple):
    """Where an LLDP frame left the network's switches."""

    dpid: int
    port_no: int


class SignedProbe(NamedTuple):
    """A frame as its slice has sent it; ``origin`` None: at several ports, or nobody knows."""

    frame: bytes
    slice_name: str
    origin: ProbeOrigin | None


class Trailer(NamedTuple):
    """Names of a slice and of the slicer that it is a slice of."""

    slice_name: str
    slicer: str


MAY_BE_LLDP = frozenset({_TAG, _LLDP})
"""Types of frames of which :func:`is_lldp` may be true."""


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

    def put(self, frame: bytes, slice_name: str, origin: ProbeOrigin | None) -> bytes:
        """Return a frame of a slice with its trailer, which tells where it leaves the switches."""
        place = "" if origin is None else f"{origin.dpid:x}.{origin.port_no:x}"
        signed = f"{self._instance}#{place}#{self._sign(frame, slice_name, place)}"
        return with_trailer(frame, Trailer(slice_name, signed))

    def take(self, frame: bytes) -> SignedProbe | None:
        """Return what a slice of this slicer has sent; None if it is no such frame."""
        bare, trailer = take_trailer(frame)
        if trailer is None or trailer.slicer.count("#") < _MARKS:
            return None
        instance, place, signature = trailer.slicer.rsplit("#", _MARKS)
        wanted = self._sign(bare, trailer.slice_name, place)
        if instance != self._instance or not hmac.compare_digest(
            signature.encode(), wanted.encode()
        ):
            return None
        return SignedProbe(bare, trailer.slice_name, _origin(place))

    def _sign(self, frame: bytes, slice_name: str, place: str) -> str:
        signed = b"\0".join((slice_name.encode(), place.encode(), frame))
        return hmac.new(self._key, signed, sha256).hexdigest()[:_SIGNATURE]


def _origin(place: str) -> ProbeOrigin | None:
    """Return what :meth:`TrailerSigner.put` has written and signed."""
    dpid, _, port_no = place.partition(".")
    return ProbeOrigin(int(dpid, 16), int(port_no, 16)) if port_no else None
