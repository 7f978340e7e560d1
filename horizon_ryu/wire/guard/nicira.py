"""Nicira's actions, which Open vSwitch puts into flow entries of both versions (nicira-ext.h).

They are walked because Ryu reads them: a property of the controller action whose length is 0 sends
Ryu into an endless loop just as the standard elements do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from horizon_ryu.wire.error_codes13 import OFPBAC, OFPET
from horizon_ryu.wire.guard.oxm import walk_field
from horizon_ryu.wire.guard.violation import Reason, UnknownElement, Violation
from horizon_ryu.wire.guard.walk import Walker, at_least, tlv_list, uint16, uint32, with_header
from horizon_ryu.wire.match_codes13 import OFPXMC
from horizon_ryu.wire.nicira_ext import NX_EXPERIMENTER_ID, NX_LEARN, NX_NAT_RANGE, NXAC2PT, NXAST

MAX_ACTION_SIZE = 4096
"""Ryu copies the rest of the action for each element in it."""

_BODY = 10
"""Type, length, experimenter and subtype."""

_ID_AT, _SUBTYPE_AT = 4, 8
_HEADER, _LEAST_SIZE = 8, 16
"""Of an experimenter's action, and of an action of Nicira's."""

_LEAST: Mapping[int, int] = MappingProxyType(
    {
        int(subtype): size
        for size, subtypes in {
            24: (
                NXAST.REG_MOVE, NXAST.REG_LOAD, NXAST.SET_TUNNEL64, NXAST.OUTPUT_REG,
                NXAST.STACK_PUSH, NXAST.STACK_POP, NXAST.SAMPLE, NXAST.OUTPUT_REG2, NXAST.CT,
            ),
            32: (
                NXAST.MULTIPATH, NXAST.BUNDLE, NXAST.BUNDLE_LOAD, NXAST.LEARN, NXAST.SAMPLE2,
            ),
        }.items()
        for subtype in subtypes
    }
)  # fmt: skip
"""Smallest size by subtype where it is not _LEAST_SIZE."""

_CT, _CONTROLLER2 = int(NXAST.CT), int(NXAST.CONTROLLER2)
_CT_HEAD, _LEARN_HEAD = 24, 32

_PROPERTY_HEADER = 4
"""Type and length of a property of CONTROLLER2."""

_TLV_CLASS = int(OFPXMC.EXPERIMENTER)
"""The class of fields whose header is twice as long, with the experimenter's id."""
_SHORT_HEADER, _LONG_HEADER = 4, 8
_BIT_NUMBER = 2
"""Bytes in which an action says where in a field a part of it begins."""


def _user_data(message: bytes, start: int, end: int) -> None:
    # Ryu takes an empty one as 4 bytes where 8 are on the wire, and reads on out of step.
    if end - start <= _PROPERTY_HEADER:
        raise Violation(Reason.LENGTH, "empty user data of a controller action")


_in_8_bytes = at_least(_PROPERTY_HEADER, "controller property", 8)

_controller_properties = tlv_list(
    "controller property",
    {
        NXAC2PT.MAX_LEN: _in_8_bytes,
        NXAC2PT.CONTROLLER_ID: _in_8_bytes,
        NXAC2PT.REASON: _in_8_bytes,
        NXAC2PT.USERDATA: _user_data,
        NXAC2PT.PAUSE: _in_8_bytes,
    },
    # Ryu cannot know where an unlisted property ends, and stops there.
    other=at_least(_PROPERTY_HEADER, "controller property"),
    least=_PROPERTY_HEADER,
    step=1,
    padded=True,
)


_USER_DATA = int(NXAC2PT.USERDATA)
_RYUS_WORD = 4
"""Bytes to which Ryu pads a property's value."""
_IN_4_BYTES = frozenset(int(kind) for kind in NXAC2PT if kind != NXAC2PT.USERDATA)

aligned_properties = with_header(_LEAST_SIZE, _controller_properties, "controller action")
"""For the properties of a controller action as they should be, and as they are in 1.3."""


any_properties = at_least(_LEAST_SIZE, "controller action")
"""For 1.0, where Open vSwitch aligns the properties in the message and not in the action."""


def properties_as_ryu_reads_them(message: bytes, start: int, end: int) -> None:
    """Raise Violation if Ryu's reading of a controller action does not come to an end.

    Ryu reads properties that are aligned otherwise out of step, and then takes anything for a
    length: a valid flow entry of Open vSwitch, ``controller(max_len=100,id=3)``, hangs it on
    1.0. So the walk takes the same steps as Ryu does.
    """
    at = start + _LEAST_SIZE
    while end - at >= _PROPERTY_HEADER:
        kind, size = uint16(message, at), uint16(message, at + 2) - _PROPERTY_HEADER
        at += _PROPERTY_HEADER
        if kind == _USER_DATA:
            if size < 0:
                raise Violation(Reason.LENGTH, f"user data of {size} bytes")
            space = (size + _RYUS_WORD - 1) & -_RYUS_WORD
            word = _RYUS_WORD
            at += space + word if space > word and space % (2 * word) == 0 else space
        elif kind in _IN_4_BYTES:
            at += _RYUS_WORD
        else:
            return


def _reg_load2(message: bytes, start: int, end: int) -> None:
    walk_field(message, start + _BODY, end)


_TOO_MANY_BITS = 0x0400

_NAT_RANGES = (
    (NX_NAT_RANGE.IPV4_MIN, 4),
    (NX_NAT_RANGE.IPV4_MAX, 4),
    (NX_NAT_RANGE.IPV6_MIN, 16),
    (NX_NAT_RANGE.IPV6_MAX, 16),
    (NX_NAT_RANGE.PROTO_MIN, 2),
    (NX_NAT_RANGE.PROTO_MAX, 2),
)
"""Bit and size of what may follow a NAT action."""
_NAT_RANGES_AT = 14


