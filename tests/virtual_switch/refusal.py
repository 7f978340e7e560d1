"""SwitchRefusal: the error that a switch answers, by the specification's names of type and code."""

from __future__ import annotations

from enum import IntEnum

from horizon_ryu.wire import error_codes10, error_codes13
from horizon_ryu.wire.symmetric import Error
from horizon_ryu.wire.versions import OPENFLOW_10

QUOTED = 64
"""Bytes of the request that an error quotes, at least (1.0.0 section 5.4.4, 1.3.5 7.5.4)."""

_OLD_NAMES = {
    ("FLOW_MOD_FAILED", "TABLE_FULL"): ("FLOW_MOD_FAILED", "ALL_TABLES_FULL"),
    ("BAD_REQUEST", "BAD_MULTIPART"): ("BAD_REQUEST", "BAD_STAT"),
    ("BAD_REQUEST", "BAD_EXPERIMENTER"): ("BAD_REQUEST", "BAD_VENDOR"),
    ("BAD_ACTION", "BAD_EXPERIMENTER"): ("BAD_ACTION", "BAD_VENDOR"),
    ("BAD_REQUEST", "BAD_PORT"): ("PORT_MOD_FAILED", "BAD_PORT"),
    ("BAD_MATCH", "BAD_VALUE"): ("FLOW_MOD_FAILED", "UNSUPPORTED"),
}
"""What 1.0 calls an error that has another name there."""


class SwitchRefusal(Exception):
    """What a switch does not do; ``kind`` and ``code`` are the names of 1.3."""

    def __init__(self, kind: str, code: str) -> None:
        super().__init__(f"{kind}: {code}")
        self.kind = kind
        self.code = code

    def error(self, version: int, request: bytes) -> Error:
        """Return the message that says so; KeyError if the version has no such error."""
        old = version == OPENFLOW_10
        name = self.kind, self.code
        kind, code = _OLD_NAMES.get(name, name) if old else name
        types: type[IntEnum] = error_codes10.OFPET if old else error_codes13.OFPET
        codes = error_codes10.CODES if old else error_codes13.CODES
        number = types[kind]
        return Error(int(number), int(codes[number][code]), request[:QUOTED])
