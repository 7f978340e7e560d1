"""Reads XML that may come from anybody, and checks it against the schema of the protocol.

No document type declaration, no entity, no network, bounded in size and depth; comments and
processing instructions are dropped, namespaces and attributes are refused (security research,
section 6; design, section 6).
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from lxml import etree

from xen_bridge.errors import InvalidInput, TooLarge, Unparsable

MAX_BYTES = 1024 * 1024
"""Of a message (design, section 6)."""
MAX_DEPTH = 32
"""Elements inside each other; the deepest listing has 9."""
_CHUNK = 16 * 1024


def parse(data: bytes, limit: int = MAX_BYTES) -> etree._Element:
    """Return the root element of ``data``; Unparsable or TooLarge if it is not to be had."""
    if len(data) > limit:
        raise TooLarge(f"larger than {limit} bytes")
    root = _parsed(data)
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unparsable("a document type declaration is not allowed")
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag.startswith("{"):
            raise Unparsable("namespaces and entities are not allowed")
        if element.attrib:
            raise Unparsable(f"{element.tag}: attributes are not allowed")
    return root


def _parsed(data: bytes) -> etree._Element:
    """Parse in pieces, so that too deep a nesting ends at the piece that has it."""
    # Events of elements keep the depth; the tree itself is built beside them.
    parser = etree.XMLPullParser(
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    depth = 0
    try:
        for start in range(0, len(data), _CHUNK):
            parser.feed(data[start : start + _CHUNK])
            for event, _element in parser.read_events():
                depth += 1 if event == "start" else -1
                if depth > MAX_DEPTH:
                    raise Unparsable(f"nested deeper than {MAX_DEPTH}")
        root: etree._Element = parser.close()
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise Unparsable(f"not well formed: {str(error)[:300]}") from None
    return root


@cache
def schema() -> etree.XMLSchema:
    """Return the compiled schema of the protocol."""
    folder = resources.files("xen_bridge.protocol.schemas")
    return etree.XMLSchema(etree.fromstring(folder.joinpath("xen_prototype.xsd").read_bytes()))


def validate(root: etree._Element) -> None:
    """Raise InvalidInput, naming the element, unless ``root`` is what the schema says."""
    checked = schema()
    if checked.validate(root):
        return
    log: Any = checked.error_log
    error = log[0]
    path = tuple(step for step in (error.path or "").split("/") if step)
    raise InvalidInput(path or ("XenPrototype",), error.message[:500])
