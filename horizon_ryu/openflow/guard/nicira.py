"""Nicira's actions, which Open vSwitch puts into flow entries of both versions (nicira-ext.h).

They are walked because Ryu reads them: a property of the controller action whose length is 0 sends
Ryu into an endless loop just as the standard elements do.
"""

from __future__ import annotations

from collections.abc import Callable

from horizon_ryu.openflow.guard.oxm import walk_field
from horizon_ryu.openflow.guard.violation import Reason, Violation
from horizon_ryu.openflow.guard.walk import Walker, after, at_least, kinds, uint16, uint32

EXPERIMENTER = 0x00002320
MAX_ACTION_SIZE = 4096
"""Ryu copies the rest of the action for each element in it."""

_BODY = 10
"""Type, length, experimenter and subtype."""

_REG_LOAD2, _CT, _CONTROLLER2 = 33, 35, 37
_BUNDLE, _BUNDLE_LOAD, _DEC_TTL_IDS = 12, 13, 21

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


def _reg_load2(message: bytes, start: int, end: int) -> None:
    walk_field(message, start + _BODY, end)


def _counted(count_at: int, head: int) -> Walker:
    """Return a walker for a head that says how many 16-bit numbers follow it."""

    def walk(message: bytes, start: int, end: int) -> None:
        count = uint16(message, start + count_at)
        if head + 2 * count > end - start:
            raise Violation(Reason.LENGTH, f"{count} numbers in an action of {end - start} bytes")

    return walk


_BODIES: dict[int, Walker] = {
    _REG_LOAD2: _reg_load2,
    _BUNDLE: _counted(22, 32),
    _BUNDLE_LOAD: _counted(22, 32),
    _DEC_TTL_IDS: _counted(10, 16),
    _CONTROLLER2: after(16, _controller_properties, "controller action"),
}


def experimenter_action(connection_tracking: Walker | None) -> Walker:
    """Return the walker of an experimenter (1.0: vendor) action.

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
        elif subtype in _BODIES:
            _BODIES[subtype](message, start, end)

    return walk


def with_nicira(standard: Callable[[Walker], Walker]) -> Walker:
    """Return the walker over actions that ``standard`` makes of a walker for the foreign ones."""
    inside = standard(experimenter_action(None))
    return standard(experimenter_action(inside))
