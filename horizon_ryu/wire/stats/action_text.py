"""Text of what a flow entry does: the actions of 1.0, the instructions of 1.3."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from horizon_ryu.wire.action_table import ACTIONS
from horizon_ryu.wire.fields import (
    FIELDS,
    MAX_LENGTH,
    ValueKind,
    field_number,
    header_class,
)
from horizon_ryu.wire.match_codes13 import OFPXMC
from horizon_ryu.wire.nicira_ext import NX_EXPERIMENTER_ID
from horizon_ryu.wire.ofp13 import OFPAT, OFPIT
from horizon_ryu.wire.read_actions import tlvs
from horizon_ryu.wire.stats.form import Form, TextField
from horizon_ryu.wire.stats.value_text import one
from horizon_ryu.wire.versions import OPENFLOW_10

MAX_TEXTS = 4096
"""Remembered; a table of a hundred thousand entries does a few hundred different things."""
MAX_KEY = 512
"""Bytes of actions that are remembered."""

_WRITTEN = (TextField("instruction", "write_actions", True),)
_INSTRUCTIONS = ("goto_table", "meter_id", "write_metadata", "clear_actions")
_METADATA = struct.Struct("!HH4x8s8s")
_INSTRUCTION_HEAD = 8
_EXPERIMENTER = struct.Struct("!HHI")
_NICIRA = struct.Struct("!HHIH")
_SET_FIELD = struct.Struct("!HHI")


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
            actions = [self._action(kind, body, ()) for kind, body in tlvs(data)]
            return self._form.items("actions", "action", actions)
        actions, others = [], {}
        for kind, body in tlvs(data):
            if kind in (OFPIT.WRITE_ACTIONS, OFPIT.APPLY_ACTIONS):
                note = _WRITTEN if kind == OFPIT.WRITE_ACTIONS else ()
                inside = tlvs(body[_INSTRUCTION_HEAD:])
                actions += [self._action(inner, part, note) for inner, part in inside]
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


def _instruction(kind: int, body: bytes) -> Iterator[TextField]:
    """Yield the member for an instruction that is not a list of actions (1.3.5 section 7.2.4)."""
    if kind == OFPIT.GOTO_TABLE:
        yield TextField("goto_table", str(body[4]))
    elif kind == OFPIT.METER:
        yield TextField("meter_id", str(int.from_bytes(body[4:8], "big")))
    elif kind == OFPIT.WRITE_METADATA and len(body) >= _METADATA.size:
        _, _, value, mask = _METADATA.unpack_from(body)
        yield TextField("write_metadata", f"0x{value.hex()}/0x{mask.hex()}", True)
    elif kind == OFPIT.CLEAR_ACTIONS:
        yield TextField("clear_actions", "true")


def _described(version: int, kind: int, body: bytes) -> Iterator[TextField]:
    """Yield the name and the parameters of an action."""
    row = ACTIONS[version].get(kind)
    if row is not None:
        yield TextField("name", row.name, True)
        for name, at, size, value_kind in row.parameters:
            if at + size <= len(body):
                yield _field(name, value_kind, body[at : at + size])
    elif kind == OFPAT.SET_FIELD and version != OPENFLOW_10:
        yield from _set_field(body)
    elif kind == OFPAT.EXPERIMENTER:
        yield from _experimenter(body)
    else:
        yield TextField("name", "unknown", True)
        yield TextField("data", body[4:].hex(), True)


def _field(name: str, kind: ValueKind, data: bytes) -> TextField:
    written = one(kind, data)
    return TextField(name, written.text, written.quoted)


def _set_field(body: bytes) -> Iterator[TextField]:
    _, _, header = _SET_FIELD.unpack_from(body)
    value = body[_SET_FIELD.size :][: header & MAX_LENGTH]
    basic = header_class(header) == OFPXMC.OPENFLOW_BASIC
    field = FIELDS.get(field_number(header)) if basic else None
    if field is not None and len(value) == field.size:
        yield TextField("name", f"set_{field.label}", True)
        yield _field("value", field.kind, value)
        return
    yield TextField("name", "set_field", True)
    yield TextField("value", value.hex(), True)
    yield TextField("oxm_class", str(header_class(header)))
    yield TextField("oxm_field", str(field_number(header)))


def _experimenter(body: bytes) -> Iterator[TextField]:
    _, _, experimenter = _EXPERIMENTER.unpack_from(body)
    yield TextField("name", "experimenter", True)
    yield TextField("experimenter", f"0x{experimenter:08x}", True)
    at = _EXPERIMENTER.size
    if experimenter == NX_EXPERIMENTER_ID and len(body) >= _NICIRA.size:
        yield TextField("subtype", str(_NICIRA.unpack_from(body)[3]))
        at = _NICIRA.size
    yield TextField("data", body[at:].hex(), True)
