"""Sliced datapath of OpenFlow 1.3: what becomes of each kind of message (report 4).

The first table of the switch tells the slices apart; each tenant has the tables behind it, and no
entry of a tenant takes a frame that the first table has not given to its slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.limits import RateLimiter
from horizon_ryu.core.slicing.marked_switch import MarkedSteps, MarkedSwitch, marked_match
from horizon_ryu.core.slicing.slice_settings import SliceSettings
from horizon_ryu.core.slicing.switch_objects import SwitchObject
from horizon_ryu.core.slicing.tenant_table import OutsideFlowspace, TenantEntry
from horizon_ryu.slicer.actions10 import SliceMarks
from horizon_ryu.slicer.actions13 import ActionSlicer13, port_of
from horizon_ryu.slicer.classifier13 import Classifier13
from horizon_ryu.slicer.entry_reports import SwitchEntry
from horizon_ryu.slicer.flow_stats import DEFAULT_WINDOW
from horizon_ryu.slicer.flow_stats13 import FlowStatsAnswers13
from horizon_ryu.slicer.flow_tables13 import FlowTables13, SlicedLink13
from horizon_ryu.slicer.frame_length import FrameLengths
from horizon_ryu.slicer.frames13 import TenantFrames13
from horizon_ryu.slicer.group_statistics13 import GroupStatistics13
from horizon_ryu.slicer.groups13 import TenantGroups13
from horizon_ryu.slicer.instructions13 import RESERVED, InstructionSlicer13, is_plain, objects_of
from horizon_ryu.slicer.kept_tables import first_id as drawn_id
from horizon_ryu.slicer.lldp_trailer import TrailerSigner
from horizon_ryu.slicer.meter_statistics13 import MeterStatistics13
from horizon_ryu.slicer.meters13 import TenantMeters13
from horizon_ryu.slicer.portions import Work
from horizon_ryu.slicer.ports13 import TenantPorts13
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.roles13 import TenantRoles13
from horizon_ryu.slicer.sliced_datapath import (
    MORE,
    FromSwitch,
    FromTenant,
    SlicedDatapath,
    flags_of,
)
from horizon_ryu.slicer.statistics13 import TenantStatistics13
from horizon_ryu.slicer.switch_settings13 import SwitchSettings13
from horizon_ryu.slicer.takeover13 import TakenOverParts, Takeover13
from horizon_ryu.slicer.unowned_frames13 import UnownedFrames13
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPET, OFPSCFC
from horizon_ryu.wire.of13.handshake import FeaturesReply13
from horizon_ryu.wire.of13.multipart import MultipartReply
from horizon_ryu.wire.of13.structures import Action13, Port13
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_MOST_PLAIN = 4096
"""Programs that are remembered with what they become."""


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
        first_id: int | None = None,
    ) -> None:
        """``say`` takes whole messages for the switch; its ports are told before :meth:`begin`.

        ``first_id`` is best drawn at random: what a switch says of the entries of an earlier
        connection is not taken for those of this one.
        """
        tables = max(0, features.n_tables - RESERVED)
        self._features = replace(features, n_tables=tables, auxiliary_id=0)
        sliced = MarkedSwitch(flowspace, self._translated, objects_of)
        link = SlicedLink13(features.datapath_id, OPENFLOW_13, say, sliced)
        self._link: SlicedLink13 = link
        super().__init__(link)
        self._has_begun = False
        self._takeover: Takeover13 | None = None
        self._unconfirmed: list[Callable[[], object]] = []
        self._plain: dict[tuple[str, int, bytes], bytes] = {}
        self.roles = roles = TenantRoles13(link)
        self.ports = TenantPorts13(link, roles.wants_port_status)
        drawn = drawn_id() if first_id is None else first_id
        self._tables = FlowTables13(link, tables, roles.wants_removal, drawn)
        self.groups = TenantGroups13(link, self.ports, self.slice_actions, self._tables)
        self.meters = TenantMeters13(link, self._tables, self._install)
        self._unowned = UnownedFrames13(link)
        self._classifier = Classifier13(link, sliced, self.meters.shares.of_slice)
        self.frames = TenantFrames13(link, self._tables, self, signer, roles.wants_packet_in)
        self._settings = SwitchSettings13(link, self.ports)
        self._lengths = FrameLengths(link, OFPET.SWITCH_CONFIG_FAILED, OFPSCFC.EPERM)
        self._flow_stats = FlowStatsAnswers13(link, stats_window)
        self._statistics = self._made_statistics(link)
        self._tenants_say: Mapping[int, FromTenant] = self._by_tenants()
        self._switch_says: Mapping[int, FromSwitch] = self._by_switch()

    def _made_statistics(self, link: SlicedLink13) -> TenantStatistics13:
        """Return who answers what tenants ask of counters."""
        return TenantStatistics13(
            link,
            self.ports,
            GroupStatistics13(link, self.groups, self._tables),
            MeterStatistics13(link, self.meters, self._tables),
            self._flow_stats.ask,
        )

    def _by_tenants(self) -> dict[int, FromTenant]:
        """Return who takes what of the messages of tenants."""
        return {
            OFPT.FEATURES_REQUEST: self._say_features,
            OFPT.GET_CONFIG_REQUEST: self._lengths.get_config,
            OFPT.SET_CONFIG: self._lengths.set_config,
            OFPT.FLOW_MOD: self._tables.flow_mod,
            OFPT.GROUP_MOD: self.groups.group_mod,
            OFPT.METER_MOD: self.meters.meter_mod,
            OFPT.PACKET_OUT: self.frames.packet_out,
            OFPT.PORT_MOD: self._settings.port_mod,
            OFPT.TABLE_MOD: self._settings.table_mod,
            OFPT.MULTIPART_REQUEST: self._statistics.request,
            OFPT.BARRIER_REQUEST: lambda tenant, message, _: self._link.forward(tenant, message),
            OFPT.QUEUE_GET_CONFIG_REQUEST: self._settings.ask_for_queues,
            OFPT.ROLE_REQUEST: self.roles.role_request,
            OFPT.GET_ASYNC_REQUEST: self.roles.get_async,
            OFPT.SET_ASYNC: self.roles.set_async,
            OFPT.EXPERIMENTER: self._settings.experimenter,
        }

    def _by_switch(self) -> dict[int, FromSwitch]:
        """Return who takes what of the messages of the switch."""
        return {
            OFPT.PACKET_IN: self.frames.packet_in,
            OFPT.FLOW_REMOVED: self._tables.flow_removed,
            OFPT.PORT_STATUS: self._port_status,
            OFPT.MULTIPART_REPLY: self._multipart_reply,
            OFPT.BARRIER_REPLY: self._answer,
            OFPT.EXPERIMENTER: self._answer,
            OFPT.QUEUE_GET_CONFIG_REPLY: self._queue_config,
            OFPT.ERROR: self._error,
        }

    def begin(
        self, kept: Iterable[TenantEntry] | None = None, objects: Iterable[SwitchObject] = ()
    ) -> list[TenantEntry]:
        """Begin with an empty switch, or take over what it has; see SlicedDatapath."""
        self._lengths.follow()
        parts = TakenOverParts(self._tables, self.groups, self.meters, self._classifier)
        taker = Takeover13(self._link, parts, self._begin_work, self._taken_over, self._move_all)
        if kept is None:
            taker.make_anew(0.0)
            return []
        self._takeover = taker
        # Before it is known what the switch has, an error would not tell whether a tenant is wrong.
        self._held.hold(None)
        self._link.sliced.objects.load(objects)
        return taker.begin(kept)

    def _move_all(self, work: Work) -> None:
        """Have entries moved when no others are; nobody takes part yet."""
        self.moved(lambda: self._moves.begin(work))

    def _begin_work(self, then: Callable[[], None]) -> None:
        """Have the first table from now on, since it is known what is in it; ``then`` go on."""
        self._has_begun = True
        self._install()
        self._classifier.work.then(then)

    def _sweep(self) -> None:
        """Give back the meters and the marks that no entry of the first table names any more."""
        self.meters.shares.sweep()
        self._link.sliced.marks.keep(self._link.sliced.flowspace.slices)

    @property
    def is_at_work(self) -> bool:
        """Whether the switch is still to be told of what has changed."""
        return super().is_at_work or self._classifier.work.is_under_way

    def _taken_over(self, now: float) -> None:
        """Go on with what has waited until it was known what the switch has."""
        self._takeover = None
        unconfirmed, self._unconfirmed = self._unconfirmed, []
        for done in unconfirmed:
            self.confirm(done)
        self._link.carry(self._held.releasing())

    def end_takeover(self, now: float) -> None:
        """Make a switch anew that has not told what it has."""
        if self._takeover is not None and self._takeover.is_asking:
            self._takeover.make_anew(now)

    def confirm(self, done: Callable[[], object]) -> None:
        """Have ``done`` called when the switch has done all that it was told, or is to be told."""
        if self._takeover is None:
            sent = partial(super().confirm, done)
            self.moved(lambda: self._classifier.work.then(sent))
        else:
            self._unconfirmed.append(done)

    def unowned(self, now: float) -> int:
        """Return how many frames of nobody the first table had dropped when it was last asked."""
        self._unowned.look(now)
        return self._unowned.count + self.frames.unowned

    def became(self, entry: TenantEntry) -> list[SwitchEntry]:
        """Return the entry of the switch that a tenant's has become."""
        found = self.sliced.installed(entry.entry_id)
        mark = self.sliced.marks.of(entry.slice_name)
        if found is None or mark is None:
            return []
        match, table_id = marked_match(entry.match, mark), entry.table_id + RESERVED
        return [SwitchEntry(table_id, match, entry.priority, found.program)]

    def _install(self) -> None:
        """Have the first table as the flowspace, the marks and the meters of slices ask for it.

        Not while it is not known what is in it.
        """
        if not self._has_begun:
            return
        self.meters.follow()
        self._classifier.install()
        self._classifier.work.then(self._sweep)

    @property
    def sliced(self) -> MarkedSwitch:
        """The tables of the tenants and of the switch."""
        return self._link.sliced

    @property
    def lacking(self) -> frozenset[str]:
        """Slices that do not get all of their frames: the switch has no room to tell them."""
        return self._classifier.lacking

    # ---- slices

    def set_slice(
        self, settings: SliceSettings, shared: RateLimiter, own: RateLimiter | None
    ) -> None:
        """Have a slice here, or give it other settings; they count from the next flowspace on."""
        super().set_slice(settings, shared, own)
        self._forget_plain()
        if self._has_begun:
            self.meters.follow()

    def _remove_slice(self, name: str, now: float) -> None:
        super()._remove_slice(name, now)
        self.groups.remove_slice(name, now)
        self.meters.remove_slice(name, now)
        self.roles.remove_slice(name)

    def connect(self, tenant: TenantConnection) -> None:
        """Let a tenant take part from now on."""
        super().connect(tenant)
        self.roles.joined(tenant)
        self._tables.unmute(tenant.slice_name)

    def disconnect(self, tenant: TenantConnection) -> None:
        """Let a tenant take part no more; its entries stay."""
        super().disconnect(tenant)
        self.roles.left(tenant)
        self._flow_stats.forget(tenant)
        self._lengths.follow()

    def set_flowspace(self, flowspace: SwitchFlowspace, now: float) -> None:
        """Take another flowspace: the first table and the ports of tenants follow it."""
        self.moved(lambda: self._set_flowspace(flowspace))

    def _set_flowspace(self, flowspace: SwitchFlowspace) -> None:
        before = {name: self.ports.of_slice(name) for name in self._link.presences}
        self.ports.forget()
        self._forget_plain()
        self._moves.begin(self._following(self._link.sliced.moving(flowspace)))
        for name, ports in before.items():
            self.ports.tell_changes(name, ports)

    def _following(self, steps: MarkedSteps) -> Work:
        """Let entries follow, then the first table, by which frames are those of other slices."""
        yield from self._tables.following(steps)
        self.groups.follow()
        self._classifier.forget_refusals()
        self._install()

    def features(self, slice_name: str) -> FeaturesReply13:
        """Return the features of the switch as a slice sees it."""
        return self._features

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
            self.groups,
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
        if not is_plain(entry.program):
            return self._worked_out(entry)
        key = name, entry.table_id, entry.program
        found = self._plain.get(key)
        if found is None:
            if len(self._plain) >= _MOST_PLAIN:
                self._plain.clear()
            found = self._plain[key] = self._worked_out(entry)
        return found

    def _forget_plain(self) -> None:
        self._plain.clear()
        self._tables.forget_forms()

    def _worked_out(self, entry: TenantEntry) -> bytes:
        actions = self.slicer(entry.slice_name, port_of(entry.match), None)
        meter = partial(self.meters.real, entry.slice_name)
        return InstructionSlicer13(actions, self._features.n_tables, meter).slice(entry)

    # ---- from tenants

    def _check_role(self, tenant: TenantConnection, message: bytes) -> None:
        self.roles.check(tenant, message)

    def _say_features(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        tenant.say(_MESSAGES.encode(xid_of(message), self.features(tenant.slice_name)))

    # ---- from the switch

    def _port_status(self, message: bytes, now: float) -> None:
        if self.ports.port_status(message):
            self.groups.follow()

    def ports_seen(self, name: str) -> tuple[Any, ...]:
        """Return the ports that a slice has here."""
        return self.ports.described(name)

    def _queue_config(self, message: bytes, _: float) -> None:
        asked = self._link.answer(message)
        if asked is not None and isinstance(asked.tenant, TenantConnection):
            self._settings.queue_config(asked.tenant, asked.xid, message)

    def _multipart_reply(self, message: bytes, now: float) -> None:
        asked = self._link.answer(message, is_last=not flags_of(message) & MORE)
        if asked is not None:
            if not self._is_own(asked, message, now):
                self._statistics.reply(asked, message, now)
        elif int.from_bytes(message[8:10], "big") == OFPMP.PORT_DESC:
            reply: MultipartReply = _MESSAGES.decode(message).message
            self.ports.learn(one for one in _body(reply) if isinstance(one, Port13))

    def _is_news(self, asked: Asked, now: float) -> bool:
        """Take back what was noted of a change that the switch refused."""
        if callable(asked.context):
            asked.context(now)
        return True


def _body(reply: MultipartReply) -> tuple[object, ...]:
    return reply.body if isinstance(reply.body, tuple) else ()
