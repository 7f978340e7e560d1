"""Flowspace rule: which frames, on which switches, a slice may handle, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Flag, auto

from horizon_ryu.core.slicing.value_set import ValueSet

DEFAULT_PRIORITY = 32000
"""Of a rule that names none, as FlowVisor has it."""
MAX_PRIORITY = 0xFFFF_FFFF


class Permission(Flag):
    """What a slice may do with the frames of a rule.

    ``READ``: it gets copies of their packet-ins. ``WRITE``: they are its own. ``DELEGATE``: it may
    pass on part of them.
    """

    READ = auto()
    WRITE = auto()
    DELEGATE = auto()


_WRITE = Permission.WRITE.value
_PASSED_ON, _ITSELF = 0, 1
"""What of a rule comes first: all that was passed on of it, then the rule itself."""
READ_WRITE = Permission.READ | Permission.WRITE
LETTERS: Mapping[str, Permission] = {
    "r": Permission.READ,
    "rw": READ_WRITE,
    "rwd": READ_WRITE | Permission.DELEGATE,
}
"""How permissions are written."""


@dataclass(frozen=True, slots=True)
class FlowspaceRule:
    """One rule of a slice.

    ``dpids``: None for every switch. ``match`` has, by the names of fields that OpenFlow 1.0 gives
    where it has such (see :mod:`horizon_ryu.wire.fields`), the values that a frame may have; a
    field that is not named may have any. Of two rules that take a frame the one of higher
    ``priority`` counts, then the one of lower ``rule_id``. ``queues``: those that the slice may
    use on the ports of the rule; ``force_queue``: the one that each output to them goes through.
    ``above``: of a rule that was passed on, the place of the rule that it was part of, see
    :meth:`place_above`; it counts before that one, and after all that this one comes after.
    """

    rule_id: int
    slice_name: str
    dpids: frozenset[int] | None
    match: Mapping[str, ValueSet]
    priority: int = DEFAULT_PRIORITY
    permissions: Permission = READ_WRITE
    queues: frozenset[int] = frozenset()
    force_queue: int | None = None
    above: tuple[int, ...] = ()

    @property
    def order(self) -> tuple[int, ...]:
        """What rules are sorted by: the first that takes a frame counts."""
        return *self.above, -self.priority, self.rule_id, _ITSELF

    @property
    def place_above(self) -> tuple[int, ...]:
        """What rules that pass on part of this one have as ``above``."""
        return *self.above, -self.priority, self.rule_id, _PASSED_ON

    @property
    def within(self) -> int | None:
        """The id of the rule that this one was part of; None if it stands for itself."""
        return self.above[-2] if self.above else None

    @property
    def owns(self) -> bool:
        """Whether the frames are the slice's own; otherwise it only sees them."""
        return bool(self.permissions.value & _WRITE)

    def concerns(self, dpid: int) -> bool:
        """Tell whether the rule is about a switch."""
        return self.dpids is None or dpid in self.dpids
