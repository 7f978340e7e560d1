"""What an OpenFlow error message says, in the words of the specification."""

from __future__ import annotations

from types import ModuleType

from ryu.ofproto import ofproto_v1_0, ofproto_v1_3


def _type_names(module: ModuleType) -> dict[int, str]:
    return {
        value: name.removeprefix("OFPET_")
        for name, value in vars(module).items()
        if name.startswith("OFPET_")
    }


# Read once: a switch decides how many errors it sends.
_NAMES = {1: _type_names(ofproto_v1_0), 4: _type_names(ofproto_v1_3)}


def error_name(version: int, message: bytes) -> str:
    """Return type and code of an error message, such as ``FLOW_MOD_FAILED, code 1``."""
    kind = int.from_bytes(message[8:10], "big")
    code = int.from_bytes(message[10:12], "big")
    name = _NAMES.get(version, _NAMES[4]).get(kind, f"error type {kind}")
    return f"refused with {name}, code {code}"
