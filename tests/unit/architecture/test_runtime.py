"""Who names eventlet: two files, and what they are made for; everybody else asks the runtime."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from backstop import BACKSTOP
from unit.architecture.test_arrows import ROOT, import_statements, modules

NAMED_BY = {"xen_bridge.runtime.green", "xen_bridge.serving.http"}
"""The green runtime, and the HTTP server on eventlet's protocol; a third would be allowed."""
MAKES_GREEN = {"horizon_ryu.services", "xen_bridge.command"}
"""Where a program begins: there alone a runtime is chosen."""
PURE_ENOUGH = (
    "xen_bridge",
    *(f"horizon_ryu/{part}" for part in ("core", "changes", "flows", "audit", "switch_stats")),
    *("horizon_ryu/xen_hosts", "horizon_ryu/wire", "horizon_ryu/formats"),
)
"""What stands on the runtime alone, or on nothing."""
FOREIGN = ("eventlet", "greenlet", "ryu.lib.hub")
NOT_WITHOUT = {"xen_bridge.server.https", *NAMED_BY}
"""What of xen_bridge cannot be loaded where eventlet is not: its HTTP server, and the runtime."""

WITHOUT = """
import importlib, json, sys

for absent in ("eventlet", "greenlet", "ryu"):
    sys.modules[absent] = None
said = {}
for module in sys.argv[1:]:
    try:
        importlib.import_module(module)
    except ImportError as error:
        said[module] = str(error)
print(json.dumps(said))
"""
"""What is imported needs the same libraries again and again: one process imports all of it."""


def names(path: Path) -> Iterator[str]:
    """Yield everything that a file imports, with the names taken from it."""
    for node in import_statements(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importing(*wanted: str, packages: tuple[str, ...]) -> set[str]:
    """Return the modules that import one of ``wanted``, or something inside it."""
    return {
        module
        for package in packages
        for module, path in modules(package)
        for name in names(path)
        if any(name == one or name.startswith(f"{one}.") for one in wanted)
    }


def test_two_files_name_eventlet() -> None:
    assert importing(*FOREIGN, packages=("horizon_ryu", "xen_bridge")) == NAMED_BY


def test_tools_and_topologies_have_no_event_loop() -> None:
    assert importing(*FOREIGN, packages=("tools", "topologies")) == set()


def test_only_where_a_program_begins_it_is_said_on_what_it_runs() -> None:
    choosing = importing(
        "xen_bridge.runtime.green",
        "xen_bridge.runtime.threads",
        packages=("horizon_ryu", "xen_bridge", "tools", "topologies"),
    )
    assert choosing == MAKES_GREEN


def wanted(package: str) -> list[str]:
    """Return the modules of a package that have to do without eventlet."""
    return [module for module, _ in modules(package) if module not in NOT_WITHOUT]


@pytest.fixture(scope="module")
def not_loaded() -> dict[str, str]:
    """Why a module cannot be imported where eventlet, greenlet and Ryu are not, by its name."""
    done = subprocess.run(
        (
            sys.executable,
            "-W",
            "ignore",
            "-c",
            WITHOUT,
            *chain.from_iterable(map(wanted, PURE_ENOUGH)),
        ),
        capture_output=True,
        text=True,
        timeout=BACKSTOP,
        check=True,
        cwd=ROOT,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("package", PURE_ENOUGH)
def test_the_rest_is_loaded_where_there_is_no_eventlet(
    package: str, not_loaded: dict[str, str]
) -> None:
    assert {module: not_loaded[module] for module in wanted(package) if module in not_loaded} == {}