def _nat(message: bytes, start: int, end: int) -> None:
    present = uint16(message, start + _NAT_RANGES_AT)
    needed = sum(size for bit, size in _NAT_RANGES if present & bit)
    if _LEAST_SIZE + needed > end - start:
        raise Violation(Reason.LENGTH, f"NAT ranges of {needed} bytes")


_SPECIFICATION_HEAD = 2


def _learn(message: bytes, start: int, end: int) -> None:
    """Check the flow specifications of a learn action: head, source, destination of each.

    The head says whether the source is a field or so many bits of a value (bit 13), whether the
    destination is a field (bits 11 and 12: 0, 1) or none (2), and the bits (10 to 0).
    """
    at = start + _LEARN_HEAD
    while at < end:
        if end - at < _SPECIFICATION_HEAD:
            raise Violation(Reason.LENGTH, "half a flow specification")
        head = uint16(message, at)
        at += _SPECIFICATION_HEAD
        if head == 0:
            continue
        if head & _TOO_MANY_BITS:
            raise Violation(Reason.LENGTH, "flow specification of more bits than a field has")
        if head & NX_LEARN.SRC_IMMEDIATE:
            at += ((head & NX_LEARN.N_BITS_MASK) + 15) // 16 * 2
        else:
            at = _after_subfield(message, at, end)
        if not head & NX_LEARN.DST_OUTPUT:
            at = _after_subfield(message, at, end)
        if at > end:
            raise Violation(Reason.LENGTH, "flow specification beyond its action")


def _after_subfield(message: bytes, at: int, end: int) -> int:
    """Return where the field header at ``at`` and the bit number behind it end."""
    is_long = end - at >= _BIT_NUMBER and uint16(message, at) == _TLV_CLASS
    size = (_LONG_HEADER if is_long else _SHORT_HEADER) + _BIT_NUMBER
    if end - at < size:
        raise Violation(Reason.LENGTH, f"{end - at} bytes left for a field of a learn action")
    return at + size


def _counted(count_at: int, head: int) -> Walker:
    """Return a walker for a head that says how many 16-bit numbers follow it."""

    def walk(message: bytes, start: int, end: int) -> None:
        count = uint16(message, start + count_at)
        if head + 2 * count > end - start:
            raise Violation(Reason.LENGTH, f"{count} numbers in an action of {end - start} bytes")

    return walk


def _fields(offset: int, count: int = 1) -> Walker:
    """Return a walker for ``count`` field headers, without values and masks, at ``offset``."""

    def walk(message: bytes, start: int, end: int) -> None:
        at = start + offset
        for _ in range(count):
            is_long = end - at >= _LONG_HEADER and uint16(message, at) == _TLV_CLASS
            size = _LONG_HEADER if is_long else _SHORT_HEADER
            if end - at < size or message[at + 2] & 1:
                raise Violation(Reason.LENGTH, "field header of an action")
            at += size

    return walk


_BODIES: Mapping[int, Walker] = MappingProxyType(
    {
        int(NXAST.REG_MOVE): _fields(16, 2),
        int(NXAST.MULTIPATH): _fields(28),
        int(NXAST.OUTPUT_REG): _fields(12),
        int(NXAST.STACK_PUSH): _fields(12),
        int(NXAST.STACK_POP): _fields(12),
        int(NXAST.OUTPUT_REG2): _fields(14),
        int(NXAST.REG_LOAD2): _reg_load2,
        int(NXAST.LEARN): _learn,
        int(NXAST.NAT): _nat,
        int(NXAST.BUNDLE): _counted(20, 32),
        int(NXAST.BUNDLE_LOAD): _counted(20, 32),
        int(NXAST.DEC_TTL_CNT_IDS): _counted(10, 16),
    }
)


_NESTED = int(OFPET.BAD_ACTION), int(OFPBAC.BAD_ARGUMENT)
"""The same in both versions."""


def experimenter_action(properties: Walker, connection_tracking: Walker | None) -> Walker:
    """Return the walker of an experimenter (1.0: vendor) action.

    ``properties`` walks the controller action.
    ``connection_tracking`` walks the actions inside Nicira's ct action; with None that action is
    refused: it cannot be inside itself, or the depth of the walk would be the peer's to choose.
    """

    def walk(message: bytes, start: int, end: int) -> None:
        size = end - start
        if size < _HEADER or uint32(message, start + _ID_AT) != NX_EXPERIMENTER_ID:
            return
        if not _LEAST_SIZE <= size <= MAX_ACTION_SIZE:
            raise Violation(Reason.LENGTH, f"Nicira action of {size} bytes")
        subtype = uint16(message, start + _SUBTYPE_AT)
        if size < _LEAST.get(subtype, _LEAST_SIZE):
            raise Violation(Reason.LENGTH, f"Nicira action {subtype} of {size} bytes")
        if subtype == _CT:
            if connection_tracking is None:
                raise UnknownElement("connection tracking inside connection tracking", _NESTED)
            connection_tracking(message, start + _CT_HEAD, end)
        elif subtype == _CONTROLLER2:
            properties(message, start, end)
        elif subtype in _BODIES:
            _BODIES[subtype](message, start, end)

    return walk


def with_nicira(standard: Callable[[Walker], Walker], properties: Walker) -> Walker:
    """Return the walker over actions that ``standard`` makes of a walker for the foreign ones."""
    inside = standard(experimenter_action(properties, None))
    return standard(experimenter_action(properties, inside))
