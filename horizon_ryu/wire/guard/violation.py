"""Violations: what a peer can do wrong on the wire, in words that counters and logs can carry."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a message is refused; the values are labels of counters and stay as they are."""

    HEADER = "header_length"
    """The header says fewer than 8 bytes."""
    SIZE = "message_size"
    """The message is longer, or shorter, than its type can be."""
    VERSION = "version"
    """It is not of the version negotiated."""
    TYPE = "message_type"
    """A peer of this role has no business sending this type."""
    ORDER = "out_of_order"
    """Right type, wrong moment: before Hello, or Hello twice."""
    LENGTH = "element_length"
    """An element is shorter than its kind, or longer than what is left, or not aligned."""
    KIND = "element_kind"
    """An element of a kind that does not exist."""
    UNREQUESTED = "unrequested"
    """An answer that nobody asked for."""
    EXCESS = "excess"
    """A message in more parts or bytes than anybody needs."""
    IDENTITY = "identity"
    """The switch changed its dpid in mid-conversation."""


class Violation(Exception):
    """A peer broke the protocol; the answer is to close its connection."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class UnknownElement(Violation):
    """A message that is soundly framed as far as it was read names what its version lacks.

    A switch answers it with ``error``, a type and a code, and goes on; whoever else hears it has
    the violation of a peer that should have known.
    """

    def __init__(self, detail: str, error: tuple[int, int]) -> None:
        super().__init__(Reason.KIND, detail)
        self.error = error
