"""Messages that both versions share, as values with the names of the specification.

Hello, error, echo, configuration and barrier: 1.0.0 sections 5.3, 5.4 and 5.5, 1.3.5 sections
7.3, 7.4.4 and 7.5. ``data`` and bodies that nobody here interprets are bytes as they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from horizon_ryu.wire.layout import OPAQUE, Layout, Tlv, empty, many, record, tlvs
from horizon_ryu.wire.ofp13 import OFPHET, OFPT


@dataclass(frozen=True, slots=True)
class VersionBitmap:
    """The versions offered: bit n of word i is version 32 i + n (1.3.5 section 7.5.1)."""

    bitmaps: tuple[HelloBitmapWord, ...]

    def offers(self, version: int) -> bool:
        """Tell whether ``version`` is among them."""
        word, bit = divmod(version, 32)
        return word < len(self.bitmaps) and bool(self.bitmaps[word].bits >> bit & 1)


@dataclass(frozen=True, slots=True)
class HelloBitmapWord:
    """32 versions, the lowest first."""

    bits: int


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of either side. 1.0 sends no elements, and ignores them."""

    elements: tuple[VersionBitmap | Tlv, ...] = ()


def version_bitmap(*versions: int) -> VersionBitmap:
    """Return the bitmap of ``versions`` (at least one)."""
    words = [0] * (max(versions) // 32 + 1)
    for version in versions:
        words[version // 32] |= 1 << version % 32
    return VersionBitmap(tuple(map(HelloBitmapWord, words)))


@dataclass(frozen=True, slots=True)
class Error:
    """``data``: at least 64 bytes of the request, if one was at fault; or what the type says."""

    type: int
    code: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class EchoRequest:
    """Is to be answered with the same data."""

    data: bytes = b""


@dataclass(frozen=True, slots=True)
class EchoReply:
    """The answer, with the data of the request."""

    data: bytes = b""


@dataclass(frozen=True, slots=True)
class FeaturesRequest:
    """Asks a switch who it is."""


@dataclass(frozen=True, slots=True)
class GetConfigRequest:
    """Asks for what SetConfig sets."""


@dataclass(frozen=True, slots=True)
class GetConfigReply:
    """``flags``: what becomes of IP fragments; ``miss_send_len``: bytes of a packet-in."""

    flags: int
    miss_send_len: int


@dataclass(frozen=True, slots=True)
class SetConfig:
    """Sets what GetConfigReply tells."""

    flags: int
    miss_send_len: int


@dataclass(frozen=True, slots=True)
class BarrierRequest:
    """Asks to be told when all that came before is processed."""


@dataclass(frozen=True, slots=True)
class BarrierReply:
    """All that came before the barrier is processed."""


_BITMAP = record(VersionBitmap, many(record(HelloBitmapWord, "I")))

SYMMETRIC: Mapping[int, tuple[type, Layout[Any]]] = {
    OFPT.HELLO: (
        Hello,
        record(Hello, tlvs({OFPHET.VERSIONBITMAP: (VersionBitmap, _BITMAP)}, padded=True)),
    ),
    OFPT.ERROR: (Error, record(Error, "HH", OPAQUE)),
    OFPT.ECHO_REQUEST: (EchoRequest, record(EchoRequest, OPAQUE)),
    OFPT.ECHO_REPLY: (EchoReply, record(EchoReply, OPAQUE)),
    OFPT.FEATURES_REQUEST: (FeaturesRequest, empty(FeaturesRequest)),
    OFPT.GET_CONFIG_REQUEST: (GetConfigRequest, empty(GetConfigRequest)),
    OFPT.GET_CONFIG_REPLY: (GetConfigReply, record(GetConfigReply, "HH")),
    OFPT.SET_CONFIG: (SetConfig, record(SetConfig, "HH")),
}
"""By message type: those that have the same type and layout on both versions."""
