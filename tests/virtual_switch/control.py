"""Control state: what one controller has set on its connection (1.3.5 sections 6.3 and 7.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from horizon_ryu.wire.of13.handshake import RoleReply, RoleRequest, SetAsync
from horizon_ryu.wire.ofp13 import OFPCR_ROLE
from virtual_switch.refusal import SwitchRefusal

MISS_SEND_LEN = 128
"""The default of both specifications."""
_ALL_REASONS = 0b1111
_HALF = 1 << 63


def _all_reasons() -> SetAsync:
    """Return the masks of a new connection: a slave hears of ports alone."""
    return SetAsync(_ALL_REASONS, 0, _ALL_REASONS, _ALL_REASONS, _ALL_REASONS, 0)


@dataclass(slots=True)
class ControlState:
    """What is forgotten when the connection ends; the generation of roles is not."""

    fragments: int = 0
    miss_send_len: int = MISS_SEND_LEN
    role: int = int(OFPCR_ROLE.EQUAL)
    masks: SetAsync = field(default_factory=_all_reasons)
    generation: int | None = None

    @property
    def is_slave(self) -> bool:
        """Whether the controller may change nothing."""
        return self.role == OFPCR_ROLE.SLAVE

    def reset(self) -> None:
        """Begin a new connection."""
        self.fragments, self.miss_send_len = 0, MISS_SEND_LEN
        self.role, self.masks = int(OFPCR_ROLE.EQUAL), _all_reasons()

    def take_role(self, request: RoleRequest) -> RoleReply:
        """Change the role, if that is asked, and tell it; SwitchRefusal for an old generation."""
        if request.role not in tuple(OFPCR_ROLE):
            raise SwitchRefusal("ROLE_REQUEST_FAILED", "BAD_ROLE")
        if request.role in (OFPCR_ROLE.MASTER, OFPCR_ROLE.SLAVE):
            self._check_generation(request.generation_id)
            self.generation = request.generation_id
        if request.role != OFPCR_ROLE.NOCHANGE:
            self.role = request.role
        return RoleReply(self.role, self.generation or 0)

    def _check_generation(self, asked: int) -> None:
        """Compare as numbers that wrap around (1.3.5 section 6.3.5)."""
        if self.generation is not None and (asked - self.generation) % (1 << 64) >= _HALF:
            raise SwitchRefusal("ROLE_REQUEST_FAILED", "STALE")

    def hears_packet_in(self, reason: int) -> bool:
        """Tell whether a packet-in of this reason is sent."""
        masks = self.masks
        mask = masks.packet_in_mask_slave if self.is_slave else masks.packet_in_mask
        return bool(mask >> reason & 1)

    def hears_flow_removed(self, reason: int) -> bool:
        """Tell whether the end of an entry is told."""
        masks = self.masks
        mask = masks.flow_removed_mask_slave if self.is_slave else masks.flow_removed_mask
        return bool(mask >> reason & 1)

    def hears_port_status(self, reason: int) -> bool:
        """Tell whether a change of a port is told."""
        masks = self.masks
        mask = masks.port_status_mask_slave if self.is_slave else masks.port_status_mask
        return bool(mask >> reason & 1)
