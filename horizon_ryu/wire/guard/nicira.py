"""Nicira's actions, which Open vSwitch puts into flow entries of both versions (nicira-ext.h).

They are walked because Ryu reads them: a property of the controller action whose length is 0 sends
Ryu into an endless loop just as the standard elements do.
"""

from __future__ import annotations

from collections.abc import Callable

from horizon_ryu.wire.guard.oxm import walk_field
from horizon_ryu.wire.guard.violation import Reason, Violation
from horizon_ryu.wire.guard.walk import Walker, after, at_least, kinds, uint16, uint32

EXPERIMENTER = 0x00002320
MAX_ACTION_SIZE = 4096
"""Ryu copies the rest of the action for each element in it."""

_BODY = 10
"""Type, length, experimenter and subtype."""

_REG_LOAD2, _CT, _NAT, _CONTROLLER2 = 33, 35, 36, 37
_BUNDLE, _BUNDLE_LOAD, _LEARN, _DEC_TTL_IDS = 12, 13, 16, 21

_LEAST: dict[int, int] = {
    2: 16, 4: 16, 6: 24, 7: 24, 9: 24, 10: 32, _BUNDLE: 32, _BUNDLE_LOAD: 32, 15: 24, 16: 32,
    27: 24, 28: 24, 29: 24, 32: 24, 33: 16, 34: 16, _CT: 24, 38: 32,
}  # fmt: skip
"""Smallest size by subtype where it is not 16."""


def _user_data(message: bytes, start: int, end: int) -> None:
    # Ryu takes an empty one as 4 bytes where 8 are on the wire, and reads on out of step.
    if end - start < 5:
        raise Violation(Reason.LENGTH, "empty user data of a controller action")


_in_8_bytes = at_least(4, "controller property", 8)

_controller_properties = kinds(
    "controller property",
    {0: _in_8_bytes, 1: _in_8_bytes, 2: _in_8_bytes, 3: _user_data, 4: _in_8_bytes},
    # Ryu cannot know where an unlisted property ends, and stops there.
    other=at_least(4, "controller property"),
    least=4,
    step=1,
    padded=True,
)


_USER_DATA = 3
_IN_4_BYTES = frozenset({0, 1, 2, 4})

aligned_properties = after(16, _controller_properties, "controller action")
"""For the properties of a controller action as they should be, and as they are in 1.3."""


any_properties = at_least(16, "controller action")
"""For 1.0, where Open vSwitch aligns the properties in the message and not in the action."""


def properties_as_ryu_reads_them(message: bytes, start: int, end: int) -> None:
    """Raise Violation if Ryu's reading of a controller action does not come to an end.

    Ryu reads properties that are aligned otherwise out of step, and then takes anything for a
    length: a valid flow entry of Open vSwitch, ``controller(max_len=100,id=3)``, hangs it on
    1.0. So the walk takes the same steps as Ryu does.
    """
    at = start + 16
    while end - at >= 4:
        kind, size = uint16(message, at), uint16(message, at + 2) - 4
        at += 4
        if kind == _USER_DATA:
            if size < 0:
                raise Violation(Reason.LENGTH, f"user data of {size} bytes")
            space = (size + 3) & ~3
            at += space + 4 if space > 4 and space % 8 == 0 else space
        elif kind in _IN_4_BYTES:
            at += 4
        else:
            return


def _reg_load2(message: bytes, start: int, end: int) -> None:
    walk_field(message, start + _BODY, end)


_TOO_MANY_BITS = 0x0400

_NAT_RANGES = ((1, 4), (2, 4), (4, 16), (8, 16), (16, 2), (32, 2))
"""Bit and size of what may follow a NAT action: addresses of both kinds and ports, from and to."""


def _nat(message: bytes, start: int, end: int) -> None:
    present = uint16(message, start + 14)
    needed = sum(size for bit, size in _NAT_RANGES if present & bit)
    if 16 + needed > end - start:
        raise Violation(Reason.LENGTH, f"NAT ranges of {needed} bytes")


def _learn(message: bytes, start: int, end: int) -> None:
    """Check the flow specifications of a learn action: head, source, destination of each.

    The head says whether the source is a field or so many bits of a value (bit 13), whether the
    destination is a field (bits 11 and 12: 0, 1) or none (2), and the bits (10 to 0).
    """
    at = start + 32
    while at < end:
        if end - at < 2:
            raise Violation(Reason.LENGTH, "half a flow specification")
        head = uint16(message, at)
        at += 2
        if head == 0:
            continue
        if head & _TOO_MANY_BITS:
            raise Violation(Reason.LENGTH, "flow specification of more bits than a field has")
        if head & 0x2000:
            at += ((head & 0x3FF) + 15) // 16 * 2
        else:
            at = _after_subfield(message, at, end)
        if not head & 0x1000:
            at = _after_subfield(message, at, end)
        if at > end:
            raise Violation(Reason.LENGTH, "flow specification beyond its action")


def _after_subfield(message: bytes, at: int, end: int) -> int:
    """Return where the field header at ``at`` and the bit number behind it end."""
    size = 10 if end - at >= 2 and uint16(message, at) == 0xFFFF else 6
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
            size = 8 if end - at >= 8 and uint16(message, at) == 0xFFFF else 4
            if end - at < size or message[at + 2] & 1:
                raise Violation(Reason.LENGTH, "field header of an action")
            at += size

    return walk


_BODIES: dict[int, Walker] = {
    6: _fields(16, 2),
    10: _fields(28),
    15: _fields(12),
    27: _fields(12),
    28: _fields(12),
    32: _fields(14),
    _REG_LOAD2: _reg_load2,
    _LEARN: _learn,
    _NAT: _nat,
    _BUNDLE: _counted(20, 32),
    _BUNDLE_LOAD: _counted(20, 32),
    _DEC_TTL_IDS: _counted(10, 16),
}


def experimenter_action(properties: Walker, connection_tracking: Walker | None) -> Walker:
    """Return the walker of an experimenter (1.0: vendor) action.

    ``properties`` walks the controller action.
    ``connection_tracking`` walks the actions inside Nicira's ct action; with None that action is
    refused: it cannot be inside itself, or the depth of the walk would be the peer's to choose.
    """

    def walk(message: bytes, start: int, end: int) -> None:
        size = end - start
        if size < 8 or uint32(message, start + 4) != EXPERIMENTER:
            return
        if not 16 <= size <= MAX_ACTION_SIZE:
            raise Violation(Reason.LENGTH, f"Nicira action of {size} bytes")
        subtype = uint16(message, start + 8)
        if size < _LEAST.get(subtype, 16):
            raise Violation(Reason.LENGTH, f"Nicira action {subtype} of {size} bytes")
        if subtype == _CT:
            if connection_tracking is None:
                raise Violation(Reason.KIND, "connection tracking inside connection tracking")
            connection_tracking(message, start + 24, end)
        elif subtype == _CONTROLLER2:
            properties(message, start, end)
        elif subtype in _BODIES:
            _BODIES[subtype](message, start, end)

    return walk


def with_nicira(standard: Callable[[Walker], Walker], properties: Walker) -> Walker:
    """Return the walker over actions that ``standard`` makes of a walker for the foreign ones."""
    inside = standard(experimenter_action(properties, None))
    return standard(experimenter_action(properties, inside))
