"""What a switch says of itself: the description statistics (1.0.0 5.3.5, 1.3.5 7.3.5.1)."""

from __future__ import annotations

from typing import NamedTuple

from horizon_ryu.wire.versions import OPENFLOW_10

_BODY_10, _BODY_13 = 12, 16
_TEXT, _SERIAL = 256, 32


class Description(NamedTuple):
    """Texts for people, in no set form, and empty where the switch says nothing."""

    manufacturer: str
    hardware: str
    software: str
    serial: str
    datapath: str


def read_description(version: int, message: bytes) -> Description:
    """Read a whole description reply; what a short one lacks is empty. Never raises.

    A text ends at its first NUL; bytes that are no UTF-8 are replaced.
    """
    at, texts = _BODY_10 if version == OPENFLOW_10 else _BODY_13, []
    for size in (_TEXT, _TEXT, _TEXT, _SERIAL, _TEXT):
        text, _, _ = bytes(message[at : at + size]).partition(b"\0")
        texts.append(text.decode("utf-8", "replace"))
        at += size
    return Description(*texts)
