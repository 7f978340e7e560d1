"""XML from anybody as a tree: no entity, DTD or network, a cap on size (security research, 6)."""

from __future__ import annotations

from lxml import etree

from horizon_ryu.core.errors import InvalidInput

MAX_BYTES = 16 * 1024 * 1024
"""Of a document to be read: the topology of some 50,000 links."""


def parse(data: bytes) -> etree._Element:
    """Return the root of hostile bytes; InvalidInput if they are not XML, or declare a DTD.

    A document type declaration is refused whatever it declares.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput(("xml",), f"larger than {MAX_BYTES} bytes")
    try:
        root = etree.fromstring(data, parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidInput(("xml",), f"not well formed: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidInput(("xml",), "a document type declaration is not allowed")
    return root


def parser() -> etree.XMLParser:
    """Return a parser that trusts nothing."""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
