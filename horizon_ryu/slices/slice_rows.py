"""Registry of slices as rows of the store: what differs between two of them, and one read back."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from horizon_ryu.core.errors import InvalidInput, StoreError
from horizon_ryu.core.slicing.slice_document import parse_rule
from horizon_ryu.core.slicing.slice_record import SliceRecord, WrittenRule, parse_record
from horizon_ryu.core.slicing.slice_registry import SliceRegistry

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SliceRows:
    """Rows to be kept, and the names and ids of those that are gone, or have others in their place.

    ``state``: the registry's version and its next id.
    """

    state: Row
    slices: tuple[Row, ...]
    rules: tuple[Row, ...]
    gone_slices: tuple[str, ...] = ()
    gone_rules: tuple[int, ...] = ()


class SliceStore(Protocol):
    """Who keeps slices."""

    def slice_rows(self) -> SliceRows:
        """Return everything; StoreError."""

    def put_slice_rows(self, rows: SliceRows) -> None:
        """Forget what is gone, and keep rows, or do nothing at all; StoreError."""


def difference(old: SliceRegistry, new: SliceRegistry) -> SliceRows:
    """Return what makes the rows of ``old`` those of ``new``."""
    before, after = _rules(old), _rules(new)
    return SliceRows(
        {"version": new.version, "next_id": new.next_id},
        tuple(_row(one) for name, one in new.slices.items() if old.slices.get(name) is not one),
        tuple(
            {"id": rule_id, "slice": one.rule.slice_name, "data": one.document}
            for rule_id, one in after.items()
            if before.get(rule_id) is not one
        ),
        tuple(name for name, one in old.slices.items() if new.slices.get(name) is not one),
        tuple(rule_id for rule_id, one in before.items() if after.get(rule_id) is not one),
    )


def registry_of(rows: SliceRows) -> SliceRegistry:
    """Return the registry that rows are of; StoreError if they are none.

    All of it or nothing: without one slice its traffic would be another one's, or nobody's.
    """
    try:
        with _named(("slices.state",)):
            version = int(rows.state.get("version", 0))
            next_id = int(rows.state.get("next_id", 1))
        slices = dict(map(_read_slice, rows.slices))
        _check_makers(slices)
        rules: dict[str, list[WrittenRule]] = {name: [] for name in slices}
        for row in rows.rules:
            read = _read_rule(row, rules)
            rules[read.rule.slice_name].append(read)
    except InvalidInput as error:
        raise StoreError(f"the store has slices that cannot be read: {error}") from error
    return SliceRegistry(
        version,
        max(next_id, *(row["id"] + 1 for row in rows.rules), 1),
        MappingProxyType({name: one.with_rules(rules[name]) for name, one in slices.items()}),
    )


@contextmanager
def _named(loc: tuple[str, ...]) -> Iterator[None]:
    """Raise InvalidInput of ``loc`` for what is of another kind than was kept, or not there."""
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise InvalidInput(loc, "is not what was kept there") from error


def _read_slice(row: Row) -> tuple[str, SliceRecord]:
    name, loc = str(row["name"]), ("slices", str(row["name"]))
    with _named(loc):
        return name, _record(name, row["data"], loc)


def _read_rule(row: Row, slices: Container[str]) -> WrittenRule:
    loc = ("rules", str(row["id"]))
    with _named(loc):
        if row["slice"] not in slices:
            raise InvalidInput(loc, "is of a slice that is not there")
        read = parse_rule(row["data"], row["slice"], row["id"], loc)
        if read.rule_id != row["id"]:
            raise InvalidInput((*loc, "id"), f"is {read.rule_id} in what is kept of it")
        return WrittenRule(read, row["data"])


def _check_makers(slices: Mapping[str, SliceRecord]) -> None:
    """Raise InvalidInput unless each slice comes from one that comes from nobody."""
    found: set[str | None] = {None}
    left = dict(slices)
    while left:
        known = [name for name, one in left.items() if one.creator in found]
        if not known:
            raise InvalidInput(("slices", min(left), "creator"), "is no slice that made it")
        found.update(known)
        left = {name: one for name, one in left.items() if name not in found}


def _rules(registry: SliceRegistry) -> dict[int, WrittenRule]:
    return {one.rule.rule_id: one for record in registry.slices.values() for one in record.written}


def _row(record: SliceRecord) -> Row:
    about = {"creator": record.creator, "expires_at": record.expires_at}
    return {"name": record.name, "data": {"document": record.settings_document(), **about}}


def _record(name: str, data: Row, loc: tuple[str, ...]) -> SliceRecord:
    ends = data["expires_at"]
    read = parse_record(data["document"], 0.0, data["creator"], loc)
    if read.name != name:
        raise InvalidInput((*loc, "name"), f"is {read.name!r} in what is kept of it")
    if not isinstance(read.creator, str | None):
        raise InvalidInput((*loc, "creator"), "is no name")
    if ends is not None and not 0 <= float(ends) < float("inf"):
        raise InvalidInput((*loc, "expires_at"), "is no moment")
    return SliceRecord(
        read.settings,
        (),
        read.creator,
        read.contact,
        read.description,
        None if ends is None else float(ends),
    )
