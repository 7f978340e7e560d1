"""Separation agent: says Hello to Domain 0, and tells it every change of the router's FIB."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from xen_bridge.agent.hello_schedule import HelloSchedule, next_of
from xen_bridge.agent.router_interfaces import (
    RouterAddresses,
    address_towards,
    router_addresses,
)
from xen_bridge.agent.skipped_reader import SkippedReader
from xen_bridge.channel.outgoing import OutgoingChannel
from xen_bridge.channel.sender import SenderLimits
from xen_bridge.client import BridgeClient
from xen_bridge.errors import BridgeError
from xen_bridge.netlink.tables import Netlink
from xen_bridge.planes.fib_model import FibModel
from xen_bridge.planes.follower import FibFollower
from xen_bridge.planes.route_documents import documents_of
from xen_bridge.protocol.documents.hello import HelloAnswer, KernelKind, RouterHello
from xen_bridge.trust.identity import Identity

LOG = logging.getLogger(__name__)
LIMITS = SenderLimits(window=8, queue=64, first_retry=0.5, longest_retry=5.0, idle=5.0)
FEW = 4
"""Route Changes that may wait to be acknowledged when more are taken from the model."""
TURN_SECONDS = 0.25
LOOK_SECONDS = 1.0
"""Between two looks at the router's interfaces."""
HELLO_SECONDS = 20.0


class RouteSource(Protocol):
    """What keeps the model of a FIB; in the namespace of the thread that reads first."""

    @property
    def is_whole(self) -> bool:
        """Whether the model may be told onward as all that there is."""

    def read(self, seconds: float) -> None:
        """Take in what there is to take, after ``seconds`` perhaps nothing. Raises BridgeError."""

    def close(self) -> None:
        """End it."""


class Home(Protocol):
    """Where a Domain 0 listens, and its key."""

    @property
    def url(self) -> str:
        """Its address."""

    @property
    def node_pk(self) -> str:
        """Its key."""


@dataclass(slots=True)
class _Conversation:
    """What is open to one Domain 0."""

    name: str
    home: Home
    client: BridgeClient
    channel: OutgoingChannel


class SeparationAgent:
    """The agent of one router, in the network namespace of the threads that call it."""

    def __init__(
        self,
        identity: Identity,
        homes: Callable[[], Mapping[str, Home]],
        incarnation: int,
        clock: Callable[[], float] = time.monotonic,
        source: Callable[[FibModel], RouteSource] = FibFollower,
    ) -> None:
        """Say Hello as ``identity`` to one of ``homes``, the Domain 0s that may host us, by name.

        ``incarnation`` is one that no earlier start of this program had. Routes are those of the
        kernel, or of another ``source``.
        """
        self._identity = identity
        self._homes = homes
        self._incarnation = incarnation
        self._skipped = SkippedReader()
        self._clock = clock
        self._schedule = HelloSchedule()
        self._netlink = Netlink()
        self._model = FibModel()
        self._follower = source(self._model)
        self._conversation: _Conversation | None = None
        self._told: tuple[RouterAddresses, tuple[KernelKind, ...]] | None = None
        self._look_at = 0.0
        self._answer: HelloAnswer | None = None
        self._trouble = ""

    @property
    def is_alone(self) -> bool:
        """Whether there was no Domain 0 to talk to at the last turn."""
        return self._conversation is None

    def turn(self) -> bool:
        """Do what is due, and wait a little for routes to change; tell whether it waited."""
        talking = self._talking()
        if talking is None:
            return False
        now = self._clock()
        if now >= self._look_at or self._schedule.is_due(now):
            self._look_at = now + LOOK_SECONDS
            self._look(talking)
        if self._schedule.is_due(now):
            self._say_hello(talking)
        if not self._schedule.is_separated or self._conversation is not talking:
            return False
        self._follow(talking.channel)
        return True

    def close(self) -> None:
        """End the conversation."""
        self._part()
        self._follower.close()
        self._skipped.close()
        self._netlink.close()

    # ---- whom it talks to

    def _talking(self) -> _Conversation | None:
        """Return the conversation with a Domain 0 that is known; None if there is none."""
        homes = self._homes()
        talking = self._conversation
        if talking is not None and homes.get(talking.name) == talking.home:
            return talking
        self._part()
        name = next_of(tuple(homes), None)
        return None if name is None else self._begin(name, homes[name])

    def _begin(self, name: str, home: Home) -> _Conversation:
        self._schedule.moved()
        self._incarnation += 1
        self._conversation = _Conversation(
            name,
            home,
            BridgeClient(home.url, home.node_pk, self._identity),
            OutgoingChannel(
                name,
                BridgeClient(home.url, home.node_pk, self._identity),
                self._incarnation,
                lambda _application: self._schedule.say_now(),
                LIMITS,
                self._clock,
            ),
        )
        self._conversation.channel.start()
        return self._conversation

    def _part(self) -> None:
        talking, self._conversation = self._conversation, None
        if talking is not None:
            talking.client.close()
            # It waits for an exchange that is under way.
            threading.Thread(target=talking.channel.close, daemon=True).start()

    # ---- Hello

    def _look(self, talking: _Conversation) -> None:
        """See whether there is news to say."""
        control = address_towards(talking.home.url)
        found = router_addresses(self._netlink.links(), self._netlink.addresses(), control)
        seen = found, self._skipped.read(one.name for one in found.interfaces if not one.control)
        if seen != self._told:
            self._told = seen
            self._schedule.say_now()

    def _say_hello(self, talking: _Conversation) -> None:
        found, kinds = self._told or (RouterAddresses(), ())
        hello = RouterHello(
            socket.gethostname()[:64] or "router",
            self._schedule.begins(),
            found.interfaces,
            found.others,
            kinds,
        )
        try:
            answer = talking.client.ask(hello, None, HELLO_SECONDS)
        except BridgeError as error:
            self._hello_failed(talking, error)
            return
        self._tell_answer(talking, answer)
        self._schedule.answered(answer, self._clock())

    def _hello_failed(self, talking: _Conversation, error: BridgeError) -> None:
        if str(error) != self._trouble:
            LOG.warning("%s does not take our Hello: %s", talking.name, error)
            self._trouble = str(error)
        homes = self._homes()
        if self._schedule.failed(self._clock(), len(homes)):
            self._part()
            name = next_of(tuple(homes), talking.name)
            if name is not None:
                self._begin(name, homes[name])

    def _tell_answer(self, talking: _Conversation, answer: HelloAnswer) -> None:
        self._trouble = ""
        if self._answer is None or answer.state != self._answer.state:
            why = f": {'; '.join(answer.refusals)}" if answer.refusals else ""
            LOG.warning("%s says that our planes are %s%s", talking.name, answer.state, why)
        self._answer = answer

    # ---- routes

    def _follow(self, channel: OutgoingChannel) -> None:
        if not self._follower.is_whole:
            # Half of a FIB, told as all of it, would take out the other half.
            self._follower.read(TURN_SECONDS)
            return
        if self._schedule.must_tell:
            self._schedule.must_tell = False
            self._model.tell_all()
        self._follower.read(TURN_SECONDS if channel.status().pending < FEW else 0.05)
        while channel.status().pending < FEW:
            change = self._model.take()
            if change is None:
                return
            for document in documents_of(change):
                channel.send(document)
