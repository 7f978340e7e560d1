"""The codecs of the versions that are spoken, by their numbers on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.codec10 import CODEC10
from horizon_ryu.wire.codec13 import CODEC13

_CODECS: Mapping[int, Codec] = MappingProxyType(
    {CODEC10.version: CODEC10, CODEC13.version: CODEC13}
)


def codec_of(version: int) -> Codec:
    """Return the codec of wire version 1 or 4; KeyError for others."""
    return _CODECS[version]
