"""XML form of documents: text elements, no attributes, and nothing trusted that is read.

What is read may come from anybody: no DTD, no entity, no network, a cap on size and depth, and
the schema is asked before a model sees the values (security research, section 6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, TypeAlias, TypeVar

from lxml import etree
from pydantic import BaseModel, ValidationError

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.formats.model import Document, Repeated
from horizon_ryu.formats.xml_tree import parse
from xen_bridge.protocol.safe_xml import parser

Tree: TypeAlias = "dict[str, Any]"
AnyDocument = TypeVar("AnyDocument", bound=Document)


def write(document: Document) -> bytes:
    """Return the XML form of ``document``, in UTF-8 with an XML declaration."""
    root = etree.Element(document.XML_ROOT)
    _fill(root, document)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def read(kind: type[AnyDocument], data: bytes) -> AnyDocument:
    """Return the document of ``kind`` written in ``data``; InvalidInput if it is not one."""
    root = parse(data)
    try:
        schema(kind.XML_SCHEMA).assertValid(root)
        return kind.model_validate(_values(root, kind), strict=False)
    except etree.DocumentInvalid as error:
        raise InvalidInput((kind.XML_ROOT,), str(error)) from error
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise InvalidInput(found["loc"] or (kind.XML_ROOT,), found["msg"]) from error


@cache
def schema(name: str) -> etree.XMLSchema:
    """Return the compiled schema ``name``.xsd of this package."""
    source = resources.files("horizon_ryu.formats").joinpath(f"{name}.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(source, parser()))


def _fill(parent: etree._Element, model: BaseModel) -> None:
    """Append one element per value of ``model``; what is None is left out."""
    for name, value in model:
        repeated = _repeated(type(model)).get(name)
        if repeated is None:
            _append(parent, name, value)
            continue
        for item in value or ():
            _append(parent, repeated, item)


def _append(parent: etree._Element, name: str, value: object) -> None:
    if value is None:
        return
    element = etree.SubElement(parent, name)
    if isinstance(value, BaseModel):
        _fill(element, value)
    else:
        element.text = _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@cache
def _repeated(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the name of the repeated element of each list field of ``model``."""
    return dict(_marked(model))


def _marked(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, info in model.model_fields.items():
        for mark in info.metadata:
            if isinstance(mark, Repeated):
                yield name, mark.element


def _values(element: etree._Element, model: type[BaseModel]) -> Tree:
    """Return the texts below ``element`` as the nesting of ``model`` wants them."""
    lists = {item: name for name, item in _repeated(model).items()}
    values: Tree = {name: [] for name in lists.values()}
    for child in element:
        tag = str(child.tag)
        field = lists.get(tag, tag)
        value = _value(child, _model_of(model, field))
        if tag in lists:
            values[field].append(value)
        else:
            values[field] = value
    return values


def _value(element: etree._Element, model: type[BaseModel] | None) -> str | Tree:
    return element.text or "" if model is None else _values(element, model)


@cache
def _model_of(model: type[BaseModel], field: str) -> type[BaseModel] | None:
    """Return the model nested in ``field``, alone or in a list; None where the field is text."""
    info = model.model_fields.get(field)
    return _nested(info.annotation) if info is not None else None


def _nested(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _nested(argument)
        if found is not None:
            return found
    return None
