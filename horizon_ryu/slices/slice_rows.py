"""Registry of slices as rows of the store: what differs between two of them, and one read back."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Return the registry that rows are of; StoreError if they are none."""
    try:
        return _registry(rows)
    except (InvalidInput, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"the store has slices that cannot be read: {error}") from error


def _registry(rows: SliceRows) -> SliceRegistry:
    slices = {row["name"]: _record(row["data"]) for row in rows.slices}
    rules: dict[str, list[WrittenRule]] = {name: [] for name in slices}
    for row in rows.rules:
        read = parse_rule(row["data"], row["slice"], row["id"])
        rules[row["slice"]].append(WrittenRule(read, row["data"]))
    return SliceRegistry(
        int(rows.state.get("version", 0)),
        int(rows.state.get("next_id", 1)),
        MappingProxyType({name: one.with_rules(rules[name]) for name, one in slices.items()}),
    )


def _rules(registry: SliceRegistry) -> dict[int, WrittenRule]:
    return {one.rule.rule_id: one for record in registry.slices.values() for one in record.written}


def _row(record: SliceRecord) -> Row:
    about = {"creator": record.creator, "expires_at": record.expires_at}
    return {"name": record.name, "data": {"document": record.settings_document(), **about}}


def _record(data: Row) -> SliceRecord:
    read = parse_record(data["document"], 0.0, data["creator"])
    ends = data["expires_at"]
    return SliceRecord(
        read.settings,
        (),
        read.creator,
        read.contact,
        read.description,
        None if ends is None else float(ends),
    )
