"""A reader of GML (Himsolt, 1997): keys with values, where ``[`` … ``]`` is a list of the same."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from topologies.graphs import GraphError
from topologies.raw_graph import MAX_DEPTH, RawGraph

# A string may hold line ends; a comment runs from a # to the end of its line.
_TOKEN = re.compile(r'\s+|#[^\n]*|(?P<token>\[|\]|"[^"]*"|[^\s\[\]"#]+)')

Pairs = list[tuple[str, "str | Pairs"]]


def read_gml(data: bytes) -> RawGraph:
    """Return the graph in ``data``; GraphError when it is not GML."""
    try:
        # The standard says ASCII with character references; what is published is often UTF-8.
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    for key, value in _pairs(_tokens(text), 0):
        if key == "graph" and isinstance(value, list):
            return _graph(value)
    raise GraphError("there is no graph [ … ] in it")


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            line = text.count("\n", 0, position) + 1
            raise GraphError(f"line {line}: a string without an end")
        position = found.end()
        if found["token"] is not None:
            yield found["token"]


def _pairs(tokens: Iterator[str], depth: int) -> Pairs:
    """Return the pairs up to the end of this list (of the text at depth 0)."""
    if depth > MAX_DEPTH:
        raise GraphError(f"nested more than {MAX_DEPTH} deep")
    pairs: Pairs = []
    for key in tokens:
        if key == "]" and depth:
            return pairs
        if key in "[]" or key.startswith('"'):
            raise GraphError(f"expected a key, found {key[:20]!r}")
        value = next(tokens, None)
        if value is None or value == "]":
            raise GraphError(f"the key {key[:20]!r} has no value")
        pairs.append((key, _pairs(tokens, depth + 1) if value == "[" else _plain(value)))
    if depth:
        raise GraphError("a list without an end")
    return pairs


def _plain(token: str) -> str:
    return html.unescape(token[1:-1]) if token.startswith('"') else token


def _graph(pairs: Pairs) -> RawGraph:
    graph = RawGraph()
    for key, value in pairs:
        if isinstance(value, list) and key == "node":
            graph.add_node(_text(value, "id"), _text(value, "label", ""))
        elif isinstance(value, list) and key == "edge":
            graph.add_edge(_text(value, "source"), _text(value, "target"))
    return graph


def _text(pairs: Pairs, wanted: str, default: str | None = None) -> str:
    for key, value in pairs:
        if key == wanted and isinstance(value, str):
            return value
    if default is None:
        raise GraphError(f"a node or edge without {wanted!r}")
    return default
