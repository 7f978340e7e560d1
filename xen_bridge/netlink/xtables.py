"""Tables of the older iptables and ip6tables, as the kernel has them (ip_tables.h, ip6_tables.h).

Asked by getsockopt, as ``iptables-legacy`` does; that is not needed. Only tables that are there
are asked for: to ask for another one would make it.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from xen_bridge.errors import BridgeError

FOLDER = Path("/proc/thread-self/net")
HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
INFO = struct.Struct("=32sI5I5III")
"""xt_getinfo: name, valid hooks, where each begins, where its policy is, entries, bytes."""
ENTRIES_AT = 40
"""Of xt_get_entries: name, size, and padding to eight bytes."""
MAX_SIZE = 1 << 26
_GET_INFO, _GET_ENTRIES = 64, 65
_TARGET_SIZE = 32
_VERDICT = struct.Struct("=i")
_NF_DROP = -1
"""NF_DROP as a verdict: -0 - 1."""
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class XtFamily:
    """Where the tables of a family are, and where an entry of them says where its target is."""

    tool: str
    names: str
    family: int
    level: int
    target_offset_at: int


FAMILIES = (
    XtFamily("iptables", "ip_tables_names", socket.AF_INET, socket.IPPROTO_IP, 88),
    XtFamily("ip6tables", "ip6_tables_names", socket.AF_INET6, socket.IPPROTO_IPV6, 140),
)


@dataclass(frozen=True, slots=True)
class XtChain:
    """A built-in chain: of which tool and table, and whether it does something."""

    tool: str
    table: str
    hook: str
    has_rules: bool
    drops: bool
    """Whether its policy is to drop."""


def chains() -> list[XtChain]:
    """Return the built-in chains of the thread's namespace. Raises BridgeError."""
    return [
        chain
        for family in FAMILIES
        for table in _names(FOLDER / family.names)
        for chain in _chains_of(family, table)
    ]


def arp_tables() -> list[str]:
    """Return the names of the tables of ``arptables``."""
    return _names(FOLDER / "arp_tables_names")


def read_table(family: XtFamily, table: str, info: bytes, entries: bytes) -> list[XtChain]:
    """Return the built-in chains of a table: xt_getinfo, and what it has of entries."""
    _, valid, *numbers = INFO.unpack_from(info)
    begins, policies = numbers[:5], numbers[5:10]
    return [
        XtChain(
            family.tool,
            table,
            hook,
            begins[at] != policies[at],
            _drops(family, entries, policies[at]),
        )
        for at, hook in enumerate(HOOKS)
        if valid & 1 << at
    ]


def _drops(family: XtFamily, entries: bytes, at: int) -> bool:
    """Return whether the entry at ``at`` is anything but one that accepts."""
    try:
        (offset,) = struct.unpack_from("=H", entries, at + family.target_offset_at)
        (verdict,) = _VERDICT.unpack_from(entries, at + offset + _TARGET_SIZE)
    except struct.error:
        return True
    return bool(verdict == _NF_DROP)


def _names(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").split()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BridgeError(f"{path} cannot be read: {error.strerror}") from error


def _chains_of(family: XtFamily, table: str) -> list[XtChain]:
    name = table.encode()[:31].ljust(32, b"\0")
    try:
        with socket.socket(family.family, socket.SOCK_RAW, socket.IPPROTO_RAW) as asked:
            info = _asked(asked, family.level, _GET_INFO, name.ljust(INFO.size, b"\0"))
            size = INFO.unpack_from(info)[-1]
            if size > MAX_SIZE:
                raise BridgeError(f"{family.tool}: table {table} has {size} bytes")
            question = (name + struct.pack("=I", size)).ljust(ENTRIES_AT + size, b"\0")
            entries = _asked(asked, family.level, _GET_ENTRIES, question)[ENTRIES_AT:]
    except OSError as error:
        reason = f"{family.tool}: table {table} cannot be read: {error.strerror}"
        raise BridgeError(reason) from error
    return read_table(family, table, info, entries)


def _asked(connection: socket.socket, level: int, option: int, question: bytes) -> bytes:
    """Return what the kernel answers to a question that stands where the answer will."""
    buffer = ctypes.create_string_buffer(question, len(question))
    length = ctypes.c_uint32(len(question))
    if _LIBC.getsockopt(connection.fileno(), level, option, buffer, ctypes.byref(length)):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return buffer.raw
