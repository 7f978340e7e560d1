"""Writes what a flow entry does: the actions of 1.0, the instructions of 1.3."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from horizon_ryu.wire.stats.form import Form, TextField
from horizon_ryu.wire.stats.mapping import (
    ACTIONS,
    EXPERIMENTER,
    OPENFLOW_10,
    OXM,
    SET_FIELD,
)
from horizon_ryu.wire.stats.value_text import one

MAX_TEXTS = 4096
"""Remembered; a table of a hundred thousand entries does a few hundred different things."""
MAX_KEY = 512
"""Bytes of actions that are remembered."""

_TLV = struct.Struct("!HH")
_GOTO, _METADATA, _WRITE, _APPLY, _CLEAR, _METER = 1, 2, 3, 4, 5, 6
_INSTRUCTIONS = ("goto_table", "meter_id", "write_metadata", "clear_actions")
_NICIRA = 0x0000_2320


class ActionText:
    """Writes the actions of one version in one form, and remembers what it wrote."""

    def __init__(self, version: int, form: Form) -> None:
        self._version = version
        self._form = form
        self._texts: dict[bytes, str] = {}

    def text(self, data: bytes) -> str:
        """Return the members of a flow entry that say what it does."""
        text = self._texts.get(data)
        if text is None:
            text = self._write(data)
            if len(data) <= MAX_KEY and len(self._texts) < MAX_TEXTS:
                self._texts[data] = text
        return text

    def _write(self, data: bytes) -> str:
        if self._version == OPENFLOW_10:
            actions = [self._action(kind, body, ()) for kind, body in _tlvs(data)]
            return self._form.items("actions", "action", actions)
        actions, others = [], {}
        for kind, body in _tlvs(data):
            if kind in (_WRITE, _APPLY):
                note = (TextField("instruction", "write_actions", True),) * (kind == _WRITE)
                actions += [self._action(inner, part, note) for inner, part in _tlvs(body[8:])]
            else:
                others.update({field.name: field for field in _instruction(kind, body)})
        members = [others[name] for name in _INSTRUCTIONS if name in others]
        written = self._form.items("actions", "action", actions)
        if not members:
            return written
        return self._form.joint.join((written, self._form.members(members)))

    def _action(self, kind: int, body: bytes, note: tuple[TextField, ...]) -> str:
        fields = [TextField("type", str(kind)), TextField("len", str(len(body)))]
        return self._form.members([*fields, *_described(self._version, kind, body), *note])


def _tlvs(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and whole record of actions or instructions."""
    at, end = 0, len(data)
    while end - at >= 8:
        kind, length = _TLV.unpack_from(data, at)
        if not 8 <= length <= end - at:
            return
        yield kind, data[at : at + length]
        at += length


def _instruction(kind: int, body: bytes) -> Iterator[TextField]:
    """Yield the member for an instruction that is not a list of actions (1.3.5 section 7.2.4)."""
    if kind == _GOTO:
        yield TextField("goto_table", str(body[4]))
    elif kind == _METER:
        yield TextField("meter_id", str(int.from_bytes(body[4:8], "big")))
    elif kind == _METADATA and len(body) >= 24:
        yield TextField("write_metadata", f"0x{body[8:16].hex()}/0x{body[16:24].hex()}", True)
    elif kind == _CLEAR:
        yield TextField("clear_actions", "true")


def _described(version: int, kind: int, body: bytes) -> Iterator[TextField]:
    """Yield the name and the parameters of an action."""
    shape = ACTIONS[version].get(kind)
    if shape is not None:
        yield TextField("name", shape.name, True)
        for name, at, size, value_kind in shape.parameters:
            if at + size <= len(body):
                yield _field(name, value_kind, body[at : at + size])
    elif kind == SET_FIELD and version != OPENFLOW_10:
        yield from _set_field(body)
    elif kind == EXPERIMENTER:
        yield from _experimenter(body)
    else:
        yield TextField("name", "unknown", True)
        yield TextField("data", body[4:].hex(), True)


def _field(name: str, kind: str, data: bytes) -> TextField:
    written = one(kind, data)
    return TextField(name, written.text, written.quoted)


def _set_field(body: bytes) -> Iterator[TextField]:
    header = int.from_bytes(body[4:8], "big")
    value = body[8 : 8 + (header & 0xFF)]
    field = OXM.get(header >> 9 & 0x7F) if header >> 16 == 0x8000 else None
    if field is not None and len(value) == field.size:
        yield TextField("name", f"set_{field.name}", True)
        yield _field("value", field.kind, value)
        return
    yield TextField("name", "set_field", True)
    yield TextField("value", value.hex(), True)
    yield TextField("oxm_class", str(header >> 16))
    yield TextField("oxm_field", str(header >> 9 & 0x7F))


def _experimenter(body: bytes) -> Iterator[TextField]:
    experimenter = int.from_bytes(body[4:8], "big")
    yield TextField("name", "experimenter", True)
    yield TextField("experimenter", f"0x{experimenter:08x}", True)
    at = 8
    if experimenter == _NICIRA and len(body) >= 10:
        yield TextField("subtype", str(int.from_bytes(body[8:10], "big")))
        at = 10
    yield TextField("data", body[at:].hex(), True)
