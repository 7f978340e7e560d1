"""Documents in XML: golden forms, schemas, reading back, and what is never read."""

from __future__ import annotations

from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.spanning_tree.forest import build_forest
from horizon_ryu.core.topology import Link, PortRef, Switch, TopologyView
from horizon_ryu.formats import xml_form, xml_tree
from horizon_ryu.formats.model import Document
from horizon_ryu.formats.problem import FieldError, Problem
from horizon_ryu.formats.spanning_tree import TreesDocument, trees_document
from horizon_ryu.formats.topology import (
    LinksDocument,
    NeighborsDocument,
    links_document,
    neighbors_document,
)

KINDS: tuple[type[Document], ...] = (LinksDocument, NeighborsDocument, TreesDocument, Problem)

PAIR = (Link(PortRef(1, 1), PortRef(0xAB, 2)), Link(PortRef(0xAB, 2), PortRef(1, 1)))

LINKS = b"""<?xml version='1.0' encoding='UTF-8'?>
<topology>
  <network>physical</network>
  <link>
    <src_dpid>0000000000000001</src_dpid>
    <src_port>1</src_port>
    <dst_dpid>00000000000000ab</dst_dpid>
    <dst_port>2</dst_port>
  </link>
  <link>
    <src_dpid>00000000000000ab</src_dpid>
    <src_port>2</src_port>
    <dst_dpid>0000000000000001</dst_dpid>
    <dst_port>1</dst_port>
  </link>
</topology>
"""

NEIGHBORS = b"""<?xml version='1.0' encoding='UTF-8'?>
<topology>
  <network>vlan:10</network>
  <switch>
    <dpid>0000000000000001</dpid>
    <neighbor>
      <dpid>00000000000000ab</dpid>
      <port>1</port>
      <neighbor_port>2</neighbor_port>
    </neighbor>
  </switch>
  <switch>
    <dpid>0000000000000002</dpid>
  </switch>
  <switch>
    <dpid>00000000000000ab</dpid>
    <neighbor>
      <dpid>0000000000000001</dpid>
      <port>2</port>
      <neighbor_port>1</neighbor_port>
    </neighbor>
  </switch>
</topology>
"""

TREES = b"""<?xml version='1.0' encoding='UTF-8'?>
<spanning_tree>
  <tree>
    <root>0000000000000001</root>
    <switch>
      <dpid>0000000000000001</dpid>
      <neighbor>
        <dpid>00000000000000ab</dpid>
        <port>1</port>
        <neighbor_port>2</neighbor_port>
      </neighbor>
    </switch>
    <switch>
      <dpid>00000000000000ab</dpid>
      <neighbor>
        <dpid>0000000000000001</dpid>
        <port>2</port>
        <neighbor_port>1</neighbor_port>
      </neighbor>
    </switch>
  </tree>
  <tree>
    <root>0000000000000002</root>
    <switch>
      <dpid>0000000000000002</dpid>
    </switch>
  </tree>
</spanning_tree>
"""

PROBLEM = b"""<?xml version='1.0' encoding='UTF-8'?>
<problem>
  <type>about:blank</type>
  <title>Invalid input</title>
  <status>422</status>
  <detail>a &lt;b&gt; &amp; c</detail>
  <error>
    <loc>match</loc>
    <loc>nw_src</loc>
    <msg>not CIDR</msg>
  </error>
  <switch>0000000000000001</switch>
</problem>
"""


def view() -> TopologyView:
    switches = {dpid: Switch(dpid, "", 4) for dpid in (1, 2, 0xAB)}
    return TopologyView(1, switches, {link.src: link for link in PAIR})


def documents() -> list[tuple[Document, bytes]]:
    problem = Problem(
        title="Invalid input",
        status=422,
        detail="a <b> & c",
        errors=(FieldError(loc=("match", "nw_src"), msg="not CIDR"),),
        switch="0000000000000001",
    )
    return [
        (links_document("physical", reversed(PAIR)), LINKS),
        (neighbors_document("vlan:10", {2, 1, 0xAB}, PAIR), NEIGHBORS),
        (trees_document(build_forest(view())), TREES),
        (problem, PROBLEM),
    ]


