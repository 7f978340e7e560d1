"""Parameters of flows in REST's models, as :mod:`horizon_ryu.core.flows.flow` declares them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import Field as Declared
from functools import partial
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
)
from pydantic_core import PydanticCustomError

from horizon_ryu.core.flows.flow import EntrySpec, PathSpec, Spec, parameters_of
from horizon_ryu.rest.given import NumberText
from horizon_ryu.rest.model import Model, optional

PARAMETERS = parameters_of(PathSpec)
"""All there are: what an entry has is among them."""
ENTRY_NAMES = tuple(item.name for item in parameters_of(EntrySpec))
ONLY_PATH = tuple(item.name for item in PARAMETERS if item.name not in ENTRY_NAMES)

_NAMES = tuple(item.name for item in PARAMETERS)
_HINTS = get_type_hints(PathSpec)
_Given = TypeVar("_Given", bound=Model)
_Form = Callable[[Declared[Any]], tuple[Any, Any]]


def may_be_absent(item: Declared[Any]) -> bool:
    """Tell whether a flow can be without this parameter."""
    return NoneType in get_args(_HINTS[item.name])


def asked(item: Declared[Any]) -> tuple[Any, Any]:
    """Return type and default in a request for a new flow."""
    text = item.metadata["help"]
    if may_be_absent(item):
        return _type_of(item), optional(description=text)
    return _type_of(item), Field(default=item.default, description=text)


def left_out(item: Declared[Any]) -> tuple[Any, Any]:
    """Return type and default where a parameter may be left out, but not be null."""
    return _type_of(item), optional(description=item.metadata["help"])


def changed(item: Declared[Any]) -> tuple[Any, Any]:
    """Return type and default in a PATCH: null takes a parameter away that can be absent."""
    if may_be_absent(item):
        return _type_of(item) | None, Field(default=None, description=item.metadata["help"])
    return left_out(item)


def told(item: Declared[Any]) -> tuple[Any, Any]:
    """Return type and default in an answer, which has what the flow has; no flag that is not."""
    plain = _plain(item)
    return (plain, optional()) if may_be_absent(item) or plain is bool else (plain, ...)


def with_parameters(
    form: _Form, items: Iterable[Declared[Any]] = PARAMETERS
) -> Callable[[type[_Given]], type[_Given]]:
    """Have a model take the parameters ``items``, each in the way that ``form`` says."""

    def extend(model: type[_Given]) -> type[_Given]:
        declared: Any = {item.name: form(item) for item in items}
        return create_model(
            model.__name__,
            __base__=model,
            __module__=model.__module__,
            __doc__=model.__doc__,
            **declared,
        )

    return extend


def values_of(request: Model) -> dict[str, Any]:
    """Return the parameters that a request gives, or has by default."""
    return _there(request, _NAMES)


def told_of(spec: Spec) -> dict[str, Any]:
    """Return the parameters that a flow has."""
    return _there(spec, _NAMES if isinstance(spec, PathSpec) else ENTRY_NAMES)


def _there(owner: object, names: Iterable[str]) -> dict[str, Any]:
    values = ((name, getattr(owner, name)) for name in names)
    return {name: value for name, value in values if value is not None and value is not False}


def _plain(item: Declared[Any]) -> Any:
    return next(
        (kind for kind in get_args(_HINTS[item.name]) if kind is not NoneType), _HINTS[item.name]
    )


def _type_of(item: Declared[Any]) -> Any:
    plain, about = _plain(item), item.metadata
    if plain is bool:
        return plain
    reading = WrapValidator(partial(_number, about["why"]))
    return Annotated[plain, Field(ge=about["min"], le=about["max"]), reading, NumberText()]


def _number(why: str, given: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Read a number, and say of one that is refused ``why`` it has the bounds that it has."""
    try:
        return read(given)
    except ValidationError as error:
        if not why:
            raise
        first = error.errors(include_url=False)[0]
        # Why there is a least says nothing of what is no number, or too much.
        is_least = first["type"] == "greater_than_equal"
        reason = f"{first['msg']}: {why}" if is_least else first["msg"]
        raise PydanticCustomError("bounds", "{reason}", {"reason": reason}) from error
