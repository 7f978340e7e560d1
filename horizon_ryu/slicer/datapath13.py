"""Sliced datapath of OpenFlow 1.3: what becomes of each kind of message (report 4).

The first table of the switch tells the slices apart; each tenant has the tables behind it, and no
entry of a tenant takes a frame that the first table has not given to its slice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.tenant_table import RULES_13, TenantTables
from horizon_ryu.slicer.lldp_trailer import TrailerSigner
from horizon_ryu.slicer.ports13 import TenantPorts13
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_datapath import FromSwitch, FromTenant, OwnQuestion, SlicedDatapath
from horizon_ryu.slicer.sliced_link import SlicedLink, error_message, with_xid
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET
from horizon_ryu.wire.of13.handshake import FeaturesReply13
from horizon_ryu.wire.of13.multipart import MultipartReply
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.symmetric import Error
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_MORE = 1


class SlicedDatapath13(SlicedDatapath):
    """One switch of OpenFlow 1.3 that several slices share."""

    VERSION = OPENFLOW_13
    KINDS: ClassVar[Mapping[int, str]] = {int(kind): kind.name.lower() for kind in OFPT}

    def __init__(
        self,
        features: FeaturesReply13,
        say: Callable[[bytes], None],
        flowspace: SwitchFlowspace,
        signer: TrailerSigner,
    ) -> None:
        """``say`` takes whole messages for the switch; its ports are told before :meth:`begin`."""
        sliced = TenantTables(flowspace, RULES_13)
        super().__init__(SlicedLink(features.datapath_id, OPENFLOW_13, say, sliced))
        self._features = features
        self._signer = signer
        self.ports = TenantPorts13(self._link, lambda _tenant, _reason: True)
        self._tenants_say: Mapping[int, FromTenant] = {
            OFPT.BARRIER_REQUEST: lambda tenant, message, _: self._link.forward(tenant, message),
        }
        self._switch_says: Mapping[int, FromSwitch] = {
            OFPT.PORT_STATUS: self._port_status,
            OFPT.MULTIPART_REPLY: self._multipart_reply,
            OFPT.BARRIER_REPLY: self._answer,
            OFPT.EXPERIMENTER: self._answer,
            OFPT.ERROR: self._error,
        }

    def begin(self, keeps_entries: bool = False) -> None:
        """Begin with an empty switch, unless what it has is to be taken over."""

    def set_flowspace(self, flowspace: SwitchFlowspace, now: float) -> None:
        """Take another flowspace: the first table and the ports of tenants follow it."""

    def features(self, slice_name: str) -> FeaturesReply13:
        """Return the features of the switch as a slice sees it."""
        return self._features

    # ---- from tenants

    def _check_role(self, tenant: TenantConnection, message: bytes) -> None:
        if tenant.is_monitor and message[1] != OFPT.BARRIER_REQUEST:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.EPERM, "monitor")

    # ---- from the switch

    def _port_status(self, message: bytes, now: float) -> None:
        self.ports.port_status(message)

    def _answer(self, message: bytes, now: float) -> None:
        """Take an answer to whoever has asked: a tenant, or a part of the slicer."""
        asked = self._link.answer(message)
        if asked is None:
            return
        if isinstance(asked.tenant, TenantConnection):
            asked.tenant.say(with_xid(message, asked.xid))
        elif isinstance(asked.tenant, OwnQuestion):
            asked.tenant.answered(asked, message, now)

    def _multipart_reply(self, message: bytes, now: float) -> None:
        kind, flags = (int.from_bytes(message[at : at + 2], "big") for at in (8, 10))
        asked = self._link.answer(message, is_last=not flags & _MORE)
        if asked is not None:
            if isinstance(asked.tenant, OwnQuestion):
                asked.tenant.answered(asked, message, now)
        elif kind == OFPMP.PORT_DESC:
            reply: MultipartReply = _MESSAGES.decode(message).message
            self.ports.learn(reply.body)  # type: ignore[arg-type]

    def _error(self, message: bytes, now: float) -> None:
        """Tell whoever's message it was, a tenant with that message as it was sent."""
        asked = self._link.answer(message)
        if asked is None:
            return
        if callable(asked.context):
            asked.context(now)
        if isinstance(asked.tenant, TenantConnection):
            error: Error = _MESSAGES.decode(message).message
            self._link.presence(asked.tenant).counted["switch.error"] += 1
            asked.tenant.say(error_message(OPENFLOW_13, error.type, error.code, asked.message))
        elif isinstance(asked.tenant, OwnQuestion):
            asked.tenant.refused(asked, message, now)
