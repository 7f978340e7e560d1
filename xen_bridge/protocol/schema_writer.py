"""Schema writer, from the forms: ``python -m xen_bridge.protocol.schema_writer``.

The result is kept in ``schemas/xen_prototype.xsd``; a test compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from xen_bridge.protocol import applications
from xen_bridge.protocol.document_schema import FieldInfo, field_infos, tag_of
from xen_bridge.protocol.documents.measures import TOOLS
from xen_bridge.protocol.documents.problem import ApplicationError

TARGET = Path(__file__).with_name("schemas") / "xen_prototype.xsd"

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!-- The messages between Horizon's nodes (report, listings 2.1 to 2.6). Written by
     xen_bridge.protocol.schema_writer from the forms; change those. -->
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="XenPrototype">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="NodePK">
          <xs:simpleType>
            <xs:restriction base="xs:string"><xs:maxLength value="2048"/></xs:restriction>
          </xs:simpleType>
        </xs:element>
        <xs:element name="VirtualRouter" minOccurs="0">
          <xs:simpleType>
            <xs:restriction base="xs:string">
              <xs:pattern value="[A-Za-z0-9][A-Za-z0-9_.+:\\-]{0,63}"/>
            </xs:restriction>
          </xs:simpleType>
        </xs:element>
        <xs:element name="Application" type="Application"/>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
"""


def schema_text() -> str:
    """Return the whole schema."""
    lines = [_HEAD, *_application(), *_iteration()]
    written: set[type] = set()
    for kinds in applications.REQUESTS.values():
        for kind in kinds:
            lines += _type(kind, written)
    for kind in (*applications.RESPONSES, ApplicationError):
        lines += _type(kind, written)
    return (
        "".join(line if line.endswith("\n") else line + "\n" for line in lines) + "</xs:schema>\n"
    )


def _application() -> Iterator[str]:
    requests = list(
        dict.fromkeys(kind for kinds in applications.REQUESTS.values() for kind in kinds)
    )
    yield '  <xs:complexType name="Application">'
    yield "    <xs:sequence>"
    yield '      <xs:element name="ApplicationId" type="xs:unsignedShort"/>'
    yield "      <xs:choice>"
    yield from _choice("ApplicationRequest", requests, ())
    measured = (
        '<xs:element name="MeasureToolResponse" type="MeasureToolResponse"'
        ' minOccurs="0" maxOccurs="4"/>',
    )
    yield from _choice("ApplicationResponse", list(applications.RESPONSES), measured)
    yield '        <xs:element name="ApplicationError" type="ApplicationError"/>'
    yield "      </xs:choice>"
    yield "    </xs:sequence>"
    yield "  </xs:complexType>"


def _choice(name: str, kinds: list[type], more: tuple[str, ...]) -> Iterator[str]:
    yield f'        <xs:element name="{name}">'
    yield "          <xs:complexType>"
    yield "            <xs:choice>"
    yield from (f"              {line}" for line in more)
    for kind in kinds:
        yield f'              <xs:element name="{tag_of(kind)}" type="{kind.__name__}"/>'
    yield "            </xs:choice>"
    yield "          </xs:complexType>"
    yield "        </xs:element>"


def _iteration() -> Iterator[str]:
    """Write what XSD 1.0 cannot make depend on MeasureToolId: an iteration of any tool."""
    written: set[type] = set()
    groups: list[str] = []
    for tool in TOOLS.values():
        iteration = field_infos(tool)[1].kind
        own = [item for item in field_infos(iteration) if item.name not in ("number", "at")]
        inner = "\n".join(f"            {line}" for item in own for line in _element(item))
        groups.append(f"          <xs:sequence>\n{inner}\n          </xs:sequence>")
        for item in own:
            if is_dataclass(item.kind):
                yield from _type(item.kind, written)
    yield '  <xs:complexType name="MeasureToolResponse">'
    yield "    <xs:sequence>"
    yield '      <xs:element name="MeasureToolId" type="xs:unsignedByte"/>'
    yield '      <xs:element name="Iteration" minOccurs="0" maxOccurs="unbounded">'
    yield "        <xs:complexType><xs:sequence>"
    yield '          <xs:element name="IterationNum" type="xs:positiveInteger"/>'
    yield '          <xs:element name="IterationDateTime" type="xs:double"/>'
    yield "          <xs:choice>"
    yield from groups
    yield "          </xs:choice>"
    yield "        </xs:sequence></xs:complexType>"
    yield "      </xs:element>"
    for name, kind in (("Problem", "string"), ("Failures", "nonNegativeInteger")):
        yield f'      <xs:element name="{name}" type="xs:{kind}" minOccurs="0"/>'
    yield "    </xs:sequence>"
    yield "  </xs:complexType>"


