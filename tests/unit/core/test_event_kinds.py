"""Kinds of events: all that are published are known, and others are refused with what there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import horizon_ryu
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.event_kinds import KINDS, check_kinds

SOURCE = Path(horizon_ryu.__file__).parent
TELLERS = ("publish", "_publish", "TopologyChange", "_mark", "flow", "change", "_removed")
"""What is called with the kind of an event."""
TABLES = ("flows/events.py", "xen_hosts/migration_events.py")
"""Modules with tables that have kinds as values."""
ENGINE = "slicer"
"""Whose events are told with this before their names."""
NO_KINDS = {"migration_within_machine", "migration_by_restart"}
"""Capabilities that the README names."""
KIND = re.compile("[a-z]+(_[a-z]+)+")


def texts(*nodes: ast.AST) -> Iterator[str]:
    """Yield what may be a kind among constants, also of a choice between two."""
    for node in nodes:
        if isinstance(node, ast.IfExp):
            yield from texts(node.body, node.orelse)
        elif isinstance(node, ast.Constant) and KIND.fullmatch(str(node.value)):
            yield str(node.value)


def kinds_in(node: ast.AST, place: str) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if place.startswith(f"{ENGINE}/") and name == "tell":
            yield from (f"{ENGINE}_{text}" for text in texts(*node.args))
        elif name in TELLERS:
            yield from texts(*node.args)
    elif isinstance(node, ast.Dict) and place in TABLES:
        yield from (text for text in texts(*node.values) if text.startswith(("flow_", "migr")))
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        yield from texts(node.value.elts[0]) if place == "rest/event_data.py" else ()


def published() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            yield from ((place, kind) for kind in kinds_in(node, place))


def test_every_kind_that_is_published_is_known() -> None:
    found = set(published())
    assert len(found) > 50
    assert {(place, kind) for place, kind in found if kind not in KINDS} == set()


def test_every_kind_that_the_readme_names_is_known() -> None:
    text = (SOURCE.parent / "README.rst").read_text()
    told = set(re.findall(r"``((?:alarm|flow|migration|xen|link|host)_[a-z_]+)``", text))
    kinds = {kind for kind in told if kind.startswith(("alarm_", "migration_"))}
    assert kinds - KINDS - NO_KINDS == set()


def test_what_is_wanted_is_returned() -> None:
    assert check_kinds(["link_add", "gap"]) == {"link_add", "gap"}
    assert check_kinds(["mine"], seen={"mine": 3}) == {"mine"}


@pytest.mark.parametrize("wanted", ["link_ad", "LINK_ADD", "link-add", "", "typo", "link_add "])
def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(wanted: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_kinds(["host_add", wanted])
    assert refused.value.loc == ("kinds",)
    assert repr(wanted) in refused.value.msg
    assert all(kind in refused.value.msg for kind in KINDS)
    assert wanted == "" or wanted == "typo" or "did you mean link_add?" in refused.value.msg
