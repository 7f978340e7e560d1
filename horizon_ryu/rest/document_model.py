"""Models of what clients send and get, made from the documents that hosts send and get.

A document (:mod:`xen_bridge.protocol.documents`) declares its fields and their bounds once; a model
takes them over, and says only what differs::

    _NewDomain: Any = request_model(CreateDomain)

    class NewDomain(_NewDomain):
        \"\"\"What clients are told of it.\"\"\"

        cap: Cap = optional()   # narrower than the document's

A form with one field that repeats is, to clients, a plain list.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, create_model

from horizon_ryu.rest.model import Model, optional
from xen_bridge.protocol.document_schema import FieldInfo, field_infos

Nested = Mapping[type[Any], Any]
"""The models of the forms that a document is made of."""
_NONE: Nested = MappingProxyType({})


class DocumentModel(Model):
    """The base of every model that is made from a document."""

    DOCUMENT: ClassVar[Any] = None
    NESTED: ClassVar[Nested] = _NONE

    def document(self, **more: Any) -> Any:
        """Return the document that this model's values make, with ``more`` that it has not.

        What was left out has the document's own default.
        """
        values = dict(more)
        for item in field_infos(self.DOCUMENT):
            value = getattr(self, item.name, None)
            if value is not None and item.name not in more:
                values[item.name] = _to_document(item, value)
        return self.DOCUMENT(**values)

    @classmethod
    def of(cls, document: Any, **instead: Any) -> Self:
        """Return the model of a document; ``instead`` has values to be told for the document's."""
        values = {
            item.name: _from_document(cls.NESTED, item, getattr(document, item.name))
            for item in field_infos(cls.DOCUMENT)
            if item.name in cls.model_fields
        }
        return cls(**{**values, **instead})


def request_model(document: Any, leave_out: tuple[str, ...] = (), nested: Nested = _NONE) -> Any:
    """Return the base of a model of what clients send: every value within the document's bounds.

    What has a default may be left out; what may be None is then left out, and is not null.
    """
    fields = {
        item.name: (_bounded(item, nested), _default(document, item))
        for item in field_infos(document)
        if item.name not in leave_out
    }
    return _made(document, fields, nested)


def answer_model(document: Any, first: tuple[str, ...] = (), nested: Nested = _NONE) -> Any:
    """Return the base of a model of what clients get: all fields, those of ``first`` before others.

    Bounds are the host's business.
    """
    items = sorted(field_infos(document), key=lambda item: item.name not in first)
    fields = {item.name: (_answered(item, nested), ...) for item in items}
    return _made(document, fields, nested)


def _made(document: Any, fields: Mapping[str, Any], nested: Nested) -> Any:
    everything: dict[str, Any] = dict(fields)
    made = create_model(f"{document.__name__}Fields", __base__=DocumentModel, **everything)
    made.DOCUMENT = document
    made.NESTED = nested
    return made


# ---- types


def _default(document: Any, item: FieldInfo) -> Any:
    if item.required:
        return ...
    default = next(one.default for one in dataclasses.fields(document) if one.name == item.name)
    return optional() if default is None else default


def _bounded(item: FieldInfo, nested: Nested) -> Any:
    if not item.repeated:
        return _one(item, nested, is_bounded=True)
    several = _tuple_of(_one(item, nested, is_bounded=True))
    if not item.at_least and item.at_most is None:
        return several
    return Annotated[several, Field(min_length=item.at_least or None, max_length=item.at_most)]


def _answered(item: FieldInfo, nested: Nested) -> Any:
    one = _one(item, nested, is_bounded=False)
    if item.repeated:
        return _tuple_of(one)
    return one | None if item.optional else one


def _tuple_of(kind: Any) -> Any:
    generic: Any = tuple
    return generic[kind, ...]


def _one(item: FieldInfo, nested: Nested, is_bounded: bool) -> Any:
    if item.kind in nested:
        return nested[item.kind]
    if dataclasses.is_dataclass(item.kind):
        only = _only_field(item.kind)
        return _bounded(only, nested) if is_bounded else _answered(only, nested)
    if item.choices:
        return Literal[item.choices]
    return Annotated[item.kind, _bounds(item)] if is_bounded and _bounds(item) else item.kind


def _bounds(item: FieldInfo) -> Any:
    if item.kind is str:
        pattern = f"^{item.pattern}$" if item.pattern else None
        low, high = (None if one is None else int(one) for one in (item.least, item.most))
        if pattern is None and low is None and high is None:
            return None
        return StringConstraints(pattern=pattern, min_length=low, max_length=high)
    if item.least is None and item.most is None:
        return None
    return Field(ge=item.least, le=item.most)


def _only_field(form: Any) -> FieldInfo:
    """Return the field of a form that stands for it; TypeError for one that needs a model."""
    found = field_infos(form)
    if len(found) != 1 or not found[0].repeated:
        raise TypeError(f"{form.__name__} has no model here")
    return found[0]


# ---- values


def _to_document(item: FieldInfo, value: Any) -> Any:
    if not dataclasses.is_dataclass(item.kind):
        return value
    if item.repeated:
        return tuple(_one_to_document(item.kind, one) for one in value)
    return _one_to_document(item.kind, value)


def _one_to_document(form: Any, value: Any) -> Any:
    return value.document() if isinstance(value, DocumentModel) else form(value)


def _from_document(nested: Nested, item: FieldInfo, value: Any) -> Any:
    if value is None or not dataclasses.is_dataclass(item.kind):
        return value
    if item.repeated:
        return tuple(_one_from_document(nested, one) for one in value)
    return _one_from_document(nested, value)


def _one_from_document(nested: Nested, value: Any) -> Any:
    model = nested.get(type(value))
    if model is not None:
        return model.of(value)
    return getattr(value, _only_field(type(value)).name)
