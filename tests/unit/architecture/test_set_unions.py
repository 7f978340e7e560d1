"""A set is not joined with a view of keys by ``|=``: that makes another set, of all there is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("horizon_client", "horizon_ryu", "xen_bridge", "tools", "topologies", "experiments")
_VIEWS = {"keys", "items"}


def unions_with_views(source: str) -> list[int]:
    """Return the lines of ``some |= other.keys()``, which is ``some = some | set(...)``."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AugAssign)
        and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr in _VIEWS
        and not node.value.args
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_set_is_made_anew_for_each_view_that_it_is_joined_with(package: str) -> None:
    # In a loop it costs n times n: to delete 20,000 entries of a slice took 58 s.
    found = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / package).rglob("*.py")
        if (lines := unions_with_views(path.read_text()))
    }
    assert not found


def test_such_unions_are_found() -> None:
    assert unions_with_views("a = set()\na |= b.keys()\na |= b.keys() - c\na.update(b)") == [2]
