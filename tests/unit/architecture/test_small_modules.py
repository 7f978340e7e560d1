"""Small modules: one of fewer than 40 lines with one importer joins it, unless it is a boundary."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from unit.architecture.test_arrows import import_statements

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("horizon_client", "horizon_ryu", "xen_bridge", "tools", "topologies")
FEWEST_LINES = 40

BOUNDARIES = {
    "horizon_ryu.formats.spanning_tree": "a format, with a schema of its name",
    "tools.docs.schema_pages": "a kind of pages, beside those of commands and of REST",
    "horizon_ryu.garbage": "of the process, not of what services.py puts together",
    "horizon_ryu.ryu_options": "the one place that loads Ryu for its options",
    "horizon_ryu.signals": "of the process, not of what services.py puts together",
    "horizon_ryu.switch_stats.ovsdb_remote": "ovsdb.py loads all of Open vSwitch's library",
    "horizon_ryu.wire.error_names": "the one place that knows both lists of error codes",
    "horizon_ryu.wire.of10.messages": "the table of a version, as of13.messages is",
    "tools.demo.demonstration": "what is loaded after ``__main__`` has seen to interrupts",
    "xen_bridge.dom0.complaints": "a state of its own, that any thread may touch",
}
"""Small modules that stay, and why."""


def lines_and_importers() -> dict[str, tuple[int, set[str]]]:
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    importers: defaultdict[str, set[str]] = defaultdict(set)
    for name, path in paths.items():
        for node in import_statements(path):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    importers[node.module].add(name)
                    importers[f"{node.module}.{alias.name}"].add(name)
    return {
        name: (len(path.read_text().splitlines()), importers[name]) for name, path in paths.items()
    }


def test_small_modules_stand_for_themselves_or_for_several() -> None:
    found = lines_and_importers()
    lonely = {
        name
        for name, (lines, importers) in found.items()
        if lines < FEWEST_LINES and len(importers) == 1
    }
    assert lonely - set(BOUNDARIES) == set(), "join it to its importer, or say why not"
    assert set(BOUNDARIES) - lonely == set(), "gone, grown or shared: take it off the list"
