"""Codec: from values to the bytes of one version and back, bound when a version is negotiated.

Whoever holds a codec need not know the version: what a version cannot express is a ValueError,
and what depends on it otherwise is told by its capabilities.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from horizon_ryu.wire.capabilities import Capabilities, capabilities_of
from horizon_ryu.wire.description import Description, read_description
from horizon_ryu.wire.error_names import error_name
from horizon_ryu.wire.flow_removed import read_flow_removed
from horizon_ryu.wire.flow_stats import has_more, read_entries
from horizon_ryu.wire.message_table import MessageTable
from horizon_ryu.wire.messages import Action, FlowEntry, FlowRemoved, Match, Message
from horizon_ryu.wire.normalize import as_reported
from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.stats.codec import StatsCodec
from horizon_ryu.wire.stats.requests import bare
from horizon_ryu.wire.stats.types import StatsType

ANY_MATCH = Match()

PacketInFields: TypeAlias = "tuple[int, int | None, bytes]"
"""Input port, buffer (None if the frame is whole), frame."""


class Codec(Protocol):
    """What is done with the messages of one version of OpenFlow."""

    @property
    def version(self) -> int:
        """The version on the wire: for Ryu and for people, not to be compared."""

    @property
    def capabilities(self) -> Capabilities:
        """What this version can do."""

    @property
    def messages(self) -> MessageTable:
        """Every message, in both directions, as the specification has it."""

    @property
    def stats(self) -> StatsCodec:
        """Statistics."""

    @property
    def replies(self) -> frozenset[int]:
        """Types of the messages that answer a question of a controller by its xid."""

    def decode_packet_in(self, message: bytes) -> PacketInFields | None:
        """Return what a packet-in brings; None if it is malformed."""

    def encode(self, message: Message, xid: int) -> bytes:
        """Return ``message``; ValueError if this version has no such thing, or no such number.

        The members of the flood group are not encoded here: whether the group is there already
        is known to the registry alone.
        """

    def encode_barrier(self, xid: int) -> bytes:
        """Return a barrier request."""

    def encode_echo_request(self, xid: int) -> bytes:
        """Return an echo request without data."""

    def encode_desc_request(self, xid: int) -> bytes:
        """Return the request for what a switch says of itself."""

    def encode_features_request(self, xid: int) -> bytes:
        """Return the request for what a switch has, its ports among that on 1.0."""

    def encode_flow_stats_request(
        self,
        xid: int,
        match: Match = ...,
        cookie: int = ...,
        mask: int = ...,
        to_controller: bool = ...,
    ) -> bytes:
        """Return the request for the entries that ``match`` takes in; ValueError.

        Where cookies can be asked for, of those whose cookie equals ``cookie`` under ``mask``;
        with ``to_controller`` of those that send frames to the controller.
        """

    def encode_group(self, xid: int, modify: bool, ports: Iterable[int]) -> bytes:
        """Return what adds or modifies the flood group; ValueError without such groups."""

    def encode_group_desc_request(self, xid: int) -> bytes:
        """Return the request for the members of every group; ValueError without groups."""

    def encode_meter_config_request(self, xid: int) -> bytes:
        """Return the request for every meter; ValueError without meters."""

    def has_more(self, message: bytes) -> bool:
        """Tell whether an answer goes on in another message."""

    def read_flooding_ports(self, features: bytes) -> frozenset[int]:
        """Return the ports without NO_FLOOD in a features reply; ValueError where groups flood."""

    def is_auxiliary(self, features: bytes) -> bool:
        """Tell whether a features reply comes by a connection beside the main one."""

    def read_entries(self, message: bytes) -> tuple[FlowEntry, ...]:
        """Return the flow entries of one piece of a flow stats reply; never raises."""

    def read_description(self, message: bytes) -> Description:
        """Return what a switch says of itself; never raises."""

    def read_flow_removed(self, message: bytes) -> FlowRemoved | None:
        """Return which entry is gone; None if the message is too short."""

    def error_name(self, message: bytes) -> str:
        """Return type and code of an error message, in words."""

    def as_reported(
        self, match: Match, actions: Sequence[Action]
    ) -> tuple[Match, tuple[Action, ...]]:
        """Return match and actions in the form in which a switch reports an entry."""


class VersionCodec:
    """What the codecs of all versions have in common."""

    def __init__(
        self,
        messages: MessageTable,
        encoders: Mapping[type, Callable[[int, Any], bytes]],
        barriers: tuple[int, int],
        stats_reply: int,
    ) -> None:
        """``encoders`` has what writes each class of message from an xid and a value.

        ``barriers`` are the types of request and reply.
        """
        self.version = version = messages.version
        self.capabilities = capabilities_of(version)
        self.messages = messages
        self.stats = StatsCodec(version)
        self.replies = frozenset(
            map(int, (barriers[1], stats_reply, OFPT.ECHO_REPLY, OFPT.FEATURES_REPLY))
        )
        self._barrier_request = int(barriers[0])
        self._stats_reply = int(stats_reply)
        self._encoders = encoders

    def encode(self, message: Message, xid: int) -> bytes:
        write = self._encoders.get(type(message))
        if write is None:
            raise ValueError(f"wire version {self.version} has no {type(message).__name__}")
        try:
            return write(xid, message)
        except struct.error as error:
            raise ValueError(f"a number does not fit: {error}") from error

    def encode_barrier(self, xid: int) -> bytes:
        return bare(self.version, self._barrier_request, xid)

    def encode_echo_request(self, xid: int) -> bytes:
        return self.stats.encode_request(StatsType.ECHO, xid)

    def encode_desc_request(self, xid: int) -> bytes:
        return self.stats.encode_request(StatsType.DESC, xid)

    def encode_features_request(self, xid: int) -> bytes:
        return self.stats.encode_request(StatsType.FEATURES, xid)

    def has_more(self, message: bytes) -> bool:
        return message[1] == self._stats_reply and has_more(self.version, message)

    def read_entries(self, message: bytes) -> tuple[FlowEntry, ...]:
        return read_entries(self.version, message)

    def read_description(self, message: bytes) -> Description:
        return read_description(self.version, message)

    def read_flow_removed(self, message: bytes) -> FlowRemoved | None:
        return read_flow_removed(self.version, message)

    def error_name(self, message: bytes) -> str:
        return error_name(self.version, message)

    def as_reported(
        self, match: Match, actions: Sequence[Action]
    ) -> tuple[Match, tuple[Action, ...]]:
        return as_reported(self.version, match, actions)
