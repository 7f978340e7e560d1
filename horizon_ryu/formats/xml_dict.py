"""An XML message as nested dictionaries, for programs that pilot with the report's messages."""

from __future__ import annotations

from typing import Any

from lxml import etree

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.formats.xml_tree import parse

MAX_DEPTH = 64


def dict_from_xml(message: bytes) -> dict[str, Any]:
    """Return ``{root: content}``: texts as they are, elements as dictionaries, by their tags.

    Elements of one name beside each other become a list. InvalidInput if ``message`` is not well
    formed, too large or too deep, or declares a document type. The report's ``getDictFromXML``
    (3.2.2.2).
    """
    root = parse(message)
    return {str(root.tag): _content(root, MAX_DEPTH)}


def _content(element: etree._Element, deeper: int) -> Any:
    if deeper == 0:
        raise InvalidInput(("xml",), f"nested more than {MAX_DEPTH} deep")
    if not len(element):
        return element.text or ""
    found: dict[str, Any] = {}
    for child in element:
        tag, value = str(child.tag), _content(child, deeper - 1)
        if tag not in found:
            found[tag] = value
        elif isinstance(found[tag], list):
            found[tag].append(value)
        else:
            found[tag] = [found[tag], value]
    return found
