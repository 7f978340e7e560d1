"""Forms of flow-mods of OpenFlow 1.3: what those have in common that differ in addresses alone.

As of 1.0 (``flow_mod_forms10``): what becomes of the first is kept, and of the next only what
differs is worked out. What differs are values of fields that stand in the same places.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.flow_mod_forms10 import MOST_BYTES, MOST_FORMS
from horizon_ryu.wire.fields import FIELDS, HAS_MASK, MAX_LENGTH, field_number
from horizon_ryu.wire.ternary import FIELDS_OF_13, HEADER_13, TernaryMatch, new_tuple

_BODY_AT, _MATCH_AT, _LENGTH_AT, _FIELDS_AT = 8, 48, 50, 52
_REST_AT = 16
"""Behind the cookie, which is the entry's id as it goes to the switch."""
_WRITTEN = struct.Struct("!4sIQ")
_OXM_HEAD = 4
_METADATA = HEADER_13["metadata"].mask
_DECIDING = frozenset(int(field.needs.field) for field in FIELDS.values() if field.needs)
"""Fields by whose value others may be named, or not: what they say belongs to the form."""
_MOST_ALIKE = 8
"""Forms that differ in nothing but where which fields stand, or in the values of deciding ones."""


class _Place(NamedTuple):
    """Where a value stands: in what the tenant wrote, in the header, in what the switch gets.

    Each is the distance of its lowest bit from the lowest of the number.
    """

    source: int
    ones: int
    header: int
    target: int


class FlowModForm13(NamedTuple):
    """What becomes of each flow-mod of one form.

    ``fixed`` of the bits ``told`` of its fields is the same in all; the ``places`` are the rest.
    ``owned``: bits of a header, of those in ``telling``, in which the slice has frames of it.
    ``value``, ``mask``: of the match, without the values that differ. ``about`` is what an entry
    has behind its match, but for when it was made. The rest is bytes for the switch.
    """

    told: int
    fixed: int
    places: tuple[_Place, ...]
    value: int
    mask: int
    telling: int
    owned: set[int]
    about: tuple[object, ...]
    table_id: int
    program: bytes
    head: bytes
    rest: bytes
    fields: int
    size: int
    tail: bytes

    def entry(self, entry_id: int, name: str, value: int, now: float) -> TenantEntry:
        """Return the entry that a flow-mod adds whose match asks for ``value``."""
        match = new_tuple(TernaryMatch, (value, self.mask))
        return new_tuple(TenantEntry, (entry_id, name, match, *self.about, now, self.table_id))

    def written(self, xid: int, entry_id: int, fields: int) -> bytes:
        """Return the flow-mod for the switch."""
        head = _WRITTEN.pack(self.head, xid, entry_id)
        return head + self.rest + fields.to_bytes(self.size, "big") + self.tail


class KnownFlowMod(NamedTuple):
    """A flow-mod of a form: what it matches, and the fields that the switch is told."""

    form: FlowModForm13
    value: int
    fields: int


@dataclass(slots=True)
class FlowModForms13:
    """Forms of the flow-mods of one slice, while its flowspace is this one."""

    flowspace: SwitchFlowspace
    _forms: defaultdict[bytes, list[FlowModForm13]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _count: int = 0

    def find(self, message: bytes) -> KnownFlowMod | None:
        """Return what a flow-mod becomes; None if its form is not known."""
        if len(message) > MOST_BYTES:
            return None
        end = _end_of_fields(message)
        forms = self._forms.get(message[_BODY_AT:_FIELDS_AT] + message[end:])
        if forms is None:
            return None
        given = int.from_bytes(message[_FIELDS_AT:end], "big")
        for form in forms:
            if given & form.told == form.fixed:
                value, fields = form.value, form.fields
                for source, ones, header, target in form.places:
                    found = given >> source & ones
                    value |= found << header
                    fields |= found << target
                is_owned = value & form.telling in form.owned
                return new_tuple(KnownFlowMod, (form, value, fields)) if is_owned else None
        return None

    def learn(self, message: bytes, entry: TenantEntry, program: bytes, written: bytes) -> None:
        """Remember what a flow-mod became that adds an entry and asks for nothing besides.

        ``written`` went to the switch. What is done with frames must not depend on the match.
        """
        if len(message) > MOST_BYTES or entry.match.mask & _METADATA:
            return
        if self._count >= MOST_FORMS:
            self._forms.clear()
            self._count = 0
        self._count += 1
        end = _end_of_fields(message)
        given = int.from_bytes(message[_FIELDS_AT:end], "big")
        alike = self._forms[message[_BODY_AT:_FIELDS_AT] + message[end:]]
        form = next((one for one in alike if given & one.told == one.fixed), None)
        if form is None:
            form = self._form(message[_FIELDS_AT:end], entry, program, written)
            # The newest is found first; those that are many must not be looked through.
            alike.insert(0, form)
            del alike[_MOST_ALIKE:]
        form.owned.add(entry.match.value & form.telling)

    def _form(
        self, fields: bytes, entry: TenantEntry, program: bytes, written: bytes
    ) -> FlowModForm13:
        end = _end_of_fields(written)
        there = written[_FIELDS_AT:end]
        places = tuple(_places(fields, there))
        differs = sum(place.ones << place.source for place in places)
        told = ((1 << 8 * len(fields)) - 1) & ~differs
        kept = sum(place.ones << place.target for place in places)
        values = sum(place.ones << place.header for place in places)
        mask = entry.match.mask
        return FlowModForm13(
            told,
            int.from_bytes(fields, "big") & told,
            places,
            entry.match.value & ~values,
            mask,
            mask & self.flowspace.whole.index.named,
            set(),
            entry[3:10],
            entry.table_id,
            program,
            written[:4],
            written[_REST_AT:_FIELDS_AT],
            int.from_bytes(there, "big") & ~kept,
            len(there),
            written[end:],
        )


def _end_of_fields(message: bytes) -> int:
    """Return where the fields of a flow-mod's match end, before its padding."""
    return _MATCH_AT + (message[_LENGTH_AT] << 8 | message[_LENGTH_AT + 1])


def _places(fields: bytes, there: bytes) -> Iterator[_Place]:
    """Yield where the values stand that may differ: whole ones, of fields that decide nothing."""
    targets = dict(_values(there))
    for head, at in _values(fields):
        number = field_number(head)
        if not head & HAS_MASK and number not in _DECIDING and head in targets:
            place, size = FIELDS_OF_13[number], FIELDS[number].size
            source, target = (
                8 * (len(whole) - start - size)
                for whole, start in ((fields, at), (there, targets[head]))
            )
            yield _Place(source, place.ones, place.shift, target)


def _values(fields: bytes) -> Iterator[tuple[int, int]]:
    """Yield the header of each field, and where its value begins."""
    at = 0
    while at < len(fields):
        head = int.from_bytes(fields[at : at + _OXM_HEAD], "big")
        at += _OXM_HEAD
        yield head, at
        at += head & MAX_LENGTH
