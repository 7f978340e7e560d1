"""Counters of the wire guard and of connections, for metrics and for tests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol


class Counters(Protocol):
    """What a connection tells whoever counts; every reason is a short fixed word."""

    def violation(self, reason: str) -> None:
        """A peer sent what the wire guard refuses."""

    def refused(self, reason: str) -> None:
        """A peer was turned away or closed for another reason than a violation."""

    def unparsed(self, reason: str) -> None:
        """Ryu could not read a message that the guard had passed; ``reason`` is the exception."""

    def handler_failed(self, handler: str) -> None:
        """A handler of ours, or of a Ryu application, raised."""

    def shed(self) -> None:
        """A packet-in was dropped by the rate limit."""


@dataclass(slots=True)
class ConnectionCounters:
    """The counters in memory; they only grow."""

    violations: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    unparsed_messages: Counter[str] = field(default_factory=Counter)
    handler_failures: Counter[str] = field(default_factory=Counter)
    packet_ins_shed: int = 0

    def violation(self, reason: str) -> None:
        """Count a message that the guard refused."""
        self.violations[reason] += 1

    def refused(self, reason: str) -> None:
        """Count a peer turned away or closed."""
        self.refusals[reason] += 1

    def unparsed(self, reason: str) -> None:
        """Count a message that passed the guard and that Ryu could not read."""
        self.unparsed_messages[reason] += 1

    def handler_failed(self, handler: str) -> None:
        """Count an exception of a handler."""
        self.handler_failures[handler] += 1

    def shed(self) -> None:
        """Count a packet-in dropped by the rate limit."""
        self.packet_ins_shed += 1
