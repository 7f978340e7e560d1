"""Models made from documents: bounds, defaults and values are declared once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from horizon_ryu.rest.document_model import answer_model, request_model
from horizon_ryu.rest.xen_models import DomainModel, DomainPatch, NewDomain
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents import domains


@dataclass(frozen=True, slots=True)
class Colours:
    numbers: tuple[int, ...] = document_field(least=0, most=7, at_least=1)


@dataclass(frozen=True, slots=True)
class Size:
    width: int = document_field(least=1, most=100)
    note: str | None = document_field(None, most=5)


@dataclass(frozen=True, slots=True)
class Box:
    name: str = document_field(pattern="[a-z]+")
    size: Size = document_field()
    kind: Literal["open", "closed"] = document_field("open")
    weight: float = document_field(1.5, least=0.5, most=9)
    count: int | None = document_field(None, least=1)
    colours: tuple[Colours, ...] = document_field((), at_most=2)
    sizes: tuple[Size, ...] = document_field(())


_SizeModel: Any = request_model(Size)


class SizeModel(_SizeModel):
    """A size."""


BoxModel: Any = request_model(Box, nested={Size: SizeModel})
_SizeAnswer: Any = answer_model(Size)
BoxAnswer: Any = answer_model(Box, first=("kind",), nested={Size: _SizeAnswer})

WHOLE = {
    "name": "box",
    "size": {"width": 3, "note": "wide"},
    "kind": "closed",
    "weight": 2.0,
    "count": 4,
    "colours": [[1, 2], [7]],
    "sizes": [{"width": 1}],
}


def model_of(values: dict[str, Any]) -> Any:
    return BoxModel.model_validate_json(json.dumps(values))


def test_what_a_client_sends_becomes_the_document() -> None:
    assert model_of(WHOLE).document() == Box(
        "box",
        Size(3, "wide"),
        "closed",
        2.0,
        4,
        (Colours((1, 2)), Colours((7,))),
        (Size(1),),
    )


def test_what_is_left_out_has_the_documents_default() -> None:
    made = model_of({"name": "box", "size": {"width": 3}})
    assert made.document() == Box("box", Size(3))
    assert made.document(count=9).count == 9


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Box"},
        {"name": None},
        {"size": {"width": 0}},
        {"size": {"width": 101}},
        {"size": {"width": 1, "note": "longer"}},
        {"kind": "ajar"},
        {"weight": 0.4},
        {"weight": 9.1},
        {"count": 0},
        {"count": None},
        {"colours": [[]]},
        {"colours": [[8]]},
        {"colours": [[1]] * 3},
        {"other": 1},
    ],
)
def test_the_documents_bounds_are_the_models(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model_of({**WHOLE, **wrong})


def test_what_a_host_tells_is_told_field_for_field() -> None:
    told = Box("box", Size(500), "closed", 2.0, None, (Colours((1, 2)),), (Size(1, "x"),))
    found = BoxAnswer.of(told)
    assert list(found.model_dump()) == [
        "kind",
        *("name", "size", "weight", "count", "colours", "sizes"),
    ]
    assert found.model_dump(mode="json") == {
        "kind": "closed",
        "name": "box",
        "size": {"width": 500, "note": None},
        "weight": 2.0,
        "count": None,
        "colours": [[1, 2]],
        "sizes": [{"width": 1, "note": "x"}],
    }
    assert BoxAnswer.of(told, weight=3.0).weight == 3.0


def test_a_form_that_has_no_model_is_noticed_when_the_program_starts() -> None:
    with pytest.raises(TypeError, match="Size has no model"):
        request_model(Box)


# ---- those of domains


@given(
    st.fixed_dictionaries(
        {"name": st.from_regex(domains.NAME, fullmatch=True)},
        optional={
            "memory_kb": st.integers(4096, 1 << 40),
            "vcpus": st.integers(1, domains.MAX_CPUS),
            "weight": st.integers(domains.MIN_WEIGHT, domains.MAX_WEIGHT),
            "cap": st.integers(0, 100 * domains.MAX_CPUS),
            "arguments": st.text("abc =", max_size=2000),
            "interfaces": st.lists(st.just({"bridge": "xenbr0"}), max_size=64).map(tuple),
            "start": st.booleans(),
        },
    )
)
def test_a_new_domain_that_rest_takes_is_one_that_a_host_takes(values: dict[str, Any]) -> None:
    asked = NewDomain.model_validate(values).document()
    document_schema.check(asked)
    for name, value in values.items():
        told = getattr(asked, name)
        assert (len(told) if name == "interfaces" else told) == (
            len(value) if name == "interfaces" else value
        )


def test_every_parameter_of_a_new_domain_and_of_a_change_is_in_rest() -> None:
    new = {item.name for item in document_schema.field_infos(domains.CreateDomain)}
    assert set(NewDomain.model_fields) == new
    change = {item.name for item in document_schema.field_infos(domains.SetDomain)} - {"domain"}
    assert set(DomainPatch.model_fields) == change
    assert set(DomainModel.model_fields) == {
        item.name for item in document_schema.field_infos(domains.Domain)
    }
