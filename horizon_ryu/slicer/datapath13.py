"""Sliced datapath of OpenFlow 1.3: what becomes of each kind of message (report 4).

The first table of the switch tells the slices apart; each tenant has the tables behind it, and no
entry of a tenant takes a frame that the first table has not given to its slice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.marked_switch import MarkedSwitch
from horizon_ryu.core.slicing.tenant_table import OutsideFlowspace, TenantEntry
from horizon_ryu.slicer.actions10 import SliceMarks
from horizon_ryu.slicer.actions13 import ActionSlicer13, port_of
from horizon_ryu.slicer.classifier13 import Classifier13
from horizon_ryu.slicer.flow_mods13 import delete_all13
from horizon_ryu.slicer.flow_stats10 import DEFAULT_WINDOW
from horizon_ryu.slicer.flow_tables13 import FlowTables13, SlicedLink13
from horizon_ryu.slicer.frames13 import TenantFrames13
from horizon_ryu.slicer.instructions13 import RESERVED, InstructionSlicer13, objects_of
from horizon_ryu.slicer.lldp_trailer import TrailerSigner
from horizon_ryu.slicer.ports13 import TenantPorts13
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_datapath import FromSwitch, FromTenant, OwnQuestion, SlicedDatapath
from horizon_ryu.slicer.sliced_link import error_message, with_xid
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET
from horizon_ryu.wire.of13.handshake import FeaturesReply13
from horizon_ryu.wire.of13.multipart import MultipartReply
from horizon_ryu.wire.of13.structures import Action13
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.session.pending import xid_of
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
        stats_window: float = DEFAULT_WINDOW,
    ) -> None:
        """``say`` takes whole messages for the switch; its ports are told before :meth:`begin`."""
        self._count = max(0, features.n_tables - RESERVED)
        sliced = MarkedSwitch(flowspace, self._translated, objects_of)
        self._link: SlicedLink13 = SlicedLink13(features.datapath_id, OPENFLOW_13, say, sliced)
        super().__init__(self._link)
        self._features = features
        self._groups = _NoGroups()
        self.ports = TenantPorts13(self._link, self._wants)
        self._tables = FlowTables13(self._link, self._count, self._wants)
        self._classifier = Classifier13(self._link, sliced, lambda _name: None)
        self.frames = TenantFrames13(self._link, self._tables, self, signer, self._wants)
        self._tenants_say: Mapping[int, FromTenant] = {
            OFPT.FEATURES_REQUEST: self._say_features,
            OFPT.FLOW_MOD: self._tables.flow_mod,
            OFPT.PACKET_OUT: self.frames.packet_out,
            OFPT.BARRIER_REQUEST: lambda tenant, message, _: self._link.forward(tenant, message),
        }
        self._switch_says: Mapping[int, FromSwitch] = {
            OFPT.PACKET_IN: self.frames.packet_in,
            OFPT.FLOW_REMOVED: self._tables.flow_removed,
            OFPT.PORT_STATUS: self._port_status,
            OFPT.MULTIPART_REPLY: self._multipart_reply,
            OFPT.BARRIER_REPLY: self._answer,
            OFPT.EXPERIMENTER: self._answer,
            OFPT.ERROR: self._error,
        }

    def begin(self, keeps_entries: bool = False) -> None:
        """Begin with an empty switch, unless what it has is to be taken over."""
        if not keeps_entries:
            self._link.say(delete_all13(0))
        self._classifier.install()

    @property
    def sliced(self) -> MarkedSwitch:
        """The tables of the tenants and of the switch."""
        return self._link.sliced

    @property
    def lacking(self) -> frozenset[str]:
        """Slices that do not get all of their frames: the switch has no room to tell them."""
        return self._classifier.lacking

    # ---- slices

    def connect(self, tenant: TenantConnection) -> None:
        """Let a tenant take part from now on."""
        super().connect(tenant)
        self._tables.unmute(tenant.slice_name)

    def set_flowspace(self, flowspace: SwitchFlowspace, now: float) -> None:
        """Take another flowspace: the first table and the ports of tenants follow it."""
        before = {name: self.ports.of_slice(name) for name in self._link.presences}
        self.ports.forget()
        self._tables.set_flowspace(flowspace)
        self._classifier.forget_refusals()
        self._classifier.install()
        self._link.sliced.marks.keep(flowspace.slices)
        for name, ports in before.items():
            self.ports.tell_changes(name, ports)

    def features(self, slice_name: str) -> FeaturesReply13:
        """Return the features of the switch as a slice sees it."""
        return replace(self._features, n_tables=self._count, auxiliary_id=0)

    # ---- what slices may do

    def marks(self, name: str) -> SliceMarks:
        """Return what the frames of a slice are marked with."""
        return self._link.presences[name].marks(frozenset({0}))

    def slicer(self, name: str, came_in: int | None, sent: int | None) -> ActionSlicer13:
        """Return what slices the actions of a slice; see :class:`ActionSlicer13`."""
        return ActionSlicer13(
            self._link.sliced.flowspace,
            name,
            self.ports.for_actions(name),
            self._groups,
            self.marks(name),
            came_in,
            sent,
        )

    def slice_actions(self, name: str, actions: tuple[Action13, ...]) -> tuple[Action13, ...]:
        """Return what actions become that are carried out as a set; TenantRefusal."""
        return self.slicer(name, None, None).action_set(actions)

    def _translated(self, entry: TenantEntry) -> bytes:
        """Return what a tenant's instructions become; TenantRefusal."""
        name = entry.slice_name
        if name not in self._link.presences:
            raise OutsideFlowspace("no such slice")
        actions = self.slicer(name, port_of(entry.match), None)
        return InstructionSlicer13(actions, self._count, lambda _number: None).slice(entry)

    def _wants(self, _tenant: TenantConnection, _reason: int) -> bool:
        return True

    # ---- from tenants

    def _check_role(self, tenant: TenantConnection, message: bytes) -> None:
        if tenant.is_monitor and message[1] != OFPT.BARRIER_REQUEST:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.EPERM, "monitor")

    def _say_features(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        tenant.say(_MESSAGES.encode(xid_of(message), self.features(tenant.slice_name)))

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


class _NoGroups:
    def real(self, slice_name: str, group_id: int) -> int | None:
        return None

    def flood(self, slice_name: str) -> int:
        raise ValueError("no groups")
