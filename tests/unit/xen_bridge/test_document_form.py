"""A form is what dataclasses would make of it, whatever is shared."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from xen_bridge.protocol.document_form import document_form


@document_form
class Nothing:
    """Without a field."""


@document_form
class One:
    """With one."""

    only: Any


@document_form
class Several:
    """With a default and one that is made."""

    first: int
    second: str = "x"
    third: tuple[Any, ...] = field(default_factory=tuple)


@document_form(kw_only=True)
class Named:
    """Whose values are named."""

    first: int = 1
    second: float = 2.0


@document_form
class Own:
    """That shows itself in its own way."""

    first: int

    def __repr__(self) -> str:
        return "own"


FORMS: tuple[tuple[Any, dict[str, Any]], ...] = (
    (Nothing, {}),
    (One, {"only": (1,)}),
    (One, {"only": None}),
    (Several, {"first": 1}),
    (Several, {"first": 1, "second": "y", "third": (One(2),)}),
    (Named, {"second": float("inf")}),
)


def plain_of(form: Any) -> Any:
    """The same class as dataclasses makes it."""
    items = [
        (one.name, one.type, field(default=one.default, default_factory=one.default_factory))
        for one in dataclasses.fields(form)
    ]
    return dataclasses.make_dataclass(form.__name__, items, frozen=True, slots=True)


@pytest.mark.parametrize(("form", "values"), FORMS)
def test_it_compares_and_hashes_as_a_dataclass(form: Any, values: dict[str, Any]) -> None:
    one, other, plain = form(**values), form(**values), plain_of(form)(**values)
    assert one == other
    assert hash(one) == hash(other) == hash(plain)
    assert repr(one) == repr(plain)
    assert one != plain
    assert not one == values  # noqa: SIM201
    assert dataclasses.asdict(one) == dataclasses.asdict(plain)
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one


def test_one_that_differs_is_another() -> None:
    assert Several(1, "x") != Several(1, "y")
    assert Several(1) != One(1)
    assert len({Several(1), Several(1), Several(2)}) == 2
    # The very object, as tuples have it: a NaN equals itself there.
    nan = float("nan")
    assert One(nan) == One(nan)


def test_it_is_frozen_and_has_slots() -> None:
    made = Several(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.first = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del made.first
    assert not hasattr(made, "__dict__")
    assert dataclasses.replace(made, first=5) == Several(5)
    with pytest.raises(TypeError):
        Named(1)  # type: ignore[misc]


def test_what_a_class_has_itself_is_kept() -> None:
    assert repr(Own(1)) == "own"
    assert Own(1) == Own(1)


def test_one_that_holds_itself_is_shown() -> None:
    held: list[Any] = []
    made = One(held)
    held.append(made)
    assert repr(made).endswith("One(only=[...])")
