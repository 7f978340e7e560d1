"""docs/attackers.rst: every test that it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_TEST = re.compile(r"``(tests/[\w/]+\.py)::(\w+)``")
NAMED = _TEST.findall((ROOT / "docs" / "attackers.rst").read_text(encoding="utf-8"))
DOORS = 5


def test_the_table_is_there() -> None:
    assert len(NAMED) > 6 * DOORS


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_of_the_table_is_there(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
