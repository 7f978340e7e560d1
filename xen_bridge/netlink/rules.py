"""Rules: which table a packet is looked up in, and changes of them (ip-rule(8))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from xen_bridge.errors import InvalidRequest
from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    FIB_RULE_INVERT,
    FR_ACT_TO_TBL,
    FRA_DST,
    FRA_FWMARK,
    FRA_FWMASK,
    FRA_IIFNAME,
    FRA_OIFNAME,
    FRA_PRIORITY,
    FRA_PROTOCOL,
    FRA_SRC,
    FRA_SUPPRESS_IFGROUP,
    FRA_SUPPRESS_PREFIXLEN,
    FRA_TABLE,
    NLM_F_CREATE,
    NLM_F_EXCL,
    RT_TABLE_COMPAT,
    RTM_DELRULE,
    RTM_NEWRULE,
    RTPROT_STATIC,
)
from xen_bridge.netlink.wire import Request

FIB_RULE_HDR = struct.Struct("=BBBBBxxBI")
"""Family, destination and source length, TOS, table, action, flags."""
ANY_MARK = 0xFFFFFFFF
_KNOWN = frozenset(
    {
        *(FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_OIFNAME, FRA_PRIORITY, FRA_FWMARK, FRA_FWMASK),
        *(FRA_TABLE, FRA_PROTOCOL),
    },
)
_LIMITS = frozenset({FRA_SUPPRESS_IFGROUP, FRA_SUPPRESS_PREFIXLEN})
_NO_LIMIT = b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: of lower ``priority``, asked earlier. ``table`` is 0 where the action needs none.

    A packet matches that came by ``iif``, leaves by ``oif``, bears ``fwmark`` (under ``fwmask``)
    and lies in ``source`` and ``destination`` (prefixes), as far as these are not None.
    """

    priority: int
    table: int = 0
    action: int = FR_ACT_TO_TBL
    family: int = socket.AF_INET
    iif: str | None = None
    oif: str | None = None
    fwmark: int | None = None
    fwmask: int = ANY_MARK
    source: str | None = None
    destination: str | None = None
    protocol: int = RTPROT_STATIC
    more: bool = False
    """Whether it has a condition, or a consequence, that is not among these."""

    @property
    def is_conditional(self) -> bool:
        """Whether it is not for every packet, or not for every route of its table."""
        ways = (self.iif, self.oif, self.source, self.destination)
        return self.more or bool(self.fwmark) or any(one is not None for one in ways)


def read_rule(data: bytes) -> Rule | None:
    """Return the rule that a message tells of; None if it tells of none."""
    if len(data) < FIB_RULE_HDR.size:
        return None
    family, to, of, tos, table, action, flags = FIB_RULE_HDR.unpack_from(data)
    if family not in wire.SIZES:
        return None
    found = wire.attributes(data, FIB_RULE_HDR.size)
    fwmask = wire.optional_number(found.get(FRA_FWMASK))
    return Rule(
        priority=wire.number(found.get(FRA_PRIORITY)),
        table=wire.number(found[FRA_TABLE]) if FRA_TABLE in found else table,
        action=action,
        family=family,
        iif=wire.text(found[FRA_IIFNAME]) if FRA_IIFNAME in found else None,
        oif=wire.text(found[FRA_OIFNAME]) if FRA_OIFNAME in found else None,
        fwmark=wire.optional_number(found.get(FRA_FWMARK)),
        fwmask=ANY_MARK if fwmask is None else fwmask,
        source=_prefix(family, found.get(FRA_SRC), of),
        destination=_prefix(family, found.get(FRA_DST), to),
        protocol=(found.get(FRA_PROTOCOL) or b"\0")[0],
        more=bool(tos or flags & FIB_RULE_INVERT or _has_more(found)),
    )


def _has_more(found: Mapping[int, bytes]) -> bool:
    """Tell whether there is an attribute that says more; the kernel writes -1 for "no limit"."""
    return any(
        kind not in _KNOWN and not (kind in _LIMITS and data == _NO_LIMIT)
        for kind, data in found.items()
    )


def _prefix(family: int, data: bytes | None, length: int) -> str | None:
    address = wire.address_text(family, data)
    return None if address is None else f"{address}/{length}"


# ---- changes


def add_rule(rule: Rule) -> Request:
    """Return what adds a rule; refused (EEXIST) if it is there."""
    return _change(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule)


def delete_rule(rule: Rule) -> Request:
    """Return what takes a rule away; refused (ENOENT) if it is not there."""
    return _change(RTM_DELRULE, 0, rule)


def _change(kind: int, how: int, rule: Rule) -> Request:
    parts = [wire.attribute(FRA_PRIORITY, wire.u32(rule.priority))]
    lengths = {FRA_DST: 0, FRA_SRC: 0}
    for key, prefix in ((FRA_DST, rule.destination), (FRA_SRC, rule.source)):
        if prefix is not None:
            address, lengths[key] = wire.prefix_bytes(rule.family, prefix)
            parts.append(wire.attribute(key, address))
    for key, device in ((FRA_IIFNAME, rule.iif), (FRA_OIFNAME, rule.oif)):
        if device is not None:
            parts.append(wire.attribute(key, wire.name(device)))
    if rule.fwmark is not None:
        parts.append(wire.attribute(FRA_FWMARK, wire.u32(rule.fwmark)))
        parts.append(wire.attribute(FRA_FWMASK, wire.u32(rule.fwmask)))
    if rule.table:
        parts.append(wire.attribute(FRA_TABLE, wire.u32(rule.table)))
    parts.append(wire.attribute(FRA_PROTOCOL, _one_byte(rule.protocol, "protocol")))
    head = FIB_RULE_HDR.pack(
        _family(rule),
        lengths[FRA_DST],
        lengths[FRA_SRC],
        0,
        rule.table if rule.table < 256 else RT_TABLE_COMPAT,
        _one_byte(rule.action, "action")[0],
        0,
    )
    return Request(kind, how, head + b"".join(parts))


def _family(rule: Rule) -> int:
    if rule.family not in wire.SIZES:
        raise InvalidRequest(("family",), "must be AF_INET or AF_INET6")
    return rule.family


def _one_byte(value: int, field: str) -> bytes:
    if not 0 <= value <= 0xFF:
        raise InvalidRequest((field,), f"{value} does not fit into 8 bits")
    return bytes((value,))