def _type(form: Any, written: set[type]) -> Iterator[str]:
    """Write the type of ``form`` after those it is made of, each once."""
    if form in written:
        return
    written.add(form)
    for item in field_infos(form):
        if is_dataclass(item.kind) and not item.inline:
            yield from _type(item.kind, written)
        for one in item.one_of:
            yield from _type(one, written)
    around = "xs:sequence" if getattr(form, "ORDERED", True) else "xs:all"
    strict = getattr(form, "STRICT", False)
    yield f'  <xs:complexType name="{form.__name__}">'
    yield f"    <{around}>"
    for item in field_infos(form):
        yield from (f"      {line}" for line in _element(item, strict))
    yield f"    </{around}>"
    yield "  </xs:complexType>"


def _element(item: FieldInfo, strict: bool = False) -> Iterator[str]:
    if item.inline:
        yield '<xs:sequence maxOccurs="unbounded">'
        for inner in field_infos(item.kind):
            yield from (f"  {line}" for line in _element(inner, True))
        yield "</xs:sequence>"
        return
    occurs = _occurs(item, strict)
    if item.one_of:
        yield f'<xs:element name="{item.tag}"{occurs}>'
        yield "  <xs:complexType>"
        yield "    <xs:choice>"
        for one in item.one_of:
            yield f'      <xs:element name="{tag_of(one)}" type="{one.__name__}"/>'
        yield "    </xs:choice>"
        yield "  </xs:complexType>"
        yield "</xs:element>"
        return
    if is_dataclass(item.kind):
        name = getattr(item.kind, "__name__", "")
        yield f'<xs:element name="{item.tag}" type="{name}"{occurs}/>'
        return
    yield f'<xs:element name="{item.tag}"{occurs}>'
    yield from (f"  {line}" for line in _simple(item))
    yield "</xs:element>"


def _occurs(item: FieldInfo, strict: bool) -> str:
    if item.repeated:
        most = "unbounded" if item.at_most is None else f"{item.at_most}"
        return f' minOccurs="{item.at_least}" maxOccurs="{most}"'
    return "" if item.required or item.empty or strict else ' minOccurs="0"'


_BASES = {int: "xs:integer", float: "xs:double", bool: "xs:boolean", str: "xs:string"}


def _simple(item: FieldInfo) -> Iterator[str]:
    if item.empty and item.kind is not str:
        yield "<xs:simpleType>"
        yield '  <xs:union memberTypes="xs:double">'
        yield '    <xs:simpleType><xs:restriction base="xs:string"><xs:length value="0"/>'
        yield "    </xs:restriction></xs:simpleType>"
        yield "  </xs:union>"
        yield "</xs:simpleType>"
        return
    facets = list(_facets(item))
    yield f'<xs:simpleType><xs:restriction base="{_BASES[item.kind]}">'
    yield from (f"  {facet}" for facet in facets)
    yield "</xs:restriction></xs:simpleType>"


def _facets(item: FieldInfo) -> Iterator[str]:
    for choice in item.choices:
        yield f'<xs:enumeration value="{choice}"/>'
    if item.pattern:
        yield f'<xs:pattern value="{_xsd_pattern(item.pattern)}"/>'
    low, high = ("minInclusive", "maxInclusive")
    if item.kind is str:
        low, high = ("minLength", "maxLength")
    if item.least is not None:
        yield f'<xs:{low} value="{_number(item, item.least)}"/>'
    if item.most is not None:
        yield f'<xs:{high} value="{_number(item, item.most)}"/>'


def _number(item: FieldInfo, bound: float) -> str:
    return str(bound if item.kind is float else int(bound))


def _xsd_pattern(pattern: str) -> str:
    """XSD reads a dash at the end of a class as Python does not need it: escaped."""
    return pattern.replace("-]", "\\-]")


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit("usage: python -m xen_bridge.protocol.schema_writer")
    TARGET.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")
