"""The wings of xen_bridge lean on each other one way only, as their import statements say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import xen_bridge

ROOT = Path(str(xen_bridge.__file__)).parent

LEANS_ON: dict[str, set[str]] = {
    "errors": set(),
    "atomic_write": set(),
    "one_line": set(),
    "written_output": {"one_line"},
    "child_command": {"errors"},
    "private_file": {"errors"},
    "vtysh": {"errors", "child_command"},
    "protocol": {"errors"},
    "netlink": {"errors"},
    "trust": {"errors", "atomic_write", "private_file"},
    "turning_socket": set(),
    "client": {"errors", "protocol", "trust", "turning_socket"},
    "client_pool": set(),
    "claim": set(),
    "runtime": {"errors"},
    "serving": {"runtime"},
    "server": {
        *("errors", "protocol", "trust", "client", "client_pool", "runtime", "serving", "claim"),
    },
    "channel": {"errors", "protocol", "trust", "client", "atomic_write"},
    "dom0": {
        *("errors", "protocol", "netlink", "atomic_write", "child_command", "announcements"),
        "vtysh",
    },
    "gatherers": {"errors", "protocol", "netlink", "runtime", "child_command"},
    "topology": {"errors", "protocol", "netlink", "gatherers", "runtime", "child_command"},
    "planes": {"errors", "protocol", "netlink", "child_command", "atomic_write", "vtysh"},
    "separation": {"errors", "protocol", "netlink", "planes", "channel", "dom0", "atomic_write"},
    "announcements": {"errors"},
    "migration": {
        *("errors", "protocol", "dom0", "client", "trust", "atomic_write", "virtual_management"),
        *("announcements", "child_command", "netlink", "planes", "separation"),
    },
    "agent": {"errors", "protocol", "netlink", "planes", "channel", "client", "trust"},
    "virtual_management": {"errors", "protocol", "dom0"},
    "cli": {
        *("errors", "protocol", "trust", "client", "one_line", "server", "planes", "separation"),
    },
}
"""What each wing may import, besides itself; those at the top put it together."""
TOP = {
    *("handlers", "router_handlers", "nodes", "node_parts", "router_node", "command", "leaving"),
    "program",
}


def wing_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules that a file imports, also inside functions and for types only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)


@cache
def arrows() -> tuple[tuple[Path, str], ...]:
    """The files of the bridge, each with all that it imports: read once for all rules."""
    return tuple(
        (path, module)
        for path in sorted(ROOT.rglob("*.py"))
        for module in imported(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_a_wing_imports_only_what_it_may_lean_on() -> None:
    wrong = []
    for path, module in arrows():
        own, (package, *rest) = wing_of(path), module.split(".")
        if package != "xen_bridge" or own in TOP or own == "__init__":
            continue
        if rest[0] not in LEANS_ON[own] | {own}:
            wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not wrong


def test_nothing_imports_what_puts_it_together() -> None:
    for path, module in arrows():
        package, *rest = module.split(".")
        if package == "xen_bridge" and wing_of(path) not in TOP:
            assert rest[0] not in TOP, f"{path.relative_to(ROOT)} imports {module}"


def test_the_bridge_knows_nothing_of_the_controller() -> None:
    for path, module in arrows():
        assert module.split(".")[0] not in ("horizon_ryu", "ryu", "tests", "tools"), path


@pytest.mark.parametrize("wing", ["protocol", "trust", "netlink", "dom0", "channel", "client"])
def test_wings_below_the_server_have_no_event_loop(wing: str) -> None:
    """They run in native threads of a service, in a command, and in the controller alike."""
    for path, module in arrows():
        if wing_of(path) == wing:
            assert module.split(".")[0] not in ("eventlet", "greenlet"), path


def test_every_wing_is_in_the_table() -> None:
    found = {wing_of(path) for path in ROOT.rglob("*.py")} - {"__init__"}
    assert found <= set(LEANS_ON) | TOP
