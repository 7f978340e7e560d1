"""Queries: questions whose answers are wanted of a switch now, several in one write.

What came back is read when somebody wants to know: as long as it is told in the same bytes as the
last time, counters and ages aside, nobody has to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from horizon_ryu.openflow import answer_record as kinds
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.flow_stats import read_flood_group, without_counters
from horizon_ryu.wire.known_answer import KnownAnswer
from horizon_ryu.wire.messages import FlowEntry, Match


class Query(Protocol):
    """One question to one switch."""

    def kind(self, codec: Codec) -> str:
        """Return the kind of request that it is to a switch with this codec."""

    def encode(self, codec: Codec, xid: int) -> bytes:
        """Return the request; ValueError if the version cannot express it."""


class SwitchAnswer(Protocol):
    """What a switch said to a query."""

    def told(self) -> tuple[bytes, ...]:
        """Return what was said: equal bytes say the same."""

    def entries(self) -> tuple[FlowEntry, ...]:
        """Return the entries asked for by an :class:`EntryQuery`."""

    def flooding(self) -> frozenset[int] | None:
        """Return the ports of a :class:`FloodQuery`; None if the group is not there."""


@dataclass(frozen=True)
class EntryQuery:
    """Which entries ``match`` takes in, with this cookie under ``mask``.

    With ``to_controller`` only those that send frames to the controller.
    """

    match: Match = Match()  # noqa: RUF009 - frozen
    cookie: int = 0
    mask: int = 0
    to_controller: bool = False

    def kind(self, _codec: Codec) -> str:
        """Return the kind of request."""
        return kinds.FLOWS

    def encode(self, codec: Codec, xid: int) -> bytes:
        """Return the request; who asks the same again and again has it made once."""
        made = self._made.get(codec.version)
        if made is None:
            made = self._made[codec.version] = codec.encode_flow_stats_request(
                0, self.match, self.cookie, self.mask, self.to_controller
            )
        return made[:4] + xid.to_bytes(4, "big") + made[8:]

    @cached_property
    def _made(self) -> dict[int, bytes]:
        return {}

    def read(
        self, codec: Codec, pieces: Sequence[bytes], rest: Callable[[], None]
    ) -> tuple[FlowEntry, ...]:
        """Return the entries in an answer; ``rest`` is called between its pieces.

        A piece takes milliseconds: a large table must not hold up the other switches.
        """
        entries = list(codec.read_entries(pieces[0]))
        for piece in pieces[1:]:
            rest()
            entries += codec.read_entries(piece)
        # Not every version can ask for cookies.
        wanted = self.cookie & self.mask
        return tuple(entry for entry in entries if entry.cookie & self.mask == wanted)


class FloodQuery:
    """By which ports a switch floods: the members of its flood group, or its own ports' flags."""

    def kind(self, codec: Codec) -> str:
        """Return the kind of request."""
        return kinds.GROUPS if codec.capabilities.flood_group else kinds.FEATURES

    def encode(self, codec: Codec, xid: int) -> bytes:
        """Return the request."""
        if codec.capabilities.flood_group:
            return codec.encode_group_desc_request(xid)
        return codec.encode_features_request(xid)

    def read(self, codec: Codec, pieces: Sequence[bytes]) -> frozenset[int] | None:
        """Return the ports; None if a switch that has groups lacks this one."""
        if not codec.capabilities.flood_group:
            return codec.read_flooding_ports(pieces[0])
        found = map(read_flood_group, pieces)
        return next((group for group in found if group is not None), None)


class DescriptionQuery:
    """What a switch says of itself."""

    def kind(self, _codec: Codec) -> str:
        """Return the kind of request."""
        return kinds.DESCRIPTION

    def encode(self, codec: Codec, xid: int) -> bytes:
        """Return the request."""
        return codec.encode_desc_request(xid)


@dataclass(frozen=True, slots=True)
class OtherQuery:
    """Whatever ``encode`` makes of a codec and an xid."""

    name: str
    encode: Callable[[Codec, int], bytes]

    def kind(self, _codec: Codec) -> str:
        """Return the kind of request."""
        return self.name


@dataclass(frozen=True)
class RawAnswer:
    """The pieces of an answer, and what reads them."""

    query: Query
    codec: Codec
    pieces: Sequence[bytes]
    rest: Callable[[], None]
    found_group: Callable[[bool], None]
    """Is told whether the flood group is there."""

    def told(self) -> tuple[bytes, ...]:
        """Return what was said, without counters, ages and transaction ids."""
        return tuple(without_counters(piece) for piece in self.pieces)

    @cached_property
    def known(self) -> KnownAnswer | None:
        """What says the same when it is asked again; None if this came in pieces."""
        return KnownAnswer(self.pieces[0]) if len(self.pieces) == 1 else None

    def entries(self) -> tuple[FlowEntry, ...]:
        """Return the entries asked for."""
        if not isinstance(self.query, EntryQuery):
            raise TypeError("entries were not asked for")
        return self.query.read(self.codec, self.pieces, self.rest)

    def flooding(self) -> frozenset[int] | None:
        """Return the ports asked for."""
        if not isinstance(self.query, FloodQuery):
            raise TypeError("ports were not asked for")
        ports = self.query.read(self.codec, self.pieces)
        if self.codec.capabilities.flood_group:
            self.found_group(ports is not None)
        return ports
