"""Text of flow entries (report 3.3.3.5), straight from the bytes of a switch's answer.

No object is made per entry: 100,000 entries take about a second and the memory of one slice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from horizon_ryu.wire.stats.action_text import ActionText
from horizon_ryu.wire.stats.form import Form, TextField
from horizon_ryu.wire.stats.mapping import UNSUPPORTED
from horizon_ryu.wire.stats.match_text import MatchText10, MatchText13
from horizon_ryu.wire.versions import BODY_AT, OPENFLOW_10, OPENFLOW_13

SLICE = 64
"""Entries written at once, in half a millisecond: then others get their turn."""

_ENTRY_10 = struct.Struct("!HB41xIIHHH6xQQQ")
_ENTRY_13 = struct.Struct("!HBxIIHHHH4xQQQHH")
_LEAST_10, _LEAST_13 = 88, 56
_MATCH_AT_10, _MATCH_AT_13 = 4, 48
_MATCH_HEAD = 4
"""Bytes of a match of 1.3 before its fields."""


def count_flows(version: int, pieces: Iterable[bytes]) -> int:
    """Return how many entries the pieces hold; a millisecond per piece at most."""
    least = _LEAST_10 if version == OPENFLOW_10 else _LEAST_13
    count = 0
    for piece in pieces:
        at, end = BODY_AT[version], len(piece)
        while end - at >= least:
            length = piece[at] << 8 | piece[at + 1]
            if not least <= length <= end - at:
                break
            count += 1
            at += length
    return count


class FlowText:
    """Writes the entries of one switch in one form."""

    def __init__(self, version: int, form: Form) -> None:
        self._version = version
        self._form = form
        self._actions = ActionText(version, form)
        self._match10 = MatchText10(form)
        self._match13 = MatchText13(form)
        self._templates = [
            form.item("flow", _template(form, packets, octets))
            for octets in (True, False)
            for packets in (True, False)
        ]

    def slices(self, pieces: Iterable[bytes]) -> Iterator[str]:
        """Yield the entries, up to SLICE at a time; what is not whole is left out."""
        read = self._entries_10 if self._version == OPENFLOW_10 else self._entries_13
        for piece in pieces:
            entries: list[str] = []
            for entry in read(piece):
                entries.append(entry)
                if len(entries) == SLICE:
                    yield self._form.joint.join(entries)
                    entries.clear()
            if entries:
                yield self._form.joint.join(entries)

    def _entries_10(self, piece: bytes) -> Iterator[str]:
        at, end = BODY_AT[OPENFLOW_10], len(piece)
        unpack, templates = _ENTRY_10.unpack_from, self._templates
        match, actions = self._match10.text, self._actions.text
        while end - at >= _LEAST_10:
            length, table, seconds, nanoseconds, priority, idle, hard, cookie, packets, octets = (
                unpack(piece, at)
            )
            if not _LEAST_10 <= length <= end - at:
                return
            yield templates[(packets == UNSUPPORTED) + 2 * (octets == UNSUPPORTED)] % (
                packets, hard, octets, actions(piece[at + _LEAST_10 : at + length]), priority, idle,
                table, seconds, nanoseconds // 1_000_000 % 1000,
                match(piece, at + _MATCH_AT_10), cookie,
            )  # fmt: skip
            at += length

    def _entries_13(self, piece: bytes) -> Iterator[str]:
        at, end = BODY_AT[OPENFLOW_13], len(piece)
        unpack, templates = _ENTRY_13.unpack_from, self._templates
        match, actions = self._match13.text, self._actions.text
        least, match_at, match_head = _LEAST_13, _MATCH_AT_13, _MATCH_HEAD
        while end - at >= least:
            (
                length, table, seconds, nanoseconds, priority, idle, hard, _flags, cookie,
                packets, octets, _type, match_length,
            ) = unpack(piece, at)  # fmt: skip
            after = at + match_at + ((match_length + 7) & ~7)
            if not least <= length <= end - at or match_length < match_head or after > at + length:
                return
            yield templates[(packets == UNSUPPORTED) + 2 * (octets == UNSUPPORTED)] % (
                packets, hard, octets, actions(piece[after : at + length]), priority, idle,
                table, seconds, nanoseconds // 1_000_000 % 1000,
                match(piece, at + match_at, match_length), cookie,
            )  # fmt: skip
            at += length


def _template(form: Form, packets: bool, octets: bool) -> str:
    """Return the pattern of an entry; a counter that is not there is swallowed."""
    parts = [
        _counter(form, "packet_count", packets),
        form.members([TextField("hard_timeout", "%d")]),
        _counter(form, "byte_count", octets),
        "%s",
        form.members(
            [
                TextField("priority", "%d"),
                TextField("idle_timeout", "%d"),
                TextField("table_id", "%d"),
                TextField("duration", "%d.%03d"),
            ]
        ),
        "%s",
        form.members([TextField("cookie", "0x%016x", True)]),
    ]
    return form.joint.join(filter(None, parts))


def _counter(form: Form, name: str, there: bool) -> str:
    if there:
        return form.members([TextField(name, "%d")])
    return f"{form.absent(name)}%.0s"
