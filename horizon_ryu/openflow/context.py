"""Context of a connection: what it needs from the rest of Horizon, and its limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from horizon_ryu.core.dpid_claims import DpidPins
from horizon_ryu.openflow.claims import ClaimTold
from horizon_ryu.openflow.counters import ConnectionCounters, Counters
from horizon_ryu.openflow.packet_in_pipeline import PacketInPipeline
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.guard import AnswerLimits
from horizon_ryu.wire.messages import FlowEntry, Match, PacketIn
from horizon_ryu.wire.session import PendingRequest, Repetition, SessionLimits, VersionOffer
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13
from xen_bridge.runtime.port import Runtime

AcceptFailed: TypeAlias = Callable[[Exception], None]
"""Told of each error of the listening socket."""

Admit: TypeAlias = Callable[[PacketIn, float], bool]
"""Tells whether the rate limits let a packet-in through; the float is the time."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of every connection; seconds and bytes. All are settings of the operator."""

    handshake_seconds: float = 5.0
    """From the connection (TLS: from its handshake) to the end of the OpenFlow handshake."""
    echo_interval: float = 5.0
    """Between two echo requests; Ryu's option echo-request-interval overrides it."""
    unanswered_echoes: int = 3
    """More than this and the switch is dead; maximum-unreplied-echo-requests overrides it."""
    challenge_seconds: float = 2.0
    """What the first connection of a dpid has to prove that it lives, when a second comes."""
    output_bytes: int = 8 * 1024 * 1024
    """Waiting to be sent; a switch that lets more pile up is stuck and is closed."""
    connections: int = 8192
    """At once, from all addresses."""
    connections_per_address: int = 2048
    """At once; a Mininet of 1024 switches has one address."""
    answers: AnswerLimits = field(default_factory=AnswerLimits)
    """Of multipart answers."""
    versions: frozenset[int] = frozenset({OPENFLOW_10, OPENFLOW_13})
    """Spoken, by their numbers on the wire; a Ryu application can narrow it."""

    def of_session(self) -> SessionLimits:
        """Return those that the session keeps."""
        return SessionLimits(
            self.handshake_seconds,
            self.echo_interval,
            self.unanswered_echoes,
            self.answers,
            VersionOffer(self.versions),
        )


class Connection(Protocol):
    """The connection of one switch, as the registry sees it."""

    id: int | None
    """The dpid, once the switch has told it."""
    address: Any
    """(host, port, ...) of the peer."""
    write: Callable[[bytes], bool]
    """Queue whole messages that ask for no multipart answer; the cheap way."""
    next_xid: Callable[[], int]
    """Return a transaction id not used before on this connection."""
    end_repetition: Callable[[Repetition], None]
    """End a repetition as late, if it is not at its end."""

    @property
    def codec(self) -> Codec:
        """What reads and writes the version negotiated."""

    def send(self, buf: bytes, close_socket: bool = False) -> bool:
        """Queue whole messages, among them requests; False if the connection is closing."""

    def send_soon(self, data: bytes) -> bool:
        """Queue whole messages, among them requests, for the end of this turn."""

    def request(self, request: PendingRequest) -> None:
        """Take note of a request that is about to be sent; TooManyRequests."""

    def repeat(self, repetition: Repetition) -> None:
        """Ask again what the switch has answered before; TooManyRequests."""

    def give_up(self, request: PendingRequest) -> None:
        """End a request as late; what still comes for it is dropped."""

    def answers(self, seconds: float) -> bool:
        """Send an echo request and wait for its reply; False after ``seconds`` or if it died."""

    def abort(self, reason: str) -> None:
        """Close the connection, count ``reason`` and log it; never blocks."""


class EntryReader(Protocol):
    """The part of the switch registry that reads entries; it waits, and raises SwitchError."""

    def codec(self, dpid: int) -> Codec:
        """Return the codec of the version that a switch speaks; SwitchAway."""

    def flow_entries(
        self,
        dpid: int,
        deadline: float = ...,
        match: Match = ...,
        cookie: int = ...,
        mask: int = ...,
        to_controller: bool = ...,
    ) -> tuple[FlowEntry, ...]:
        """Return the entries that ``match`` takes in, of this ``cookie`` under ``mask``."""


class Registry(Protocol):
    """Who is told about connections, in the receive task of each: must never wait."""

    def connected(self, connection: Connection) -> None:
        """The handshake is complete; called before Ryu's event of the same meaning."""

    def disconnected(self, connection: Connection) -> None:
        """A connection that was connected is dead; called before Ryu's event."""


@dataclass(frozen=True, slots=True)
class ConnectionContext:
    """Everything a connection is given.

    ``listening`` is told the address of the OpenFlow port, and whether it speaks TLS.
    ``allowed_dpids`` None allows all.
    ``certificates`` pins dpids to client certificates. ``claimed`` is told of whoever says that
    it is a switch that it may not be, or that somebody else is.
    """

    packet_in_pipeline: PacketInPipeline
    registry: Registry
    runtime: Runtime
    counters: Counters = field(default_factory=ConnectionCounters)
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    clock: Callable[[], float] = time.monotonic
    admit: Admit | None = None
    accept_failed: AcceptFailed | None = None
    listening: Callable[[tuple[Any, ...], bool], None] | None = None
    allowed_dpids: frozenset[int] | None = None
    certificates: DpidPins = field(default_factory=DpidPins)
    claimed: ClaimTold | None = None
    run: Callable[[Callable[[], None]], object] | None = None
    """Runs what accepts connections; None: it is called."""
