"""Safe XML: reads what may come from anybody, and checks it against the schema of the protocol.

No document type declaration, no entity, no network, bounded in size and depth; comments and
processing instructions are dropped, namespaces and attributes are refused (security research,
section 6; design, section 6).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

from lxml import etree

from xen_bridge.errors import InvalidRequest, TooLarge, Unparsable

MAX_BYTES = 1024 * 1024
"""Of a message (design, section 6)."""
MAX_DEPTH = 32
"""Elements inside each other; the deepest listing has 9."""
_CHUNK = 16 * 1024


_OPTIONS: Mapping[str, bool] = MappingProxyType(
    {
        "resolve_entities": False,
        "no_network": True,
        "load_dtd": False,
        "dtd_validation": False,
        "attribute_defaults": False,
        "huge_tree": False,
        "remove_comments": True,
        "remove_pis": True,
    }
)


def parser() -> etree.XMLParser:
    """Return a parser that trusts nothing."""
    options: dict[str, Any] = dict(_OPTIONS)
    return etree.XMLParser(**options)


def tree(data: bytes, limit: int) -> etree._Element:
    """Return the root element of ``data``; Unparsable or TooLarge if it is not to be had.

    A document type declaration is refused whatever it declares; libxml2 itself bounds the depth.
    """
    if len(data) > limit:
        raise TooLarge(f"larger than {limit} bytes")
    try:
        root = etree.fromstring(data, parser())
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise Unparsable(f"not well formed: {str(error)[:300]}") from error
    _refuse_doctype(root)
    return root


def parse(data: bytes, limit: int = MAX_BYTES) -> etree._Element:
    """Return the root element of a message; Unparsable or TooLarge if it is not to be had.

    Beyond :func:`tree` it has no namespaces, no attributes, and a depth of MAX_DEPTH at most.
    """
    if len(data) > limit:
        raise TooLarge(f"larger than {limit} bytes")
    root = _parsed(data)
    _refuse_doctype(root)
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag.startswith("{"):
            raise Unparsable("namespaces and entities are not allowed")
        if element.attrib:
            raise Unparsable(f"{element.tag}: attributes are not allowed")
    return root


def _refuse_doctype(root: etree._Element) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unparsable("a document type declaration is not allowed")


def _parsed(data: bytes) -> etree._Element:
    """Parse in pieces, so that too deep a nesting ends at the piece that has it."""
    # Events of elements keep the depth; the tree itself is built beside them.
    options: dict[str, Any] = dict(_OPTIONS)
    pulling = etree.XMLPullParser(events=("start", "end"), **options)
    depth = 0
    try:
        for start in range(0, len(data), _CHUNK):
            pulling.feed(data[start : start + _CHUNK])
            for event, _element in pulling.read_events():
                depth += 1 if event == "start" else -1
                if depth > MAX_DEPTH:
                    raise Unparsable(f"nested deeper than {MAX_DEPTH}")
        root: etree._Element = pulling.close()
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise Unparsable(f"not well formed: {str(error)[:300]}") from None
    return root


def _compiled() -> etree.XMLSchema:
    folder = resources.files("xen_bridge.protocol.schemas")
    return etree.XMLSchema(etree.fromstring(folder.joinpath("xen_prototype.xsd").read_bytes()))


# At the import, which one thread does: libxml2 makes its table of types with the first schema, and
# two threads that do so at once leave it broken for the life of the process.
_SCHEMA = _compiled()
_ONE_AT_A_TIME = threading.Lock()
"""What is wrong is told in the schema's own list, which the next validation empties."""


def validate(root: etree._Element) -> None:
    """Raise InvalidRequest, naming the element, unless ``root`` is what the schema says."""
    with _ONE_AT_A_TIME:
        if _SCHEMA.validate(root):
            return
        log: Any = _SCHEMA.error_log
        error = log[0]
    path = tuple(step for step in (error.path or "").split("/") if step)
    raise InvalidRequest(path or ("XenPrototype",), error.message[:500])
