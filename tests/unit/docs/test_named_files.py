"""Files of the project that the pages name: they are there."""

from __future__ import annotations

import re

from unit.docs.shown_pages import PROJECT, literals

_FOLDERS = "deploy|docs|examples|horizon_client|horizon_ryu|tests|tools|topologies|xen_bridge"
_PATH = re.compile(rf"(?:{_FOLDERS})/[A-Za-z0-9_./*-]+")
_MADE = ("docs/_build/", "docs/_generated/", "horizon_ryu/page")


def _is_there(path: str) -> bool:
    """Say whether files match; a module may be named without its ending."""
    return any(True for ending in ("", ".py") for _ in PROJECT.glob(path + ending))


def test_each_file_that_prose_names_is_there() -> None:
    named = {
        (page, text)
        for page, text in literals()
        if _PATH.fullmatch(text) and not text.startswith(_MADE)
    }
    assert len(named) > 20
    assert sorted(one for one in named if not _is_there(one[1].rstrip("/"))) == []
