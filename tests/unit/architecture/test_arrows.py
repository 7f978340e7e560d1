"""Arrows of docs/architecture.rst: which part of the tree may import which, read from the code."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[3]

APPS = {
    *("app", "bundle", "discovery", "flow_manager", "flow_migration", "forwarding", "services"),
    *("slicing", "spanning_tree", "stats", "switches", "xen"),
}
"""Modules of horizon_ryu that put applications together; nothing below may import one."""

ALLOWED: dict[str, frozenset[str]] = {
    "wire": frozenset(),
    "core": frozenset({"wire"}),
    "changes": frozenset({"core"}),
    "formats": frozenset({"core", "wire"}),
    "openflow": frozenset({"core", "wire"}),
    "audit": frozenset({"core", "openflow", "wire"}),
    "flows": frozenset({"changes", "core", "openflow", "settings", "store", "supervision", "wire"}),
    "switch_stats": frozenset({"core", "formats", "openflow", "wire"}),
    "slicer": frozenset({"core", "tls_options", "wire"}),
    "slices": frozenset({"core", "supervised_loop", "supervision"}),
    "xen_hosts": frozenset({"core", "settings"}),
    "http": frozenset({"core", "formats"}),
    "rest": frozenset(
        {
            "core",
            "disk_space",
            "flows",
            "formats",
            "http",
            "hub_lag",
            "metrics",
            "published",
            "settings",
            "switch_stats",
        }
        | {"slices", "store", "supervision", "wire", "xen_hosts"}
    ),
    "cli": frozenset({"core", "settings", "start_check"}),
}
"""Parts of horizon_ryu, and the parts of it that each may import."""

WIRE_VALUES = (
    *("addresses", "capabilities", "messages", "protocols", "stats.types", "stats.values"),
    "ternary",
)
"""What core takes from wire: values without bytes, which both speak of."""


def modules(package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@cache
def known(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


class Parsed(NamedTuple):
    """What is asked of a file: to parse all of them takes seconds, so it is done once."""

    imports: tuple[ast.Import | ast.ImportFrom, ...]
    classes: tuple[str, ...]
    """Those at its top."""


@cache
def parsed(path: Path) -> Parsed:
    tree = ast.parse(path.read_text())
    return Parsed(
        tuple(node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)),
        tuple(node.name for node in tree.body if isinstance(node, ast.ClassDef)),
    )


def import_statements(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """Return the statements by which a file imports, at its top or anywhere else."""
    return parsed(path).imports


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports."""
    for node in import_statements(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif node.module:
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if known(inner) else node.module


def part_of(module: str) -> str:
    """Return the part of horizon_ryu that a module belongs to, such as ``core``."""
    return [*module.split("."), ""][1]


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_each_part_imports_only_what_lies_below_it(part: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules(f"horizon_ryu/{part}")
        for name in imports(path)
        if name.startswith("horizon_ryu.") and part_of(name) not in {part, *ALLOWED[part]}
    ]
    assert not wrong


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_what_decides_or_reads_bytes_knows_neither_ryu_nor_the_hub(part: str) -> None:
    if part not in ("wire", "core", "changes", "formats", "cli", "slicer"):
        pytest.skip("stands on the hub")
    foreign = ("ryu", "eventlet", "greenlet", "sqlalchemy", "webob")
    wrong = [
        f"{module} imports {name}"
        for module, path in modules(f"horizon_ryu/{part}")
        for name in imports(path)
        if name.split(".")[0] in foreign
    ]
    assert not wrong


def test_of_openflow_only_the_ends_know_ryu_and_none_knows_the_hub() -> None:
    ends = {f"horizon_ryu.openflow.{name}" for name in ("listener", "ports", "ryu_datapath")}
    wrong = [
        f"{module} imports {name}"
        for module, path in modules("horizon_ryu/openflow")
        for name in imports(path)
        if name.split(".")[0] in ("eventlet", "greenlet")
        or name.startswith("ryu.lib.hub")
        or (name.split(".")[0] == "ryu" and module not in ends)
    ]
    assert not wrong


def test_core_takes_only_values_from_wire() -> None:
    allowed = {f"horizon_ryu.wire.{name}" for name in WIRE_VALUES}
    wrong = [
        f"{module} imports {name}"
        for module, path in modules("horizon_ryu/core")
        for name in imports(path)
        if name.startswith("horizon_ryu.wire") and name not in allowed
    ]
    assert not wrong


def test_the_engine_of_changes_knows_errors_and_nothing_else() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules("horizon_ryu/changes")
        for name in imports(path)
        if name.startswith("horizon_ryu.")
        and not name.startswith(("horizon_ryu.changes", "horizon_ryu.core.errors"))
    ]
    assert not wrong


def test_nothing_imports_an_application_but_applications() -> None:
    names = {f"horizon_ryu.{name}" for name in APPS}
    wrong = [
        f"{module} imports {name}"
        for module, path in modules("horizon_ryu")
        if part_of(module) not in APPS
        for name in imports(path)
        if name in names
    ]
    assert not wrong


def test_xen_bridge_knows_nothing_of_the_controller() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules("xen_bridge")
        for name in imports(path)
        if name.split(".")[0] in ("horizon_ryu", "ryu")
    ]
    assert not wrong


@pytest.mark.parametrize("package", ["horizon_client", "horizon_ryu", "xen_bridge"])
def test_no_package_imports_tools_topologies_or_tests(package: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules(package)
        for name in imports(path)
        if name.split(".")[0] in ("tools", "topologies", "tests", "simulator", "unit", "bench")
    ]
    assert not wrong


def test_the_client_library_takes_the_models_that_validate_and_nothing_else() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules("horizon_client")
        for name in imports(path)
        if name.startswith("xen_bridge.")
        or (name.startswith("horizon_ryu.") and part_of(name) not in ("rest", "formats"))
    ]
    assert not wrong


def test_of_the_controller_only_the_command_line_asks_by_the_client_library() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules("horizon_ryu")
        if part_of(module) != "cli"
        for name in imports(path)
        if name.split(".")[0] == "horizon_client"
    ]
    assert not wrong


def test_a_program_that_pilots_loads_neither_ryu_nor_the_hub_nor_click() -> None:
    names = [module for module, _path in modules("horizon_client")]
    text = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    told = subprocess.run(
        (sys.executable, "-c", text), cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(told.stdout.split())
    assert {"horizon_client", "pydantic"} <= loaded
    assert (
        loaded & {"ryu", "os_ken", "eventlet", "greenlet", "click", "rich", "sqlalchemy"} == set()
    )


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        module: {name for name in imports(path) if known(name)} - {module}
        for package in ("horizon_client", "horizon_ryu", "xen_bridge")
        for module, path in modules(package)
    }
    while graph:
        leaves = {module for module, needed in graph.items() if not needed & set(graph)}
        assert leaves, f"a circle among {sorted(graph)}"
        for leaf in leaves:
            del graph[leaf]
