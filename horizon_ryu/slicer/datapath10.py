"""Sliced datapath of OpenFlow 1.0: what becomes of each kind of message (report 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, ClassVar

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.limits import RateLimiter
from horizon_ryu.core.slicing.slice_settings import BandwidthMode, SliceSettings
from horizon_ryu.core.slicing.sliced_switch import SlicedSwitch
from horizon_ryu.core.slicing.switch_entries import Address
from horizon_ryu.core.slicing.switch_objects import SwitchObject
from horizon_ryu.core.slicing.table_transition import TableTransition
from horizon_ryu.core.slicing.tenant_table import RULES_10, TenantEntry
from horizon_ryu.slicer.entry_reports import SwitchEntry
from horizon_ryu.slicer.flow_mods10 import delete_all10
from horizon_ryu.slicer.flow_stats import DEFAULT_WINDOW
from horizon_ryu.slicer.flow_stats10 import FlowStatsAnswers10
from horizon_ryu.slicer.flow_tables10 import COOKIE_AT, FlowTables10, SlicedLink10
from horizon_ryu.slicer.frame_length import FrameLengths
from horizon_ryu.slicer.frames10 import TenantFrames10
from horizon_ryu.slicer.lldp_trailer import TrailerSigner
from horizon_ryu.slicer.portions import Work
from horizon_ryu.slicer.ports10 import STATS_OF_PORTS, TenantPorts10
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_datapath import (
    MORE,
    FromSwitch,
    FromTenant,
    SlicedDatapath,
    flags_of,
)
from horizon_ryu.slicer.sliced_link import with_xid
from horizon_ryu.slicer.takeover10 import Takeover10
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes10 import OFPBRC, OFPET
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.of10.handshake import FeaturesReply10
from horizon_ryu.wire.of10.statistics import StatsReply, StatsRequest, TableStats10
from horizon_ryu.wire.ofp10 import OFPST, OFPT
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.ternary10 import read_match10
from horizon_ryu.wire.versions import BODY_AT, OPENFLOW_10

_MESSAGES = codec_of(OPENFLOW_10).messages
_STATS_BODY_AT = BODY_AT[OPENFLOW_10]
_PACKETS_AT = COOKIE_AT + 24
_NO_METERS = "OpenFlow 1.0 has no meters"
_FLOWS = frozenset({int(OFPST.FLOW), int(OFPST.AGGREGATE)})
_FORWARDED = frozenset({int(OFPST.DESC), int(OFPST.TABLE)}) | STATS_OF_PORTS
_OF_MONITORS = frozenset(
    {
        *(int(OFPT.FEATURES_REQUEST), int(OFPT.GET_CONFIG_REQUEST), int(OFPT.STATS_REQUEST)),
        *(int(OFPT.BARRIER_REQUEST), int(OFPT.QUEUE_GET_CONFIG_REQUEST), int(OFPT.SET_CONFIG)),
    }
)
"""What a controller that only looks on may send."""


class SlicedDatapath10(SlicedDatapath):
    """One switch of OpenFlow 1.0 that several slices share."""

    VERSION = OPENFLOW_10
    KINDS: ClassVar[Mapping[int, str]] = {int(kind): kind.name.lower() for kind in OFPT}

    def __init__(
        self,
        features: FeaturesReply10,
        say: Callable[[bytes], None],
        flowspace: SwitchFlowspace,
        signer: TrailerSigner,
        stats_window: float = DEFAULT_WINDOW,
        first_id: int = 0,
    ) -> None:
        """``say`` takes whole messages for the switch; ``first_id`` as in 1.3, best at random."""
        sliced = SlicedSwitch(flowspace, RULES_10, lambda *piece: self._tables.translate(*piece))
        self._link: SlicedLink10 = SlicedLink10(features.datapath_id, OPENFLOW_10, say, sliced)
        super().__init__(self._link)
        self.ports = TenantPorts10(self._link, features)
        self._tables = FlowTables10(self._link, self.ports, first_id)
        self.frames = TenantFrames10(self._link, self.ports, signer)
        self._stats = FlowStatsAnswers10(self._link, self._tables, stats_window)
        self._lengths = FrameLengths(self._link, OFPET.BAD_REQUEST, OFPBRC.EPERM)
        self._worked_by: dict[str, SliceSettings] = {}
        self._guards: AbstractSet[Address] = set()
        self._ports_due: dict[str, None] = {}
        self._tenants_say: Mapping[int, FromTenant] = self._by_tenants()
        self._switch_says: Mapping[int, FromSwitch] = self._by_switch()

    def leave_out_empty_answers(self) -> None:
        """Tell tenants nothing where there is nothing to tell, as FlowVisor did."""
        self._link.answers_empty = False

    def _by_tenants(self) -> dict[int, FromTenant]:
        """Return who takes what of the messages of tenants."""
        return {
            OFPT.FEATURES_REQUEST: self._features,
            OFPT.GET_CONFIG_REQUEST: self._lengths.get_config,
            OFPT.SET_CONFIG: self._lengths.set_config,
            OFPT.FLOW_MOD: self._tables.flow_mod,
            OFPT.PACKET_OUT: lambda tenant, message, _: self.frames.packet_out(tenant, message),
            OFPT.PORT_MOD: self._port_mod,
            OFPT.STATS_REQUEST: self._stats_request,
            OFPT.BARRIER_REQUEST: lambda tenant, message, _: self._link.forward(tenant, message),
            OFPT.QUEUE_GET_CONFIG_REQUEST: lambda tenant, message, _: self.ports.ask_for_queues(
                tenant, message
            ),
            OFPT.VENDOR: self._vendor,
        }

    def _by_switch(self) -> dict[int, FromSwitch]:
        """Return who takes what of the messages of the switch."""
        return {
            OFPT.PACKET_IN: self.frames.packet_in,
            OFPT.FLOW_REMOVED: self._flow_removed,
            OFPT.PORT_STATUS: self._port_status,
            OFPT.STATS_REPLY: self._stats_reply,
            OFPT.ERROR: self._error,
            OFPT.BARRIER_REPLY: self._answer,
            OFPT.VENDOR: self._answer,
            OFPT.QUEUE_GET_CONFIG_REPLY: self._queue_config,
        }

    def begin(
        self, kept: Iterable[TenantEntry] | None = None, objects: Iterable[SwitchObject] = ()
    ) -> list[TenantEntry]:
        """Begin with an empty switch, or take over what it has; see SlicedDatapath."""
        lost: list[TenantEntry] = []
        if kept is None:
            self._link.say(delete_all10(0))
        self._lengths.follow()
        self._guards = self._tables.say_guards(self._guards)
        if kept is not None:
            taker = Takeover10(self._link, self._tables, lambda: self._guards, self._move_all)
            lost = taker.begin(kept)
        return lost

    def _move_all(self, work: Work) -> None:
        """Have entries moved when no others are; tenants of all slices are held for it."""
        self.moved(lambda: self._move(work, None))

    # ---- slices and their connections

    def connect(self, tenant: TenantConnection) -> None:
        """Let a tenant take part from now on: its frames are dropped no more."""
        super().connect(tenant)
        self.frames.lift_drops(tenant.slice_name)

    def set_slice(
        self, settings: SliceSettings, shared: RateLimiter, own: RateLimiter | None
    ) -> None:
        """Have a slice here, or give it other settings.

        One whose bandwidth is held by meters has it unheld here, which is told: it may have
        switches of OpenFlow 1.3 too.
        """
        super().set_slice(settings, shared, own)
        # The entries of one that is new here are all worked out by these.
        self._worked_by.setdefault(settings.name, settings)
        share = settings.bandwidth
        metered = share is not None and share.mode is BandwidthMode.METER
        self._link.set_bandwidth_fault(settings.name, _NO_METERS if metered else None)

    def disconnect(self, tenant: TenantConnection) -> None:
        """Let a tenant take part no more; its entries stay."""
        super().disconnect(tenant)
        self._stats.forget(tenant)
        self._lengths.follow()

    def set_flowspace(self, flowspace: SwitchFlowspace, now: float) -> None:
        """Take another flowspace: entries and ports of tenants follow it."""
        self.moved(lambda: self._set_flowspace(flowspace, now))

    def _set_flowspace(self, flowspace: SwitchFlowspace, now: float) -> None:
        before = {name: self.ports.of_slice(name) for name in self._link.presences}
        self.ports.forget()
        self.frames.lift_drops()
        settings = {name: one.settings for name, one in self._link.presences.items()}
        others = [name for name in settings if settings[name] != self._worked_by.get(name)]
        self._worked_by = settings
        sliced = self.sliced
        moved: list[str] | None = []
        if flowspace.rules != sliced.flowspace.rules:
            moved = sliced.others_than_staying(flowspace)
        if moved is None:
            self._move(self._rebuilt(sliced.rebuilding(flowspace, self._guards), now), None)
        else:
            names = tuple(dict.fromkeys((*moved, *others)))
            self._move(self._tables.following(sliced.moving(flowspace, names), now), names)
        self._tables.forget_slicers()
        for name, ports in before.items():
            self.ports.tell_changes(name, ports)

    def _rebuilt(self, steps: Generator[None, None, TableTransition], now: float) -> Work:
        """Work out every entry, since priorities mean others, and send what changes by it."""
        transition = yield from steps
        self._guards = transition.guards
        yield from self._tables.say_transition(transition, now)

    def _follow_ports(self, names: Iterable[str], now: float) -> None:
        """Have entries follow the ports that slices have gained or lost, or closed for floods."""
        found = dict.fromkeys(names)
        if self._held.is_dealing:
            self._held.before_next(self._following(tuple(found), now))
        elif found and self._ports_due:
            self._ports_due |= found
        elif found:
            self._ports_due |= found
            self.moved(lambda: self._follow_due(now))

    def _follow_due(self, now: float) -> None:
        names, self._ports_due = tuple(self._ports_due), {}
        self._move(self._following(names, now), names)

    def _following(self, names: tuple[str, ...], now: float) -> Work:
        entries = self._tables.depending_on_ports(names)
        yield from self._tables.following(self.sliced.following(entries), now)

    def features(self, slice_name: str) -> FeaturesReply10:
        """Return the features of the switch as a slice sees it."""
        return self.ports.features(slice_name)

    @property
    def sliced(self) -> SlicedSwitch:
        """The tables of the tenants and of the switch."""
        return self._link.sliced

    # ---- from tenants

    def _check_role(self, tenant: TenantConnection, message: bytes) -> None:
        if tenant.is_monitor and message[1] not in _OF_MONITORS:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.EPERM, "monitor")

    def _features(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        reply = self.ports.features(tenant.slice_name)
        tenant.say(_MESSAGES.encode(xid_of(message), reply))

    def _port_mod(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        if self.is_moving and not self._held.is_dealing:
            # What it says next is not dealt with before its entries have followed.
            self._held.add(tenant.slice_name)
            self._hold(tenant, message, now)
            return
        self.ports.port_mod(tenant, message)
        self._follow_ports((tenant.slice_name,), now)

    def _vendor(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        self._of_vendor(tenant, message, HEADER_SIZE)

    def _of_vendor(self, tenant: TenantConnection, message: bytes, at: int) -> None:
        """Pass on what is said to a vendor that the slice may use; its number is there."""
        vendor = int.from_bytes(message[at : at + 4], "big")
        if vendor not in self._link.presence(tenant).settings.allows_vendor:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BAD_VENDOR, "vendor message")
        self._link.forward(tenant, message)

    def _stats_request(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        kind = int.from_bytes(message[8:10], "big")
        if kind in _FLOWS:
            request: StatsRequest = _MESSAGES.decode(message).message
            self._stats.ask(tenant, message, request, now)
        elif kind in _FORWARDED:
            self._link.forward(tenant, message)
        elif kind == OFPST.VENDOR:
            self._of_vendor(tenant, message, _STATS_BODY_AT)
        else:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BAD_STAT, "unknown statistics")

    # ---- from the switch

    def _flow_removed(self, message: bytes, now: float) -> None:
        if not int.from_bytes(message[COOKIE_AT : COOKIE_AT + 8], "big"):
            match = read_match10(message, HEADER_SIZE)
            place = int.from_bytes(message[COOKIE_AT + 8 : COOKIE_AT + 10], "big")
            packets = int.from_bytes(message[_PACKETS_AT : _PACKETS_AT + 8], "big")
            self.frames.drop_ended(match, place, packets)
            return
        self._tables.flow_removed(message, now)

    def unowned(self, now: float) -> int:
        """Return how many frames of nobody came, or were dropped by entries that have ended."""
        return self.frames.unowned

    def became(self, entry: TenantEntry) -> list[SwitchEntry]:
        """Return the entries of the switch that a tenant's has become, one for each part of it."""
        pieces = self.sliced.installed.pieces(entry)
        return [SwitchEntry(0, one.match, one.priority, one.program) for one in pieces]

    def entry_count(self, name: str) -> int:
        """Return how many entries the switch has for a slice."""
        return self.sliced.installed.count(name)

    def ports_seen(self, name: str) -> tuple[Any, ...]:
        """Return the ports that a slice has here."""
        return tuple(self.ports.features(name).ports)

    def _queue_config(self, message: bytes, _: float) -> None:
        asked = self._link.answer(message)
        if asked is not None and isinstance(asked.tenant, TenantConnection):
            self.ports.queue_config(asked.tenant, asked.xid, message)

    def _port_status(self, message: bytes, now: float) -> None:
        self._follow_ports(self.ports.port_status(message), now)

    def _stats_reply(self, message: bytes, now: float) -> None:
        asked = self._link.answer(message, is_last=not flags_of(message) & MORE)
        if asked is not None and not self._is_own(asked, message, now):
            self._stats_to_tenant(asked, message)

    def _stats_to_tenant(self, asked: Asked, message: bytes) -> None:
        reply: StatsReply = _MESSAGES.decode(message).message
        if reply.type in STATS_OF_PORTS:
            self.ports.stats_reply(asked.tenant, asked.xid, reply)
        elif reply.type == OFPST.TABLE:
            asked.tenant.say(_MESSAGES.encode(asked.xid, self._tables_of(asked.tenant, reply)))
        else:
            asked.tenant.say(with_xid(message, asked.xid))

    def _tables_of(self, tenant: TenantConnection, reply: StatsReply) -> StatsReply:
        """Return the tables with the slice's own entries and quota, all of them in the first."""
        quota = self._link.entry_quota(tenant.slice_name)
        tables = []
        for at, one in enumerate(reply.body if isinstance(reply.body, tuple) else ()):
            if isinstance(one, TableStats10):
                count = 0 if at else len(self._link.sliced.table(tenant.slice_name))
                most = one.max_entries if quota is None else min(quota, one.max_entries)
                tables.append(replace(one, active_count=count, max_entries=most))
        return replace(reply, body=tuple(tables))

    def _is_news(self, asked: Asked, now: float) -> bool:
        """End the entries of a flow-mod that the switch refused; False if it was told before."""
        if not asked.context:
            return True
        name = asked.tenant.slice_name
        return self._tables.refused_by_switch(asked.context, name, now)
