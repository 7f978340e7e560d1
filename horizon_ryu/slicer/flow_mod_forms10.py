"""Forms of flow-mods of OpenFlow 1.0: what those have in common that differ in addresses alone.

A controller adds thousands of entries that are the same but for a few fields. What becomes of the
first is kept; of the next that has the same form only what differs is worked out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.sliced_switch import WholePart
from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.actions10 import SlicePorts
from horizon_ryu.wire.ternary import FIELDS_SIZE_10, HEADER_10, TernaryMatch, new_tuple
from horizon_ryu.wire.ternary10 import DECIDING_10, mask10

_WILDCARDS_AT, _FIELDS_AT, _COOKIE_AT = 8, 12, 48
_COMMAND_AT, _PRIORITY_AT, _BUFFER_AT = 56, 62, 64
_WRITTEN = struct.Struct(f"!4sI4s{FIELDS_SIZE_10}sQ6sH")
_TELLING = DECIDING_10 | HEADER_10["in_port"].mask
MOST_FORMS = 4096
"""Flow-mods of one slice on one switch whose form is remembered; beyond it begins anew."""
MOST_BYTES = 256
"""Of a flow-mod whose form is remembered: most have an action or two."""


class FlowModForm(NamedTuple):
    """What becomes of each flow-mod of one form; ``mask``: of what its match says.

    ``about`` is what an entry has behind its match, but for when it was made. The rest is bytes
    that all of them have as they go to the switch: ``head`` before the xid, ``command`` and the
    timeouts, and ``tail`` behind the priority.
    """

    mask: int
    part: WholePart
    about: tuple[object, ...]
    head: bytes
    wildcards: bytes
    command: bytes
    tail: bytes

    def entry(self, entry_id: int, name: str, match: TernaryMatch, now: float) -> TenantEntry:
        """Return the entry that a flow-mod with this match adds."""
        return new_tuple(TenantEntry, (entry_id, name, match, *self.about, now, 0))

    def written(self, xid: int, match: TernaryMatch, entry_id: int, place: int) -> bytes:
        """Return the flow-mod for the switch; ``place`` is the priority there."""
        _, _, _, head, wildcards, command, tail = self
        fields = match[0].to_bytes(FIELDS_SIZE_10, "big")
        return _WRITTEN.pack(head, xid, wildcards, fields, entry_id, command, place) + tail


class _Shape(NamedTuple):
    """Flow-mods that are the same but for their fields: ``mask`` of those that they name.

    Their form depends on the bits of ``telling``: whose frames they are for.
    """

    mask: int
    telling: int
    forms: dict[int, FlowModForm]


@dataclass(slots=True)
class FlowModForms10:
    """Forms of the flow-mods of one slice, while its flowspace and its ports are these."""

    flowspace: SwitchFlowspace
    ports: SlicePorts
    _shapes: dict[bytes, _Shape] = field(default_factory=dict)
    _forms: dict[FlowModForm, FlowModForm] = field(default_factory=dict)
    _count: int = 0

    def find(self, message: bytes) -> tuple[FlowModForm, TernaryMatch] | None:
        """Return the form of a flow-mod, and what it matches; None if none is known."""
        if len(message) > MOST_BYTES:
            return None
        shape = self._shapes.get(message[_WILDCARDS_AT:_FIELDS_AT] + message[_COOKIE_AT:])
        if shape is None:
            return None
        mask, telling, forms = shape
        value = int.from_bytes(message[_FIELDS_AT:_COOKIE_AT], "big") & mask
        form = forms.get(value & telling)
        if form is None:
            return None
        mask = form.mask
        return form, new_tuple(TernaryMatch, (value & mask, mask))

    def learn(self, message: bytes, entry: TenantEntry, part: WholePart, written: bytes) -> None:
        """Remember what a flow-mod became that adds an entry and asks for nothing besides.

        ``written`` went to the switch. What is done with frames must not depend on more of them
        than where they come in.
        """
        if len(message) > MOST_BYTES:
            return
        if self._count >= MOST_FORMS:
            self._shapes.clear()
            self._forms.clear()
            self._count = 0
        self._count += 1
        about = message[_WILDCARDS_AT:_FIELDS_AT] + message[_COOKIE_AT:]
        shape = self._shapes.get(about)
        if shape is None:
            mask = mask10(int.from_bytes(message[_WILDCARDS_AT:_FIELDS_AT], "big"))
            telling = mask & (_TELLING | self.flowspace.whole.index.named)
            shape = self._shapes[about] = _Shape(mask, telling, {})
        form = _form(entry, part, written)
        value = int.from_bytes(message[_FIELDS_AT:_COOKIE_AT], "big")
        shape.forms[value & shape.telling] = self._forms.setdefault(form, form)


def _form(entry: TenantEntry, part: WholePart, written: bytes) -> FlowModForm:
    return FlowModForm(
        entry.match.mask,
        part,
        entry[3:10],
        written[:4],
        written[_WILDCARDS_AT:_FIELDS_AT],
        written[_COMMAND_AT:_PRIORITY_AT],
        written[_BUFFER_AT:],
    )
