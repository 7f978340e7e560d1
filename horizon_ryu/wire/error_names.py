"""Names of OpenFlow errors, in the words of the specification."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from horizon_ryu.wire import error_codes10, error_codes13
from horizon_ryu.wire.versions import OPENFLOW_10


def _names(codes: type[IntEnum]) -> dict[int, str]:
    return {member.value: name for name, member in codes.__members__.items()}


def _code_names(codes: Mapping[int, type[IntEnum]]) -> dict[int, dict[int, str]]:
    return {int(kind): _names(of_kind) for kind, of_kind in codes.items()}


# Made once: a switch decides how many errors it sends.
_NAMES_10 = _names(error_codes10.OFPET), _code_names(error_codes10.CODES)
_NAMES_13 = _names(error_codes13.OFPET), _code_names(error_codes13.CODES)


def error_name(version: int, message: bytes) -> str:
    """Return type and code of an error message, such as ``FLOW_MOD_FAILED: TABLE_FULL``."""
    kind = int.from_bytes(message[8:10], "big")
    code = int.from_bytes(message[10:12], "big")
    types, codes = _NAMES_10 if version == OPENFLOW_10 else _NAMES_13
    name = types.get(kind, f"error type {kind}")
    return f"refused with {name}: {codes.get(kind, {}).get(code, f'code {code}')}"
