"""Link to a tenant's controller: a connection that is made again whenever it ends."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from typing import cast

from horizon_ryu.core.slicing.slice_settings import ControllerRole, TenantController
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.turns import TurnTaker
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.of10.handshake import FeaturesReply10
from horizon_ryu.wire.session.events import SessionEvent
from horizon_ryu.wire.session.negotiation import VersionOffer
from horizon_ryu.wire.session.protocol_session import SessionLimits
from horizon_ryu.wire.session.switch import SwitchSession

FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0
"""Seconds between two tries: doubled and one more, up to the longest, as FlowVisor has it."""
MOST_UNSENT = 4 << 20
"""Bytes that a controller may leave unread; then it is slow, and connected anew."""
CONNECT_SECONDS = 5.0


class TenantLink(asyncio.Protocol):
    """One controller of a slice, for one switch: found, kept, and found again."""

    def __init__(
        self,
        slice_name: str,
        controller: TenantController,
        version: int,
        features: Callable[[], FeaturesReply10],
        owner: TenantLinkOwner,
        tls: ssl.SSLContext | None,
    ) -> None:
        """``features`` returns what the switch is to the slice."""
        self.slice_name = slice_name
        self.controller = controller
        self.tenant: TenantConnection | None = None
        self._offer = VersionOffer(frozenset({version}))
        self._features = features
        self._owner = owner
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._session: SwitchSession | None = None
        self._turns: TurnTaker | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ended = asyncio.Event()
        self._flush_due = False
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
        if self._transport is not None:
            self._transport.abort()
        self._leave()

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin as a switch."""
        # uvloop's transports are no subclasses of asyncio's.
        transport = self._transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(high=MOST_UNSENT)
        limits = SessionLimits(offer=self._offer)
        self._session = SwitchSession(
            self._features_of, self._loop.time(), limits, random.getrandbits(32)
        )
        self._turns = TurnTaker(self._loop, self._take, self.flush, self._failed)
        self._turns.begin(transport)
        self.flush()
        self._plan_tick()

    def data_received(self, data: bytes) -> None:
        """Take what the controller sends, a few messages in a turn."""
        if self._session is not None and self._turns is not None:
            self._turns.feed(self._session.receive(data))

    def pause_writing(self) -> None:
        """Give up a controller that does not read: others must not wait, nor memory fill."""
        if self._transport is not None:
            self._owner.tenant_slow(self)
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave, and come back."""
        self._leave()
        self._transport = self._session = self._turns = None
        self._ended.set()

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.tenant is not None:
            tenant, self.tenant = self.tenant, None
            self._owner.tenant_left(self, tenant)

    # ---- messages

    def _features_of(self, _codec: Codec) -> FeaturesReply10:
        return self._features()

    def _take(self, item: tuple[SessionEvent, bytes]) -> None:
        event, message = item
        if event is SessionEvent.READY:
            self.tenant = TenantConnection(self.slice_name, self._say, self.is_monitor)
            self._owner.tenant_came(self, self.tenant)
        elif event is SessionEvent.MESSAGE and self.tenant is not None:
            self._owner.tenant_says(self.tenant, message)

    def _failed(self, error: Exception) -> None:
        self._owner.tenant_fault(self, error)

    def _say(self, message: bytes) -> None:
        if self._session is not None:
            self._session.say(message)
            if not self._flush_due:
                self._flush_due = True
                self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what is to be sent; end what has ended."""
        self._flush_due = False
        session, transport = self._session, self._transport
        if session is None or transport is None:
            return
        data = session.take_output()
        if data:
            transport.write(data)
        if session.is_closed:
            transport.close()

    def _plan_tick(self) -> None:
        if self._session is not None and not self._session.is_closed:
            due = max(self._session.next_deadline(), self._loop.time() + 0.01)
            self._timer = self._loop.call_at(min(due, self._loop.time() + 3600), self._tick)

    def _tick(self) -> None:
        if self._session is not None:
            self._session.tick(self._loop.time())
            self.flush()
            self._plan_tick()


class TenantLinkOwner:
    """Who is told what becomes of links: the switch that they are for."""

    def tenant_came(self, link: TenantLink, tenant: TenantConnection) -> None:
        """Tell that a controller is there and knows the switch."""
        raise NotImplementedError

    def tenant_left(self, link: TenantLink, tenant: TenantConnection) -> None:
        """Tell that it is there no more."""
        raise NotImplementedError

    def tenant_says(self, tenant: TenantConnection, message: bytes) -> None:
        """Give a message of it."""
        raise NotImplementedError

    def tenant_slow(self, link: TenantLink) -> None:
        """Tell that it did not read what it was sent."""
        raise NotImplementedError

    def tenant_fault(self, link: TenantLink, error: Exception) -> None:
        """Tell of an error of ours, by which its connection has ended."""
        raise NotImplementedError

    def tenant_unreachable(self, link: TenantLink, reason: str) -> None:
        """Tell that it could not be connected to."""
        raise NotImplementedError


def _address(url: str) -> tuple[str, int]:
    _, _, rest = url.partition(":")
    host, _, port = rest.rpartition(":")
    return host.strip("[]"), int(port)
