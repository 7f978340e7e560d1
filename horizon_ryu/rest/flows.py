"""Flows: instantiate, set, delete, monitor (``/v1/flows``; report, chapter 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Annotated, Protocol

from pydantic import Field, StringConstraints

from horizon_ryu.core.errors import InvalidInput, NotFound
from horizon_ryu.core.flows.field_values import Loc
from horizon_ryu.core.flows.flow import Flow, FlowState, PathSpec, Spec, Standing
from horizon_ryu.core.flows.planner import CreateFlow
from horizon_ryu.http.problem import (
    CONFLICT,
    LIMIT_EXCEEDED,
    MAX_ERRORS,
    NOT_FOUND,
    STORE_WRITE,
    SWITCH_DEADLINE,
    SWITCH_FAILED,
)
from horizon_ryu.http.resource import Answer, Call, PathParameter, Resource, operation, resources_of
from horizon_ryu.rest.flow_model import FlowModel, FlowPatch, FlowRequest, flow_model, spec_of
from horizon_ryu.rest.flow_patch import patched
from horizon_ryu.rest.model import Model, optional

MAX_BATCH = 5_000
FLOW_ID = PathParameter(
    "^(?:0[xX])?[0-9A-Fa-f]{8}$", "A flow: 8 hex digits", lambda text: int(text, 16)
)
_ACCEPTED = 202
_PENDING = MappingProxyType({_ACCEPTED: "Kept, and pending: a switch that it needs is away"})
_ID = MappingProxyType({"id": FLOW_ID})
_PROBLEMS = (CONFLICT, SWITCH_FAILED, *STORE_WRITE, SWITCH_DEADLINE)


class FlowProvider(Protocol):
    """Who keeps the flows: the Flow Manager's service."""

    def create(self, commands: list[CreateFlow]) -> tuple[Flow, ...]:
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

    def standing(self, flow: Flow) -> Standing:
        """Return how a flow is now, and why if it does not work."""


class FlowBatch(Model):
    """Flows that are made together, all or none."""

    # The first that is wrong ends the check: a mebibyte of wrong ones held the hub for 0.5 s.
    flows: Annotated[
        tuple[FlowRequest, ...], Field(min_length=1, max_length=MAX_BATCH, fail_fast=True)
    ]


class FlowsQuery(Model):
    """Which of the flows are wanted."""

    id: Annotated[str, StringConstraints(pattern=FLOW_ID.pattern)] = optional(
        description="This flow alone, with its counters; nothing is listed if there is none, "
        "so that whoever watches a flow need not fear that it goes"
    )


class Flows(Model):
    """Flows by id, without counters but where one alone was asked for."""

    flows: tuple[FlowModel, ...]


class FlowOperations:
    """Operations on the flows that a provider keeps."""

    tag = "flows"

    def __init__(self, provider: FlowProvider) -> None:
        self._provider = provider

    @operation("GET", "/v1/flows")
    def list_all(self, _call: Call, query: FlowsQuery) -> Flows:
        """List the flows; with an id that one alone with its counters, or none."""
        if query.id is None:
            return self._models(self._provider.flows())
        try:
            return Flows(flows=(self._counted(int(query.id, 16)),))
        except NotFound:
            return Flows(flows=())

    @operation(
        "POST",
        "/v1/flows",
        status=201,
        other_statuses=_PENDING,
        problems=(*_PROBLEMS, LIMIT_EXCEEDED),
    )
    def create(self, _call: Call, body: FlowRequest) -> Answer[FlowModel]:
        """Make a flow; 201 when every switch has confirmed it."""
        flow = self._provider.create([_command(body)])[0]
        status = _status((flow,))
        model = flow_model(flow, self._standing(flow))
        return Answer(model, {"Location": f"/v1/flows/{model.id}"}, status)

    @operation(
        "POST",
        "/v1/flows/batch",
        status=201,
        other_statuses=_PENDING,
        problems=(*_PROBLEMS, LIMIT_EXCEEDED),
    )
    def create_batch(self, _call: Call, body: FlowBatch) -> Answer[Flows]:
        """Make flows together, all or none."""
        made = self._provider.create(_commands(body.flows))
        return Answer(self._models(made), {"Location": "/v1/flows"}, _status(made))

    @operation("GET", "/v1/flows/{id}", parameters=_ID, problems=(NOT_FOUND,))
    def read(self, call: Call) -> FlowModel:
        """Read one flow and its counters."""
        return self._counted(call.path["id"])

    @operation("PATCH", "/v1/flows/{id}", parameters=_ID, problems=(NOT_FOUND, *_PROBLEMS))
    def change(self, call: Call, body: FlowPatch) -> FlowModel:
        """Set a flow's path, priority, timeouts, queue, rate or actions without loss."""
        flow = self._provider.flow(call.path["id"])
        changed = self._provider.change(flow.number, patched(flow.spec, body))
        return flow_model(changed, self._standing(changed))

    @operation(
        "DELETE", "/v1/flows/{id}", parameters=_ID, problems=(NOT_FOUND, CONFLICT, *STORE_WRITE)
    )
    def delete(self, call: Call) -> None:
        """Delete a flow, with its reverse direction."""
        self._provider.remove(call.path["id"])

    def _counted(self, number: int) -> FlowModel:
        flow = self._provider.flow(number)
        counters = self._provider.counters(flow) or (None, None)
        return flow_model(flow, self._standing(flow), counters)

    def _models(self, flows: Iterable[Flow]) -> Flows:
        return Flows(flows=tuple(flow_model(flow, self._standing(flow)) for flow in flows))

    def _standing(self, flow: Flow) -> Standing:
        if isinstance(flow.spec, PathSpec) and flow.spec.meter is None:
            # It needs its links only, and whether they are there is kept.
            return Standing(flow.state, flow.reason)
        return self._provider.standing(flow)


def resources(provider: FlowProvider) -> list[Resource]:
    """Return the resources of the flows that ``provider`` keeps."""
    return resources_of(FlowOperations(provider))


def _command(request: FlowRequest, loc: Loc = ()) -> CreateFlow:
    return CreateFlow(spec_of(request, loc), request.bidirectional, loc, request.allow_pending)


def _commands(requests: Sequence[FlowRequest]) -> list[CreateFlow]:
    """Return the commands of a batch; InvalidInput that tells of every faulty flow."""
    commands: list[CreateFlow] = []
    faults: list[InvalidInput] = []
    for place, request in enumerate(requests):
        try:
            commands.append(_command(request, ("flows", place)))
        except InvalidInput as error:
            faults.append(error)
            if len(faults) == MAX_ERRORS:
                break
    if faults:
        raise InvalidInput(faults[0].loc, faults[0].msg, tuple(faults[1:]))
    return commands


def _status(flows: Iterable[Flow]) -> int | None:
    """Return the status of an answer where some of ``flows`` are pending; None where none is."""
    return _ACCEPTED if any(flow.state is FlowState.PENDING for flow in flows) else None
