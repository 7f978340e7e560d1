"""A reader of GraphML: nodes, their labels, edges; nothing else of the format matters here."""

from __future__ import annotations

from xml.parsers import expat

from topologies.graphs import GraphError
from topologies.raw_graph import MAX_DEPTH, MAX_LABEL, RawGraph


def read_graphml(data: bytes) -> RawGraph:
    """Return the graph in ``data``; GraphError when it is not GraphML or hides a document type."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, GraphError):
            raise
        raise GraphError(f"not well-formed XML: {error}") from error
    if not reader.seen_graph:
        raise GraphError("there is no <graph> in it")
    return reader.graph


class _Reader:
    def __init__(self) -> None:
        self.graph = RawGraph()
        self.seen_graph = False
        self._depth = 0
        self._label_keys: set[str] = set()
        self._node: str | None = None
        self._label: list[str] | None = None

    def refuse_doctype(self, *declaration: object) -> None:
        # Entities are declared there, and a graph needs none.
        raise GraphError("document types and entities are not accepted")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise GraphError(f"nested more than {MAX_DEPTH} deep")
        match tag.rpartition("}")[2]:
            case "graph":
                self.seen_graph = True
            case "key" if attributes.get("attr.name", "").lower() == "label":
                self._label_keys.add(attributes.get("id", ""))
            case "node":
                self._node = _attribute(attributes, "id", tag)
                self.graph.add_node(self._node)
            case "edge":
                ends = (_attribute(attributes, name, tag) for name in ("source", "target"))
                self.graph.add_edge(*ends)
            case "data" if self._node is not None and attributes.get("key") in self._label_keys:
                self._label = []

    def text(self, text: str) -> None:
        if self._label is not None:
            self._label.append(text)

    def end(self, tag: str) -> None:
        self._depth -= 1
        match tag.rpartition("}")[2]:
            case "data" if self._label is not None and self._node is not None:
                self.graph.nodes[self._node] = "".join(self._label).strip()[:MAX_LABEL]
                self._label = None
            case "node":
                self._node = None


def _attribute(attributes: dict[str, str], name: str, tag: str) -> str:
    if name not in attributes:
        raise GraphError(f"a <{tag.rpartition('}')[2]}> without {name!r}")
    return attributes[name]
