"""Messages that the programs print, as the sources have them: with a gap for what is filled in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from unit.docs.shown_pages import PROJECT

_PACKAGES = ("horizon_client", "horizon_ryu", "xen_bridge")
_GAP = "\0"
_PERCENT = re.compile(r"%[-+0 #]*\d*(?:\.\d+)?[sdrgfxi]")


def printed_messages() -> list[str]:
    """Return each text of the sources, one line each, with a NUL where something is filled in."""
    return [
        _PERCENT.sub(_GAP, text)
        for package in _PACKAGES
        for path in (PROJECT / package).rglob("*.py")
        for text in _texts(ast.parse(path.read_bytes()))
    ]


def is_printed(quoted: str, messages: list[str]) -> bool:
    """Say whether one message has what is quoted, whose gaps are written as ``…``."""
    parts = [re.escape(part) for part in quoted.split("…")]
    # What is filled in may be chosen among texts, so that a gap of a page stands for any of them.
    pattern = re.compile(f"(?:{_GAP}.*)?".join(parts))
    return any(pattern.search(message) for message in messages)


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else _GAP for part in node.values
            )
