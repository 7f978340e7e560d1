"""Roles of a slice's controllers on a switch of OpenFlow 1.3, and what each of them hears of.

Roles and generations are the slice's own (1.3.5 section 6.3.5): to the switch the slicer is one
controller, equal to any other. What the switch sends of its own accord is the union of what is
wanted, and of what the slicer itself needs.
"""

from __future__ import annotations

from horizon_ryu.core.slicing.virtual_roles import (
    DEFAULT_MASKS,
    AsyncKind,
    AsyncMask,
    RoleUnavailable,
    StaleGeneration,
    UnknownRole,
    VirtualRoles,
)
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET, OFPRRFC
from horizon_ryu.wire.of13.handshake import GetAsyncReply, RoleReply, RoleRequest, SetAsync
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_MODIFYING = frozenset(
    {
        *(int(OFPT.PACKET_OUT), int(OFPT.FLOW_MOD), int(OFPT.GROUP_MOD), int(OFPT.PORT_MOD)),
        *(int(OFPT.TABLE_MOD), int(OFPT.METER_MOD)),
    }
)
"""What a slave may not send (section 6.3.5), and a monitor neither."""
_MULTIPART, _TABLE_FEATURES, _BODY_AT = int(OFPT.MULTIPART_REQUEST), int(OFPMP.TABLE_FEATURES), 16
_EXPERIMENTERS = frozenset({int(OFPT.EXPERIMENTER)})
_NEEDED = {
    AsyncKind.PACKET_IN: DEFAULT_MASKS[AsyncKind.PACKET_IN].active,
    AsyncKind.PORT_STATUS: 0b111,
    AsyncKind.FLOW_REMOVED: 0b1111,
}
"""The reasons for which the slicer must hear of something, whoever else wants to."""
_KNOWN_PACKET_INS = 0b111


class TenantRoles13:
    """The roles of all controllers of all slices on one switch."""

    def __init__(self, link: SlicedLink) -> None:
        self._link = link
        self._slices: dict[str, VirtualRoles] = {}
        self._told = _NEEDED[AsyncKind.PACKET_IN]

    def joined(self, tenant: TenantConnection) -> None:
        """Have a controller of a slice."""
        self._of(tenant).join(tenant, tenant.is_monitor)

    def left(self, tenant: TenantConnection) -> None:
        """Have it no more."""
        self._of(tenant).leave(tenant)
        self._ask_for_packet_ins()

    def remove_slice(self, name: str) -> None:
        """Forget a slice, with its generation."""
        self._slices.pop(name, None)
        self._ask_for_packet_ins()

    def _of(self, tenant: TenantConnection) -> VirtualRoles:
        return self._slices.setdefault(tenant.slice_name, VirtualRoles())

    # ---- from tenants

    def check(self, tenant: TenantConnection, message: bytes) -> None:
        """Return if a controller may send a message in its role; TenantRefusal."""
        kind = message[1]
        modifies = kind in _MODIFYING or (
            kind == _MULTIPART
            and int.from_bytes(message[8:10], "big") == _TABLE_FEATURES
            and len(message) > _BODY_AT
        )
        if tenant.is_monitor and (modifies or kind in _EXPERIMENTERS):
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.EPERM, "monitor")
        if modifies and not self._of(tenant).may_modify(tenant):
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.IS_SLAVE, "slave")

    def role_request(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        """Give a controller the role that it asks for; TenantRefusal."""
        asked: RoleRequest = _MESSAGES.decode(message).message
        roles = self._of(tenant)
        try:
            role = roles.request(tenant, asked.role, asked.generation_id)
        except StaleGeneration as error:
            raise _failed(OFPRRFC.STALE, "stale generation") from error
        except RoleUnavailable as error:
            raise _failed(OFPRRFC.UNSUP, "monitor") from error
        except UnknownRole as error:
            raise _failed(OFPRRFC.BAD_ROLE, "unknown role") from error
        self._ask_for_packet_ins()
        tenant.say(_MESSAGES.encode(xid_of(message), RoleReply(int(role), roles.generation)))

    def set_async(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        """Note what a controller wants to hear of."""
        asked: SetAsync = _MESSAGES.decode(message).message
        self._of(tenant).set_masks(
            tenant,
            {
                AsyncKind.PACKET_IN: AsyncMask(asked.packet_in_mask, asked.packet_in_mask_slave),
                AsyncKind.PORT_STATUS: AsyncMask(
                    asked.port_status_mask, asked.port_status_mask_slave
                ),
                AsyncKind.FLOW_REMOVED: AsyncMask(
                    asked.flow_removed_mask, asked.flow_removed_mask_slave
                ),
            },
        )
        self._ask_for_packet_ins()

    def get_async(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        """Tell a controller what it wants to hear of."""
        masks = self._of(tenant).masks(tenant)
        numbers = [number for kind in AsyncKind for number in _both(masks[kind])]
        tenant.say(_MESSAGES.encode(xid_of(message), GetAsyncReply(*numbers)))

    # ---- from the switch

    def wants_packet_in(self, tenant: TenantConnection, reason: int) -> bool:
        """Tell whether a controller wants packet-ins of a reason."""
        return self._of(tenant).wants(tenant, AsyncKind.PACKET_IN, reason)

    def wants_removal(self, tenant: TenantConnection, reason: int) -> bool:
        """Tell whether a controller wants to hear of entries removed for a reason."""
        return self._of(tenant).wants(tenant, AsyncKind.FLOW_REMOVED, reason)

    def wants_port_status(self, tenant: TenantConnection, reason: int) -> bool:
        """Tell whether a controller wants to hear of ports of a reason."""
        return self._of(tenant).wants(tenant, AsyncKind.PORT_STATUS, reason)

    def _ask_for_packet_ins(self) -> None:
        """Have the switch send what any controller wants, and what the slicer needs."""
        wanted = _NEEDED[AsyncKind.PACKET_IN]
        for roles in self._slices.values():
            wanted |= roles.wanted(AsyncKind.PACKET_IN) & _KNOWN_PACKET_INS
        if wanted != self._told:
            self._told = wanted
            status, removed = _NEEDED[AsyncKind.PORT_STATUS], _NEEDED[AsyncKind.FLOW_REMOVED]
            self._link.say(_MESSAGES.encode(0, SetAsync(wanted, 0, status, status, removed, 0)))


def _both(mask: AsyncMask) -> tuple[int, int]:
    return mask.active, mask.slave


def _failed(code: OFPRRFC, reason: str) -> TenantRefusal:
    return TenantRefusal(OFPET.ROLE_REQUEST_FAILED, code, reason)
