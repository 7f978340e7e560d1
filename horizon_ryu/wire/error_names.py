"""What an OpenFlow error message says, in the words of the specification."""

from __future__ import annotations

from types import ModuleType

from ryu.ofproto import ofproto_v1_0, ofproto_v1_3

_CODE_PREFIXES = {
    "HELLO_FAILED": "OFPHFC_",
    "BAD_REQUEST": "OFPBRC_",
    "BAD_ACTION": "OFPBAC_",
    "BAD_INSTRUCTION": "OFPBIC_",
    "BAD_MATCH": "OFPBMC_",
    "FLOW_MOD_FAILED": "OFPFMFC_",
    "GROUP_MOD_FAILED": "OFPGMFC_",
    "PORT_MOD_FAILED": "OFPPMFC_",
    "TABLE_MOD_FAILED": "OFPTMFC_",
    "QUEUE_OP_FAILED": "OFPQOFC_",
    "SWITCH_CONFIG_FAILED": "OFPSCFC_",
    "ROLE_REQUEST_FAILED": "OFPRRFC_",
    "METER_MOD_FAILED": "OFPMMFC_",
    "TABLE_FEATURES_FAILED": "OFPTFFC_",
}


def _names(module: ModuleType, prefix: str) -> dict[int, str]:
    return {
        value: name.removeprefix(prefix)
        for name, value in vars(module).items()
        if name.startswith(prefix)
    }


def _code_names(module: ModuleType) -> dict[str, dict[int, str]]:
    return {kind: _names(module, prefix) for kind, prefix in _CODE_PREFIXES.items()}


# Read once: a switch decides how many errors it sends.
_TYPES = {1: _names(ofproto_v1_0, "OFPET_"), 4: _names(ofproto_v1_3, "OFPET_")}
_CODES = {1: _code_names(ofproto_v1_0), 4: _code_names(ofproto_v1_3)}


def error_name(version: int, message: bytes) -> str:
    """Return type and code of an error message, such as ``FLOW_MOD_FAILED: TABLE_FULL``."""
    kind = int.from_bytes(message[8:10], "big")
    code = int.from_bytes(message[10:12], "big")
    types, codes = _TYPES.get(version, _TYPES[4]), _CODES.get(version, _CODES[4])
    name = types.get(kind, f"error type {kind}")
    return f"refused with {name}: {codes.get(name, {}).get(code, f'code {code}')}"
