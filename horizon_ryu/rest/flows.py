"""Flows: instantiate, set, delete, monitor (``/v1/flows``; report, chapter 3)."""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import Field

from horizon_ryu.core.flows.flow import EntrySpec, Flow, Spec
from horizon_ryu.core.flows.match_fields import Loc
from horizon_ryu.flows.service import Asked
from horizon_ryu.rest.flow_model import FlowModel, FlowPatch, FlowRequest, flow_model, spec_of
from horizon_ryu.rest.flow_patch import patched
from horizon_ryu.rest.model import Model
from horizon_ryu.rest.problem import (
    CONFLICT,
    LIMIT_EXCEEDED,
    NOT_FOUND,
    STORE_FAILED,
    SWITCH_DEADLINE,
    SWITCH_FAILED,
)
from horizon_ryu.rest.resource import Answer, Call, PathParameter, Resource

MAX_BATCH = 5_000
FLOW_ID = PathParameter(
    "^[0-9a-f]{8}$", "A flow: 8 lower-case hex digits", lambda text: int(text, 16)
)
_TAG = "flows"
_PROBLEMS = (CONFLICT, SWITCH_FAILED, STORE_FAILED, SWITCH_DEADLINE)


class FlowProvider(Protocol):
    """Who keeps the flows: the Flow Manager's service."""

    def create(self, asked: list[Asked]) -> tuple[Flow, ...]:
        """Make flows, all or none."""

    def change(self, number: int, spec: Spec) -> Flow:
        """Give a flow another spec."""

    def remove(self, number: int) -> None:
        """Delete a flow and its reverse direction."""

    def flows(self) -> tuple[Flow, ...]:
        """Return every flow."""

    def flow(self, number: int) -> Flow:
        """Return one flow; NotFound."""

    def counters(self, flow: Flow) -> tuple[int, int] | None:
        """Return the packets and bytes that the first switch counted; None if it is away."""

    def is_there(self, dpid: int) -> bool:
        """Tell whether a switch is connected."""


class FlowBatch(Model):
    """Flows that are made together, all or none."""

    flows: Annotated[tuple[FlowRequest, ...], Field(min_length=1, max_length=MAX_BATCH)]


class Flows(Model):
    """Flows by id, without counters."""

    flows: tuple[FlowModel, ...]


def resources(provider: FlowProvider) -> list[Resource]:
    """Return the resources of the flows that ``provider`` keeps."""

    def state(flow: Flow) -> str:
        away = isinstance(flow.spec, EntrySpec) and not provider.is_there(flow.spec.dpid)
        return "broken" if away else flow.state.value

    def list_all(_call: Call) -> Flows:
        return Flows(flows=tuple(flow_model(flow, state(flow)) for flow in provider.flows()))

    def read(call: Call) -> FlowModel:
        flow = provider.flow(call.path["id"])
        return flow_model(flow, state(flow), provider.counters(flow) or (None, None))

    def create(call: Call) -> Answer:
        flow = provider.create([_asked(call.body(FlowRequest))])[0]
        return Answer(flow_model(flow, state(flow)), {"Location": f"/v1/flows/{flow.id}"})

    def create_batch(call: Call) -> Flows:
        asked = [
            _asked(request, ("flows", place))
            for place, request in enumerate(call.body(FlowBatch).flows)
        ]
        made = provider.create(asked)
        return Flows(flows=tuple(flow_model(flow, state(flow)) for flow in made))

    def change(call: Call) -> FlowModel:
        flow = provider.flow(call.path["id"])
        changed = provider.change(flow.number, patched(flow.spec, call.body(FlowPatch)))
        return flow_model(changed, state(changed))

    def delete(call: Call) -> None:
        provider.remove(call.path["id"])

    parameters = {"id": FLOW_ID}
    collection, member = "/v1/flows", "/v1/flows/{id}"
    return [
        Resource(
            method="GET",
            path=collection,
            handler=list_all,
            response=Flows,
            summary="List the flows",
            tag=_TAG,
        ),
        Resource(
            method="POST",
            path=collection,
            handler=create,
            request=FlowRequest,
            response=FlowModel,
            status=201,
            problems=(*_PROBLEMS, LIMIT_EXCEEDED),
            summary="Make a flow; 201 when every switch has confirmed it",
            tag=_TAG,
        ),
        Resource(
            method="POST",
            path="/v1/flows/batch",
            handler=create_batch,
            request=FlowBatch,
            response=Flows,
            status=201,
            problems=(*_PROBLEMS, LIMIT_EXCEEDED),
            summary="Make flows together, all or none",
            tag=_TAG,
        ),
        Resource(
            method="GET",
            path=member,
            handler=read,
            parameters=parameters,
            response=FlowModel,
            problems=(NOT_FOUND,),
            summary="Read one flow and its counters",
            tag=_TAG,
        ),
        Resource(
            method="PATCH",
            path=member,
            handler=change,
            parameters=parameters,
            request=FlowPatch,
            response=FlowModel,
            problems=(NOT_FOUND, *_PROBLEMS),
            summary="Set a flow's path, priority, timeouts, queue, rate or actions without loss",
            tag=_TAG,
        ),
        Resource(
            method="DELETE",
            path=member,
            handler=delete,
            parameters=parameters,
            status=204,
            problems=(NOT_FOUND, CONFLICT, STORE_FAILED),
            summary="Delete a flow, with its reverse direction",
            tag=_TAG,
        ),
    ]


def _asked(request: FlowRequest, loc: Loc = ()) -> Asked:
    return Asked(spec_of(request, loc), request.bidirectional)
