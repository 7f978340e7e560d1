"""Words for what a model refuses, where pydantic's own say little to whoever typed it.

A field that does not exist gets the nearest that does; a pattern that is missed is told by what
its field says of itself, for nobody reads a long pattern.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo

_FEW = 16
"""Fields that may be listed where none is near."""


def reason(model: type[BaseModel], kind: str, loc: tuple[str | int, ...], text: str) -> str:
    """Return why ``model`` refuses what is at ``loc``: ``text`` unless there is more to say."""
    if kind == "extra_forbidden":
        parents = _models(model, loc[:-1])
        return "no such field" + _instead(str(loc[-1]), {name for one in parents for name in one})
    if kind == "string_pattern_mismatch":
        for fields in _models(model, loc[:-1]):
            field = fields.get(str(loc[-1]))
            if field is not None and (field.description or field.examples):
                return f"must {_described(field)}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return _object_of(_models(model, loc)) or text
    if kind == "too_long":
        # What pydantic says begins with the type that we keep it in.
        return text.partition(" should ")[2].join(("must ", "")) or text
    return text


def _object_of(models: list[dict[str, FieldInfo]]) -> str:
    """Return what an object that is one of ``models`` has to have; nothing if that says little."""
    needed = [
        ", ".join(sorted(name for name, field in fields.items() if field.is_required()))
        for fields in models
    ]
    if not needed or not all(needed):
        return ""
    return f"must be an object with {' or '.join(dict.fromkeys(needed))}"


def _described(field: FieldInfo) -> str:
    said = field.description or ""
    said = said[:1].lower() + said[1:]
    examples = ", ".join(map(str, field.examples or ()))
    form = f"be {said}" if said else f"have the form of {examples}"
    return f"{form}, as {examples}" if said and examples else form


def _instead(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(sorted(known))}" if 0 < len(known) <= _FEW else ""


def _models(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[dict[str, FieldInfo]]:
    """Return the fields, by the names of documents, of each model that may stand at ``loc``."""
    found = [_fields(one) for one in _below_root(model)]
    for part in loc:
        if isinstance(part, str) and any(part in fields for fields in found):
            annotations = [fields[part].annotation for fields in found if part in fields]
            found = [_fields(one) for each in annotations for one in _models_in(each)]
    return found


def _below_root(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the models that a document may be of: one, or those that a root model chooses among."""
    if not issubclass(model, RootModel):
        yield model
        return
    for one in _models_in(model.model_fields["root"].annotation):
        yield from _below_root(one)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
