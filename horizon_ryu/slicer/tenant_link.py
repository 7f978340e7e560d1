"""Link to a tenant's controller: a connection that is made again whenever it ends."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from time import perf_counter_ns
from typing import Protocol

from horizon_ryu.core.slicing.slice_settings import ControllerRole, TenantController
from horizon_ryu.slicer.active_slices import ActiveSlices
from horizon_ryu.slicer.outbox import Outbox
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.session_link import SessionLink
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.session.events import SessionEvent
from horizon_ryu.wire.session.negotiation import VersionOffer
from horizon_ryu.wire.session.protocol_session import ProtocolSession, SessionLimits
from horizon_ryu.wire.session.switch import FeaturesReply, SwitchSession

FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0
"""Seconds between two tries: doubled and one more, up to the longest, as FlowVisor has it."""
CONNECT_SECONDS = 5.0
_READY, _UNKNOWN = SessionEvent.READY, SessionEvent.UNKNOWN
_FOR_SWITCH = (SessionEvent.MESSAGE, SessionEvent.PACKET_IN)
"""A controller has no business sending the latter: the switch answers with an error."""
_FEATURES_REQUEST = int(OFPT.FEATURES_REQUEST)


class TenantLink(SessionLink):
    """One controller of a slice, for one switch: found, kept, and found again."""

    MOST_UNSENT = 4 << 20

    def __init__(
        self,
        slice_name: str,
        controller: TenantController,
        version: int,
        features: Callable[[], FeaturesReply],
        owner: TenantLinkOwner,
        tls: ssl.SSLContext | None,
    ) -> None:
        """``features`` returns what the switch is to the slice."""
        super().__init__(owner.active, owner.outbox)
        self.slice_name = slice_name
        self.controller = controller
        self.tenant: TenantConnection | None = None
        self._offer = VersionOffer(frozenset({version}), listed=True)
        self._features = features
        self._owner = owner
        self._tls = tls
        self._has_said = False
        self._ended = asyncio.Event()
        self._task = self._loop.create_task(self._keep())

    @property
    def is_monitor(self) -> bool:
        """Whether the controller only looks on."""
        return self.controller.role is ControllerRole.MONITOR

    # ---- being there

    async def _keep(self) -> None:
        wait = FIRST_WAIT
        host, port = _address(self.controller.url)
        while True:
            self._ended.clear()
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._loop.create_connection(lambda: self, host, port, ssl=self._tls)
                began = self._loop.time()
                await self._ended.wait()
                if self._loop.time() - began > LONGEST_WAIT:
                    wait = FIRST_WAIT
            except (OSError, TimeoutError) as error:
                self._owner.tenant_unreachable(self, str(error))
            # Many slices of many switches must not come back in the same moment.
            await asyncio.sleep(wait * random.uniform(0.8, 1.0))
            wait = min(2 * wait + 1, LONGEST_WAIT)

    def close(self) -> None:
        """End the connection and make no other."""
        self._task.cancel()
        self.abort()
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave, and come back."""
        super().connection_lost(exc)
        self._leave()
        self._ended.set()

    def _leave(self) -> None:
        if self.tenant is not None:
            tenant, self.tenant = self.tenant, None
            self._owner.tenant_left(self, tenant)

    # ---- the session

    def _begun(self) -> SwitchSession:
        limits = SessionLimits(offer=self._offer)
        return SwitchSession(self._features_of, self._loop.time(), limits, random.getrandbits(32))

    def _features_of(self, _codec: Codec) -> FeaturesReply:
        return self._features()

    def take(self, event: SessionEvent, message: bytes) -> None:
        """Let the controller take part once it knows the switch, and pass on what it says."""
        if event is _READY:
            self.tenant = TenantConnection(self.slice_name, self._say, self.is_monitor)
            self._owner.tenant_came(self, self.tenant)
        elif (
            event in _FOR_SWITCH
            and self.tenant is not None
            # The session has answered: a second answer would be one that nobody has asked for.
            and message[1] != _FEATURES_REQUEST
        ):
            if self.turn_began:
                self._has_said = True
            if self._active.last != self.slice_name:
                self._active.note(self.slice_name, self._loop.time())
            self._owner.tenant_says(self.tenant, message)
        elif event is _UNKNOWN and self.tenant is not None:
            self._owner.tenant_refused(self.tenant, message)

    def _timed(self) -> None:
        """Note how long it took until what the controller has said was passed on."""
        if self._has_said:
            self._has_said = False
            if self.tenant is not None:
                self.tenant.latency.from_tenant.add(perf_counter_ns() - self.turn_began)

    def _wrote(self) -> None:
        began = self._owner.turn_began
        if began and self.tenant is not None:
            self.tenant.latency.from_switch.add(perf_counter_ns() - began)

    def _ending(self, session: ProtocolSession) -> None:
        if session.end is not None and session.end.farewell:
            self._owner.tenant_unreachable(self, str(session.end))

    def turn_failed(self, error: Exception) -> None:
        """Tell of an error of ours, by which the connection ends."""
        self._owner.tenant_fault(self, error)

    def _slow(self) -> None:
        self._owner.tenant_slow(self)


class TenantLinkOwner(Protocol):
    """Who is told what becomes of links: the switch that they are for."""

    turn_began: int
    """When that came of the switch which is dealt with now; 0 outside of its turns."""

    @property
    def outbox(self) -> Outbox:
        """What is said in one turn to the switch and to its tenants."""

    @property
    def active(self) -> ActiveSlices:
        """The slices that share the loop."""

    def tenant_came(self, link: TenantLink, tenant: TenantConnection) -> None:
        """Tell that a controller is there and knows the switch."""

    def tenant_left(self, link: TenantLink, tenant: TenantConnection) -> None:
        """Tell that it is there no more."""

    def tenant_says(self, tenant: TenantConnection, message: bytes) -> None:
        """Give a message of it."""

    def tenant_refused(self, tenant: TenantConnection, message: bytes) -> None:
        """Tell of a message that names what its version lacks, and was answered with an error."""

    def tenant_slow(self, link: TenantLink) -> None:
        """Tell that it did not read what it was sent."""

    def tenant_fault(self, link: TenantLink, error: Exception) -> None:
        """Tell of an error of ours, by which its connection has ended."""

    def tenant_unreachable(self, link: TenantLink, reason: str) -> None:
        """Tell that it could not be connected to."""


def _address(url: str) -> tuple[str, int]:
    _, _, rest = url.partition(":")
    host, _, port = rest.rpartition(":")
    return host.strip("[]"), int(port)
