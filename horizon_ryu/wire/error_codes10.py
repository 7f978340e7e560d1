"""Types and codes of the errors of OpenFlow 1.0 (1.0.0 and 1.0.1, section 5.4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType


class OFPET(IntEnum):
    """Types of errors."""

    HELLO_FAILED = 0
    BAD_REQUEST = 1
    BAD_ACTION = 2
    FLOW_MOD_FAILED = 3
    PORT_MOD_FAILED = 4
    QUEUE_OP_FAILED = 5


class OFPHFC(IntEnum):
    """Codes of HELLO_FAILED."""

    INCOMPATIBLE = 0
    EPERM = 1


class OFPBRC(IntEnum):
    """Codes of BAD_REQUEST."""

    BAD_VERSION = 0
    BAD_TYPE = 1
    BAD_STAT = 2
    BAD_VENDOR = 3
    BAD_SUBTYPE = 4
    EPERM = 5
    BAD_LEN = 6
    BUFFER_EMPTY = 7
    BUFFER_UNKNOWN = 8


class OFPBAC(IntEnum):
    """Codes of BAD_ACTION."""

    BAD_TYPE = 0
    BAD_LEN = 1
    BAD_VENDOR = 2
    BAD_VENDOR_TYPE = 3
    BAD_OUT_PORT = 4
    BAD_ARGUMENT = 5
    EPERM = 6
    TOO_MANY = 7
    BAD_QUEUE = 8


class OFPFMFC(IntEnum):
    """Codes of FLOW_MOD_FAILED."""

    ALL_TABLES_FULL = 0
    OVERLAP = 1
    EPERM = 2
    BAD_EMERG_TIMEOUT = 3
    BAD_COMMAND = 4
    UNSUPPORTED = 5


class OFPPMFC(IntEnum):
    """Codes of PORT_MOD_FAILED."""

    BAD_PORT = 0
    BAD_HW_ADDR = 1


class OFPQOFC(IntEnum):
    """Codes of QUEUE_OP_FAILED."""

    BAD_PORT = 0
    BAD_QUEUE = 1
    EPERM = 2


CODES: Mapping[int, type[IntEnum]] = MappingProxyType(
    {
        OFPET.HELLO_FAILED: OFPHFC,
        OFPET.BAD_REQUEST: OFPBRC,
        OFPET.BAD_ACTION: OFPBAC,
        OFPET.FLOW_MOD_FAILED: OFPFMFC,
        OFPET.PORT_MOD_FAILED: OFPPMFC,
        OFPET.QUEUE_OP_FAILED: OFPQOFC,
    }
)
"""The codes of each type."""
