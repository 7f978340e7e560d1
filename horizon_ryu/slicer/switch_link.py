"""Link of a switch that has connected to the slicer, and of all its tenants."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.limits import RateLimiter
from horizon_ryu.core.slicing.slice_document import SliceDocument
from horizon_ryu.core.slicing.table_record import RecordedSwitch
from horizon_ryu.slicer.active_slices import ActiveSlices
from horizon_ryu.slicer.configuration import SlicerConfiguration
from horizon_ryu.slicer.datapath10 import SlicedDatapath10
from horizon_ryu.slicer.datapath13 import SlicedDatapath13
from horizon_ryu.slicer.flow_stats import StatisticsSettings
from horizon_ryu.slicer.kept_tables import KeptTables, first_id
from horizon_ryu.slicer.lldp_trailer import TrailerSigner
from horizon_ryu.slicer.portions import PortionCarrier
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.session_link import SessionLink
from horizon_ryu.slicer.sliced_datapath import SlicedDatapath
from horizon_ryu.slicer.tenant_link import TenantLink
from horizon_ryu.slicer.tls_contexts import SlicerTls
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.session.controller import ControllerSession
from horizon_ryu.wire.session.events import SessionEvent
from horizon_ryu.wire.session.negotiation import VersionOffer
from horizon_ryu.wire.session.protocol_session import ProtocolSession, SessionLimits
from horizon_ryu.wire.session.switch import FeaturesReply
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13
from xen_bridge.serving.room import Place

_OFFER = VersionOffer(frozenset({OPENFLOW_10, OPENFLOW_13}), listed=True)
HANDSHAKE_SECONDS = 5.0
"""That a connection has to say which switch it is, and before that for TLS."""
TAKEOVER_SECONDS = 30.0
"""That a switch has to tell what it has; then it is made anew."""
_MOST_EARLY = 1024
"""Messages of a switch that are kept until its features and its ports are known."""

_MOST_WAITING = 1 << 18
"""Bytes of what takes long that wait for the switch to read them: others' are not behind more."""

_FOR_TENANTS = (SessionEvent.PACKET_IN, SessionEvent.MESSAGE, SessionEvent.ANSWER)
_DATAPATHS: Mapping[int, type[SlicedDatapath10] | type[SlicedDatapath13]] = MappingProxyType(
    {OPENFLOW_10: SlicedDatapath10, OPENFLOW_13: SlicedDatapath13}
)


class Slicer(Protocol):
    """Who knows the slices, and every switch that is there."""

    active: ActiveSlices
    signer: TrailerSigner
    statistics: StatisticsSettings
    tables: KeptTables
    tls: SlicerTls

    def enter(self, host: str) -> Place | None:
        """Return a place for a connection from ``host``; None if there are too many."""

    def configuration(self) -> SlicerConfiguration:
        """Return what is to be worked by."""

    def prepare(self, dpid: int, version: int, then: Callable[[], None]) -> None:
        """Call ``then`` when the flowspace of a switch is there."""

    def flowspace_on(self, dpid: int, version: int) -> SwitchFlowspace:
        """Return the flowspace of a switch, in the fields of the version that it speaks."""

    def rates(self, name: str) -> RateLimiter:
        """Return the rates of a slice on all switches together."""

    def entries_beside(self, datapath: SlicedDatapath, name: str) -> int:
        """Return how many flow entries a slice has on all switches but one."""

    def admits(self, link: SwitchLink, dpid: int) -> bool:
        """Tell whether a switch may be there as this one; an older connection of it is ended."""

    def switch_came(self, link: SwitchLink) -> None:
        """Tell that a switch is there."""

    def switch_left(self, link: SwitchLink) -> None:
        """Tell that it is there no more."""

    def tell(self, event: str, **about: object) -> None:
        """Tell whoever listens what has happened."""

    def fault(self, error: Exception, **about: object) -> None:
        """Tell of an error of ours, by which a connection has ended."""


