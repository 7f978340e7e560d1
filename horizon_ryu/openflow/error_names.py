"""What an OpenFlow error message says, in the words of the specification."""

from __future__ import annotations

from types import ModuleType

from ryu.ofproto import ofproto_v1_0, ofproto_v1_3

_MODULES: dict[int, ModuleType] = {1: ofproto_v1_0, 4: ofproto_v1_3}


def error_name(version: int, message: bytes) -> str:
    """Return type and code of an error message, such as ``FLOW_MOD_FAILED, code 1``."""
    kind = int.from_bytes(message[8:10], "big")
    code = int.from_bytes(message[10:12], "big")
    return f"refused with {_type_name(_MODULES.get(version, ofproto_v1_3), kind)}, code {code}"


def _type_name(module: ModuleType, kind: int) -> str:
    for name, value in vars(module).items():
        if name.startswith("OFPET_") and value == kind:
            return name.removeprefix("OFPET_")
    return f"error type {kind}"
