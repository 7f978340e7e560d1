"""The document of the spanning forest (report 3.5): one tree per connected part."""

from __future__ import annotations

from typing import Annotated, ClassVar

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.spanning_tree.forest import Forest, Tree
from horizon_ryu.formats.model import Document, Dpid, Model, Repeated
from horizon_ryu.formats.topology import SwitchNeighbors, switch_neighbors


class TreeEntry(Model):
    """One tree: its switches from the root on, each with its neighbors in the tree."""

    root: Dpid
    switches: Annotated[tuple[SwitchNeighbors, ...], Repeated("switch")]


class TreesDocument(Document):
    """The trees of the forest, by root."""

    XML_ROOT: ClassVar[str] = "spanning_tree"
    XML_SCHEMA: ClassVar[str] = "spanning_tree"

    trees: Annotated[tuple[TreeEntry, ...], Repeated("tree")]


def trees_document(forest: Forest) -> TreesDocument:
    """Return the trees of ``forest``; a switch without links is a tree of its own."""
    return TreesDocument(trees=tuple(map(tree_entry, forest.trees)))


def tree_entry(tree: Tree) -> TreeEntry:
    """Return one tree as its entry of the document."""
    return TreeEntry(
        root=dpid_to_text(tree.root), switches=switch_neighbors(tree.switches, tree.links)
    )
