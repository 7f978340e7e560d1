"""A slicer's engine that is none: it notes what it is told, refuses, or is away."""

from __future__ import annotations

import json
from typing import Any

from horizon_ryu.core.errors import EngineAway, HorizonError
from horizon_ryu.slicer.configuration import parse_configuration
from horizon_ryu.slices.slice_rows import SliceRows


class FakeEngine:
    """Works by every document that the real one would read; ``error`` is raised instead."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {"version": 0, "slices": []}
        self.is_away = False
        self.error: HorizonError | None = None
        self.switches: dict[str, str] = {"0000000000000001": "applied"}
        self.calls: list[str] = []

    def call(self, op: str, /, **fields: Any) -> Any:
        self.calls.append(op)
        if self.is_away:
            raise EngineAway("nobody listens")
        if self.error is not None and op == "configure":
            raise self.error
        if op == "configure":
            parse_configuration(fields["document"])
            self.document = json.loads(json.dumps(fields["document"]))
            return {"version": self.document["version"], "switches": self.switches}
        if op == "status":
            tls = {"tenants": False, "switches": False}
            return {"version": self.document["version"], "pid": 1, "switches": [], "tls": tls}
        entries = {"entries": [], "count": 0} if op == "entries" else {}
        return {"slice": fields["slice"], "op": op, **entries}

    def names(self) -> list[str]:
        return [one["name"] for one in self.document["slices"]]


class MemorySlices:
    """Stands for the store; ``trouble`` is raised instead of keeping anything."""

    def __init__(self) -> None:
        self.rows = SliceRows({}, (), ())
        self.trouble: HorizonError | None = None

    def slice_rows(self) -> SliceRows:
        return self.rows

    def put_slice_rows(self, rows: SliceRows) -> None:
        if self.trouble is not None:
            raise self.trouble
        slices = {row["name"]: row for row in self.rows.slices}
        rules = {row["id"]: row for row in self.rows.rules}
        for name in rows.gone_slices:
            del slices[name]
        for rule_id in rows.gone_rules:
            del rules[rule_id]
        assert not slices.keys() & {row["name"] for row in rows.slices}
        assert not rules.keys() & {row["id"] for row in rows.rules}
        slices |= {row["name"]: row for row in rows.slices}
        rules |= {row["id"]: row for row in rows.rules}
        self.rows = SliceRows(rows.state, tuple(slices.values()), tuple(rules.values()))
