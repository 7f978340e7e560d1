"""Protocol table: what a version of OpenFlow lets a peer say; one per version and role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from horizon_ryu.wire.guard.violation import Reason, Violation
from horizon_ryu.wire.guard.walk import Walker, uint16

Check: TypeAlias = Callable[[bytes], None]
"""Raises Violation when a whole message (of at least 8 bytes) is malformed."""

MAX_ECHO_SIZE = 2048
"""An echo is sent back as it came: no more than this is worth it."""


class Role(Enum):
    """Which side of OpenFlow a peer is on."""

    SWITCH = "switch"
    CONTROLLER = "controller"


@dataclass(frozen=True, slots=True)
class Protocol:
    """``checks`` and ``max_sizes`` are indexed by message type; None and 0 mean: must not come.

    Of ``role``, the peer's. Some types need to know what came before and are judged by the
    message guard instead: of a switch the features reply (any ``features`` of the right form)
    and ``multipart_reply``, of a controller ``multipart_request``. The bodies of multipart
    messages start at ``body_at`` and are walked by ``bodies[kind]``. ``hazards[kind]`` refuses
    what is valid, and yet more than Ryu's parser can bear.
    """

    version: int
    max_sizes: tuple[int, ...]
    checks: tuple[Check | None, ...]
    multipart_request: int
    multipart_reply: int
    body_at: int
    bodies: Mapping[int, Walker]
    features: Check | None = None
    hazards: Mapping[int, Walker] = field(default_factory=dict)
    role: Role = Role.SWITCH


def whole(walker: Walker, start: int = 8) -> Check:
    """Return the check of a message whose body from ``start`` on is for ``walker``."""

    def check(message: bytes) -> None:
        walker(message, start, len(message))

    return check


def sized(size: int) -> Check:
    """Return the check of a message of exactly ``size`` bytes."""

    def check(message: bytes) -> None:
        if len(message) != size:
            raise Violation(Reason.SIZE, f"type {message[1]} of {len(message)} bytes, not {size}")

    return check


def no_less_than(size: int) -> Check:
    """Return the check of a message of ``size`` bytes or more."""

    def check(message: bytes) -> None:
        if len(message) < size:
            raise Violation(Reason.SIZE, f"type {message[1]} of {len(message)} bytes, not {size}")

    return check


def packet_out(size: int, length_at: int, actions: Walker) -> Check:
    """Return the check of a packet-out whose head has ``size`` bytes (1.0.0 5.3.6, 1.3.5 7.3.7).

    The actions have a length of their own, at ``length_at``; the rest is the frame.
    """

    def check(message: bytes) -> None:
        left = len(message) - size
        if left < 0:
            raise Violation(Reason.SIZE, f"packet-out of {len(message)} bytes")
        length = uint16(message, length_at)
        if length > left:
            raise Violation(Reason.LENGTH, f"actions of {length} bytes, {left} left")
        actions(message, size, size + length)

    return check


def by_type(checks: Mapping[int, Check]) -> tuple[Check | None, ...]:
    """Return ``checks`` as a tuple over the 256 types."""
    return tuple(checks.get(kind) for kind in range(256))
