"""The few fields of a frame on which simulated switches match."""

from __future__ import annotations

import struct
from dataclasses import dataclass

BROADCAST = b"\xff" * 6
LLDP_TYPE = 0x88CC
_TRACED = b"traced frame "
_RESERVED = bytes.fromhex("0180c20000")


@dataclass(frozen=True, slots=True)
class Fields:
    """What a table looks at; ``nw_*`` are None unless the frame is ARP or IPv4."""

    dl_dst: bytes
    dl_src: bytes
    dl_type: int
    dl_vlan: int | None = None
    nw_src: int | None = None
    nw_dst: int | None = None

    @property
    def is_multicast(self) -> bool:
        """Tell whether the group bit of the destination is set."""
        return bool(self.dl_dst[0] & 1)

    @property
    def is_reserved(self) -> bool:
        """Tell whether IEEE 802.1D bridges filter it: 01:80:c2:00:00:00 to 0f."""
        return self.dl_dst[:5] == _RESERVED and self.dl_dst[5] < 0x10


def fields_of(data: bytes) -> Fields:
    """Read the header of ``data``, which the simulation itself has made."""
    dl_type = struct.unpack_from("!H", data, 12)[0]
    vlan, offset = None, 14
    if dl_type == 0x8100:
        tag, dl_type = struct.unpack_from("!HH", data, 14)
        vlan, offset = tag & 0xFFF, 18
    source = destination = None
    if dl_type == 0x0800 and len(data) >= offset + 20:
        source, destination = struct.unpack_from("!II", data, offset + 12)
    elif dl_type == 0x0806 and len(data) >= offset + 28:
        source, destination = (struct.unpack_from("!I", data, offset + at)[0] for at in (14, 24))
    return Fields(data[:6], data[6:12], dl_type, vlan, source, destination)


def traced_frame(source: bytes, number: int, destination: bytes = BROADCAST) -> bytes:
    """Return a frame that the simulation can tell from every other by ``number``."""
    return destination + source + b"\x88\xb5" + _TRACED + struct.pack("!Q", number) + bytes(25)


def trace_number(data: bytes) -> int | None:
    """Return the number of a traced frame; None for every other frame."""
    start = data.find(_TRACED, 14, 64)
    if start < 0:
        return None
    return int(struct.unpack_from("!Q", data, start + len(_TRACED))[0])