class SwitchLink(SessionLink):
    """One connection of a switch."""

    MOST_UNSENT = 8 << 20

    def __init__(self, slicer: Slicer) -> None:
        super().__init__(slicer.active)
        self._slicer = slicer
        self._features = b""
        self._place: Place | None = None
        self._early: list[bytes] = []
        self._takeover: asyncio.TimerHandle | None = None
        self.datapath: SlicedDatapath | None = None
        self.links: dict[tuple[str, str], TenantLink] = {}
        self.peer = ""
        self._is_due = False
        """Whether another configuration waits until entries have moved by the one before."""
        self._carrier = PortionCarrier(self._loop, self.flush, self._has_room, self._work_failed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin as a controller, if there is a place for one more."""
        host, port = transport.get_extra_info("peername")[:2]
        self.peer = f"{host}:{port}"
        self._place = self._slicer.enter(host)
        if self._place is None:
            transport.abort()  # type: ignore[attr-defined]
            return
        super().connection_made(transport)
        self._place.ended_by(self.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave, and take the tenants' connections along."""
        super().connection_lost(exc)
        if self._place is not None:
            self._place.leave()
        self.retire()
        self._slicer.switch_left(self)

    def _begun(self) -> ControllerSession:
        self._early.clear()
        return ControllerSession(
            self._loop.time(),
            SessionLimits(offer=_OFFER, handshake_seconds=HANDSHAKE_SECONDS),
            random.getrandbits(32),
        )

    def _slow(self) -> None:
        self._slicer.tell("switch_slow", switch=self.peer)

    def _ending(self, session: ProtocolSession) -> None:
        if session.end is not None:
            event = "switch_violation" if session.end.violation else "switch_given_up"
            self._slicer.tell(event, switch=self.peer, reason=str(session.end))

    # ---- messages

    def take(self, event: SessionEvent, message: bytes) -> None:
        """Learn which switch it is; then all that concerns tenants is its datapath's."""
        if self.datapath is not None and event in _FOR_TENANTS:
            self.datapath.from_switch(message, self._loop.time())
            return
        if event is SessionEvent.IDENTIFIED:
            self._features = message
        if event is SessionEvent.READY:
            dpid = _dpid_of(self._features)
            self._slicer.prepare(dpid, self._features[0], self._begin_or_end)
        elif event is SessionEvent.MESSAGE and len(self._early) < _MOST_EARLY:
            self._early.append(message)

    def turn_failed(self, error: Exception) -> None:
        """Tell of an error of ours, by which the connection ends."""
        self._slicer.fault(error, switch=self.peer)

    def _has_room(self) -> bool:
        """Tell whether the switch has read most of what it was sent."""
        transport = self._transport
        return transport is None or transport.get_write_buffer_size() < _MOST_WAITING

    def _work_failed(self, error: Exception) -> None:
        self.turn_failed(error)
        self.abort()

    def _begin_or_end(self) -> None:
        """Begin; an error of ours ends this connection, not what others wait for too."""
        try:
            self._begin()
        except Exception as error:
            self._work_failed(error)

    def _begin(self) -> None:
        if self._session is None or self._session.is_closed or self.datapath is not None:
            return
        version = self._features[0]
        features = codec_of(version).messages.decode(self._features).message
        if not self._slicer.admits(self, features.datapath_id):
            self.abort()
            return
        if self._place is not None:
            self._place.busy()
        switch = RecordedSwitch(features.datapath_id, version)
        had = self._slicer.tables.had(switch)
        first = first_id() if had is None else had.first_id()
        self.datapath = datapath = self._made(switch, features, first)
        datapath.listen(self._slicer.tell)
        datapath.carry_by(self._carrier.carry)
        datapath.count_elsewhere(lambda name: self._slicer.entries_beside(datapath, name))
        early, self._early = self._early, []
        for message in early:
            datapath.from_switch(message, self._loop.time())
        self._slicer.switch_came(self)
        self._set_slices()
        lost = datapath.begin() if had is None else datapath.begin(had.entries, had.objects)
        self._slicer.tables.follow(switch, datapath.tables, lost, first)
        self._takeover = self._loop.call_later(TAKEOVER_SECONDS, self._end_takeover)
        self.flush()

    def _end_takeover(self) -> None:
        """Wait no longer for a switch to tell what it has."""
        if self.datapath is not None:
            self.datapath.end_takeover(self._loop.time())

    def retire(self) -> None:
        """End at once, since the switch has another connection: that one goes on with its tables.

        Safe to call again.
        """
        datapath = self.datapath
        if self._takeover is not None:
            self._takeover.cancel()
        if datapath is not None:
            switch = RecordedSwitch(datapath.dpid, datapath.VERSION)
            self._slicer.tables.keep(switch, datapath.tables)
        self._carrier.close()
        for link in self.links.values():
            link.close()
        self.links.clear()
        self.abort()

    def flush(self) -> None:
        """Have what the switch is told of tables written down, then tell it."""
        self._slicer.tables.flush()
        SessionLink.flush(self)  # a third of the call of super()

    def _made(self, switch: RecordedSwitch, features: Any, first: int) -> SlicedDatapath:
        """Return the datapath of the version that was negotiated."""
        worked_by = self._slicer.flowspace_on(*switch), self._slicer.signer
        window, answers_empty = self._slicer.statistics
        made = _DATAPATHS[switch.version](features, self._say, *worked_by, window, first)
        if not answers_empty:
            made.leave_out_empty_answers()
        return made

    # ---- slices

    def reconfigure(self) -> None:
        """Take another configuration, without dropping a connection that stays.

        While entries move by the one before that waits; the newest is taken then.
        """
        datapath = self.datapath
        if datapath is not None and datapath.is_moving:
            if not self._is_due:
                self._is_due = True
                datapath.moved(self.reconfigure)
            return
        self._is_due = False
        if datapath is not None:
            flowspace = self._slicer.flowspace_on(datapath.dpid, datapath.VERSION)
            names = flowspace.slices
            wanted = self._slicer.configuration().slices
            for name in [name for name in wanted if name in names]:
                self._set_slice(wanted[name])
            datapath.set_flowspace(flowspace, self._loop.time())
            self._set_slices()

    def _set_slices(self) -> None:
        """Have what the configuration says: each slice that has to do with the switch."""
        datapath = self.datapath
        if datapath is None:
            return
        slices = self._slicer.configuration().slices
        here = {name: slices[name] for name in datapath.flowspace.slices}
        for one in here.values():
            self._set_slice(one)
        wanted = {
            (name, controller.url): controller
            for name, one in here.items()
            for controller in one.settings.controllers
        }
        for key in [key for key, link in self.links.items() if wanted.get(key) != link.controller]:
            self.links.pop(key).close()
        for name in [name for name in datapath.slices() if name not in here]:
            datapath.remove_slice(name, self._loop.time())
        for key, controller in wanted.items():
            if key not in self.links:
                self.links[key] = TenantLink(
                    key[0],
                    controller,
                    datapath.VERSION,
                    _features_of(datapath, key[0]),
                    self,
                    self._slicer.tls.tenants if key[1].startswith("tls:") else None,
                )

    def _set_slice(self, one: SliceDocument) -> None:
        datapath = self.datapath
        if datapath is None:
            return
        settings, now = one.settings, self._loop.time()
        own = settings.per_switch.get(datapath.dpid)
        presence = datapath.presence(settings.name)
        limiter = None if presence is None else presence.own
        if own is not None:
            if limiter is None:
                limiter = RateLimiter(own, now)
            else:
                limiter.set(own, now)
        datapath.set_slice(
            settings, self._slicer.rates(settings.name), None if own is None else limiter
        )

    # ---- tenants

    def tenant_came(self, link: TenantLink, tenant: TenantConnection) -> None:
        """Let a controller take part."""
        if self.datapath is not None:
            self.datapath.connect(tenant)
            self._slicer.tell(
                "tenant_connected", slice=link.slice_name, dpid=self.datapath.dpid,
                controller=link.controller.url,
            )  # fmt: skip

    def tenant_left(self, link: TenantLink, tenant: TenantConnection) -> None:
        """Let it take part no more."""
        if self.datapath is not None:
            self.datapath.disconnect(tenant)
            self._slicer.tell(
                "tenant_disconnected", slice=link.slice_name, dpid=self.datapath.dpid,
                controller=link.controller.url,
            )  # fmt: skip

    def tenant_says(self, tenant: TenantConnection, message: bytes) -> None:
        """Deal with a message of a tenant."""
        if self.datapath is not None:
            self.datapath.from_tenant(tenant, message, self._loop.time())

    def tenant_refused(self, tenant: TenantConnection, message: bytes) -> None:
        """Count a message of a tenant that was answered with an error already."""
        if self.datapath is not None:
            self.datapath.count_refused(tenant, message, self._loop.time())

    def tenant_slow(self, link: TenantLink) -> None:
        """Tell that a controller did not read what it was sent."""
        self._slicer.tell("tenant_slow", slice=link.slice_name, controller=link.controller.url)

    def tenant_fault(self, link: TenantLink, error: Exception) -> None:
        """Tell of an error of ours, by which a tenant's connection has ended."""
        self._slicer.fault(error, slice=link.slice_name, controller=link.controller.url)

    def tenant_unreachable(self, link: TenantLink, reason: str) -> None:
        """Tell that a controller could not be connected to."""
        self._slicer.tell(
            "tenant_unreachable", slice=link.slice_name, controller=link.controller.url,
            reason=reason,
        )  # fmt: skip


def _dpid_of(features: bytes) -> int:
    """Return whose features they are, at the same place in both versions."""
    return int.from_bytes(features[8:16], "big")


def _features_of(datapath: SlicedDatapath, name: str) -> Callable[[], FeaturesReply]:
    return lambda: datapath.features(name)
