"""Words for what models refuse: the nearest name, and what a pattern means."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from horizon_ryu.http.problem import refused
from horizon_ryu.rest.flow_model import FlowRequest
from horizon_ryu.rest.flows import FlowBatch
from horizon_ryu.rest.migration_model import MigrationRequest, MigrationRequests
from horizon_ryu.rest.networks import Network


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int = 0
    code: Annotated[str, StringConstraints(pattern="^[a-z]{3}$")] = "abc"


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    lldp_interval: float = 1
    one: Inner | None = None
    many: tuple[Inner, ...] = ()
    given: Annotated[int, Field(alias="is")] = 1


def fault(model: type[BaseModel], given: Any) -> str:
    with pytest.raises(ValidationError) as wrong:
        model.model_validate_json(json.dumps(given))
    return refused(wrong.value, model).detail


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lldp_intervall": 1}, "lldp_intervall: no such field; did you mean lldp_interval?"),
        ({"zzz": 1}, "zzz: no such field; there are is, lldp_interval, many, one"),
        ({"one": {"sise": 1}}, "one.sise: no such field; did you mean size?"),
        ({"many": [{}, {"sise": 1}]}, "many.1.sise: no such field; did you mean size?"),
        ({"one": {"code": "x"}}, "one.code: String should match pattern '^[a-z]{3}$'"),
    ],
)
def test_a_field_that_does_not_exist_gets_the_nearest(given: Any, said: str) -> None:
    assert fault(Outer, given) == said


@pytest.mark.parametrize("dpid", [" 1", "00-01", -1, 2**64, 1.5, None, [1]])
def test_a_dpid_is_told_in_words_wherever_it_stands(dpid: Any) -> None:
    said = "must be a dpid (1 to 16 hex digits as text, or a number), or the name of a switch"
    assert (
        fault(FlowRequest, {"match": {"ip": True}, "dpid": dpid, "actions": []}) == f"dpid: {said}"
    )
    moved = {"flow": "00000000", "dpids": [1, dpid]}
    assert fault(MigrationRequest, moved) == f"dpids.1: {said}"
    assert fault(MigrationRequests, [moved]).startswith(f"0.dpids.1: {said}")


def test_a_way_is_told_by_the_form_that_was_tried() -> None:
    said = fault(MigrationRequest, {"flow": "00000000", "dpids": "1|x y"})
    assert (
        said
        == "dpids: must be dpids or names in their order: a list, or a text with | between them"
    )
    assert (
        fault(MigrationRequest, {"flow": "0" * 8, "dpids": 5})
        == "dpids: Input should be a valid array"
    )


def test_why_a_number_has_its_least_is_told_of_what_is_below() -> None:
    low, high = (fault(FlowRequest, {"priority": given}) for given in (300, 65_536))
    assert "301: those up to 300 are the controller's own" in low
    assert high == "priority: Input should be less than or equal to 65535"


def test_an_object_is_told_by_what_it_needs_and_a_long_list_by_its_most() -> None:
    said = fault(FlowRequest, {"src": "10.0.0.1", "dst": 3, "actions": ["drop"] * 65})
    assert "src: must be an object with dpid, port_no; dst: must be an object with dpid" in said
    assert "actions: must have at most 64 items" in said
    assert fault(Network, []) == "body: must be an object with definition, name"
    assert fault(Inner, []) == "body: Input should be an object"


def test_a_pattern_is_told_by_what_its_field_says_of_itself() -> None:
    network = {"name": "a/b", "definition": {"ip": "10.0.0.300/24"}}
    said = fault(Network, network)
    assert "name: must be a name: up to 64 letters" in said
    assert "definition.ip: must be a range of IPv4 or IPv6 whose host bits are zero, as 10." in said
    flow = {"flow": "nosuch", "dpids": ["1"]}
    assert (
        fault(MigrationRequest, flow) == "flow: must be the id of a flow: 8 lower-case hex digits"
    )


@pytest.mark.parametrize("many", [False, True])
def test_a_document_of_one_or_many_is_told_the_same(many: bool) -> None:
    asked = {"flow": "nosuch", "dpids": ["1"]}
    said = fault(MigrationRequests, [asked] if many else asked)
    assert "flow: must be the id of a flow: 8 lower-case hex digits" in said


@pytest.mark.parametrize("model", [FlowBatch, MigrationRequests])
def test_of_many_that_are_wrong_the_first_ends_the_check(model: type[BaseModel]) -> None:
    key = "flows" if model is FlowBatch else None
    many = [{"x": 1}] * 2000
    with pytest.raises(ValidationError) as wrong:
        model.model_validate_json(json.dumps({key: many} if key else many))
    assert wrong.value.error_count() < 10
