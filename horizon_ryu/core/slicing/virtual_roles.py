"""Virtual roles: which of a slice's controllers is master of the switch that the slice sees.

It follows OpenFlow 1.3.5 section 6.3.5 for the controllers of one slice on one switch, as if the
switch were theirs alone. What messages a controller gets is told by masks of reasons, one for
masters and equals, one for slaves (sections 6.3.5 and 7.3.10).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

GENERATIONS = 1 << 64
NO_GENERATION = GENERATIONS - 1
"""Told while no controller has named a generation (section 7.3.9)."""


class VirtualRole(IntEnum):
    """Roles, by the numbers of the specification."""

    NOCHANGE = 0
    EQUAL = 1
    MASTER = 2
    SLAVE = 3


class StaleGeneration(ValueError):
    """A controller asks with the generation of an older election."""


class RoleUnavailable(ValueError):
    """A controller that only looks on asks to be master."""


class UnknownRole(ValueError):
    """There is no role of this number."""


class AsyncKind(StrEnum):
    """What a switch sends of its own accord."""

    PACKET_IN = "packet_in"
    PORT_STATUS = "port_status"
    FLOW_REMOVED = "flow_removed"


@dataclass(frozen=True, slots=True)
class AsyncMask:
    """Bits of the reasons for which a message is wanted: as master or equal, and as slave."""

    active: int
    slave: int


ALL_REASONS = 0xFFFF_FFFF
DEFAULT_MASKS: dict[AsyncKind, AsyncMask] = {
    AsyncKind.PACKET_IN: AsyncMask(0b011, 0),
    AsyncKind.PORT_STATUS: AsyncMask(0b111, 0b111),
    AsyncKind.FLOW_REMOVED: AsyncMask(0b1111, 0),
}
"""As a switch begins: no frames whose TTL has ended, and slaves hear of ports only."""


@dataclass(slots=True)
class _Member:
    is_monitor: bool
    role: VirtualRole = VirtualRole.EQUAL
    masks: dict[AsyncKind, AsyncMask] = field(default_factory=lambda: dict(DEFAULT_MASKS))


class VirtualRoles:
    """The controllers of one slice on one switch; they are told apart by any hashable value."""

    def __init__(self) -> None:
        self._members: dict[Hashable, _Member] = {}
        self._generation: int | None = None

    def __len__(self) -> int:
        return len(self._members)

    def join(self, member: Hashable, is_monitor: bool = False) -> None:
        """Have a controller, which is equal to the others until it asks for another role."""
        self._members[member] = _Member(is_monitor)

    def leave(self, member: Hashable) -> None:
        """Have it no more; the generation stays, so that an old master is known as such."""
        self._members.pop(member, None)

    @property
    def generation(self) -> int:
        """The generation of the last election, 64 bits."""
        return NO_GENERATION if self._generation is None else self._generation

    def role(self, member: Hashable) -> VirtualRole:
        """Return the role of a controller."""
        return self._members[member].role

    def request(self, member: Hashable, role: int, generation: int) -> VirtualRole:
        """Give a controller a role, and return it; a master makes slaves of other masters.

        StaleGeneration, RoleUnavailable or UnknownRole, and then nothing has changed.
        """
        try:
            wanted = VirtualRole(role)
        except ValueError as error:
            raise UnknownRole(f"role {role}") from error
        own = self._members[member]
        if wanted is VirtualRole.NOCHANGE:
            return own.role
        if wanted is VirtualRole.MASTER and own.is_monitor:
            raise RoleUnavailable("a monitor is never master")
        if wanted is not VirtualRole.EQUAL:
            self._elect(generation)
        if wanted is VirtualRole.MASTER:
            for other in self._members.values():
                if other.role is VirtualRole.MASTER:
                    other.role = VirtualRole.SLAVE
        own.role = wanted
        return wanted

    def _elect(self, generation: int) -> None:
        """Take note of a generation; StaleGeneration if it lies behind the one known.

        The distance is that of two's complement, so that generations may go round.
        """
        if self._generation is not None:
            distance = (generation - self._generation) % GENERATIONS
            if distance >= GENERATIONS // 2:
                raise StaleGeneration(f"{generation} is older than {self._generation}")
        self._generation = generation

    def may_modify(self, member: Hashable) -> bool:
        """Tell whether a controller may change the switch, as far as its role goes."""
        return self._members[member].role is not VirtualRole.SLAVE

    # ---- what the switch sends of its own accord

    def masks(self, member: Hashable) -> dict[AsyncKind, AsyncMask]:
        """Return what a controller wants to hear."""
        return dict(self._members[member].masks)

    def set_masks(self, member: Hashable, masks: dict[AsyncKind, AsyncMask]) -> None:
        """Set what a controller wants to hear."""
        self._members[member].masks = dict(masks)

    def wants(self, member: Hashable, kind: AsyncKind, reason: int) -> bool:
        """Tell whether a controller wants a message of this kind and reason, in its role."""
        found = self._members.get(member)
        return found is not None and bool(_of_role(found, kind) >> reason & 1)

    def wanted(self, kind: AsyncKind) -> int:
        """Return the reasons for which any of the controllers wants a message of a kind."""
        found = 0
        for member in self._members.values():
            found |= _of_role(member, kind)
        return found


def _of_role(member: _Member, kind: AsyncKind) -> int:
    mask = member.masks[kind]
    return mask.slave if member.role is VirtualRole.SLAVE else mask.active
