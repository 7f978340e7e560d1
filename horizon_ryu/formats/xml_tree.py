"""XML from anybody as a tree: no entity, DTD or network, a cap on size (security research, 6)."""

from __future__ import annotations

from lxml import etree

from horizon_ryu.core.errors import InvalidInput
from xen_bridge.errors import BridgeError
from xen_bridge.protocol import safe_xml

MAX_BYTES = 16 * 1024 * 1024
"""Of a document to be read: the topology of some 50,000 links."""


def parse(data: bytes) -> etree._Element:
    """Return the root of hostile bytes; InvalidInput if they are not XML, or declare a DTD.

    A document type declaration is refused whatever it declares.
    """
    try:
        return safe_xml.tree(data, MAX_BYTES)
    except BridgeError as error:
        raise InvalidInput(("xml",), str(error)) from error