@pytest.mark.parametrize(("document", "golden"), documents())
def test_form_is_the_one_of_the_design(document: Document, golden: bytes) -> None:
    assert xml_form.write(document) == golden


@pytest.mark.parametrize(("document", "golden"), documents())
def test_written_is_read_back(document: Document, golden: bytes) -> None:
    assert xml_form.read(type(document), golden) == document
    without_blanks = golden.replace(b"\n", b"").replace(b"  ", b"")
    assert xml_form.read(type(document), without_blanks) == document


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_shipped_and_compiles(kind: type[Document]) -> None:
    file = resources.files("horizon_ryu.formats").joinpath(f"{kind.XML_SCHEMA}.xsd")
    assert file.is_file()
    assert xml_form.schema(kind.XML_SCHEMA) is xml_form.schema(kind.XML_SCHEMA)


def test_there_are_text_elements_and_no_attributes() -> None:
    for _document, golden in documents():
        for element in etree.fromstring(golden).iter():
            assert not element.attrib
            assert len(element) == 0 or not (element.text or "").strip()


ports = st.builds(PortRef, st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
links = st.lists(st.builds(Link, ports, ports), max_size=8)


@given(links)
def test_every_topology_validates_and_is_read_back(found: list[Link]) -> None:
    dpids = {end.dpid for link in found for end in (link.src, link.dst)}
    written = [
        links_document("physical", found),
        neighbors_document("lab", dpids, found),
    ]
    for document in written:
        data = xml_form.write(document)
        xml_form.schema(document.XML_SCHEMA).assertValid(etree.fromstring(data))
        assert xml_form.read(type(document), data) == document


@given(links)
def test_every_forest_validates_and_is_read_back(found: list[Link]) -> None:
    dpids = {end.dpid for link in found for end in (link.src, link.dst)}
    known = {link.src: link for link in (*found, *(link.reversed() for link in found))}
    forest = build_forest(TopologyView(1, {dpid: Switch(dpid, "", 1) for dpid in dpids}, known))
    document = trees_document(forest)
    assert xml_form.read(TreesDocument, xml_form.write(document)) == document


BOMB = b"""<!DOCTYPE topology [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><topology><network>&c;</network></topology>"""


def external(uri: str) -> bytes:
    return (
        f'<!DOCTYPE topology [<!ENTITY x SYSTEM "{uri}">]>'
        "<topology><network>&x;</network></topology>"
    ).encode()


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        external("file:///etc/passwd"),
        external("http://192.0.2.1/x"),
        b'<!DOCTYPE topology SYSTEM "http://192.0.2.1/x.dtd"><topology><network/></topology>',
        b"<!DOCTYPE topology><topology><network>physical</network></topology>",
        b"",
        b"<topology>",
        b"\xff\xfe",
        b"<topology><network>\xff</network></topology>",
        b"<a>" * 100_000,
        b"<topology><network>x</network><link/></topology>",
        b"<topology><network>x</network><evil/></topology>",
        b"<topology><link/></topology>",
        b"<topology>text<network>x</network></topology>",
        b'<topology a="b"><network>x</network></topology>',
        b'<topology xmlns="urn:x"><network>x</network></topology>',
        b"<spanning_tree/>",
        LINKS.replace(b"00000000000000ab", b"00000000000000AB"),
        LINKS.replace(b"<src_port>1<", b"<src_port>4294967296<"),
        LINKS.replace(b"<src_port>1<", b"<src_port>-1<"),
    ],
)
def test_what_is_hostile_or_wrong_is_not_read(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        xml_form.read(LinksDocument, data)


def test_size_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_tree, "MAX_BYTES", len(LINKS) - 1)
    with pytest.raises(InvalidInput, match="larger"):
        xml_form.read(LinksDocument, LINKS)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    found: Any = None
    try:
        found = xml_form.read(LinksDocument, data)
    except InvalidInput:
        return
    assert isinstance(found, LinksDocument)


def test_comments_and_instructions_are_passed_over() -> None:
    data = LINKS.replace(b"<network>", b"<!-- c --><?pi x?><network>")
    assert xml_form.read(LinksDocument, data) == links_document("physical", PAIR)
