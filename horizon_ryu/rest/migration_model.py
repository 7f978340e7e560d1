"""Migrations in JSON and XML: what a request may ask for, and what an answer tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    GetPydanticSchema,
    RootModel,
    StringConstraints,
    Tag,
    ValidationInfo,
)
from pydantic_core import core_schema

from horizon_ryu.core.errors import HorizonError, InvalidInput, NoRoute, SwitchError
from horizon_ryu.core.flows.action_fields import action_fields
from horizon_ryu.core.flows.field_values import Loc
from horizon_ryu.core.flows.flow import flow_id
from horizon_ryu.core.flows.match_fields import match_fields, parse_match
from horizon_ryu.core.flows.migrate_command import MIGRATE_PARAMETERS, MigrateFlow
from horizon_ryu.core.flows.migration import Migration, MigrationState
from horizon_ryu.core.flows.plan import FlowWave, Move
from horizon_ryu.core.identifiers import DPID_GIVEN, DPID_SEPARATOR, dpid_to_text
from horizon_ryu.core.switch_names import SWITCH_NAME
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.flow_migration import (
    EntirePath,
    FlowMigrationDocument,
    FlowMigrationsDocument,
    PassedSwitch,
)
from horizon_ryu.http.problem import UNION_TAG, clean, problem_of
from horizon_ryu.rest.flow_model import (
    MAX_HOPS,
    HopModel,
    MatchFields,
    hop_models,
)
from horizon_ryu.rest.flow_parameters import PARAMETERS, left_out, with_parameters
from horizon_ryu.rest.given import DpidGiven, switch_given
from horizon_ryu.rest.model import Dpid, Model, optional
from horizon_ryu.wire.messages import FlowCommand, FlowMod, MeterMod, Outgoing

MAX_BATCH = 5_000
_ONE_SWITCH = f"(?:{DPID_GIVEN}|{SWITCH_NAME})"
_DPIDS_TEXT = rf"^{_ONE_SWITCH}(?:\|{_ONE_SWITCH})*$"
_UNDONE = (MigrationState.PLANNED, MigrationState.DRAINING, MigrationState.DONE)
"""States in which there is, or would be, something to take back."""
_FAILED = (MigrationState.ROLLED_BACK, MigrationState.FAILED)


def _split(given: Any, info: ValidationInfo) -> tuple[int, ...]:
    return tuple(switch_given(part, info) for part in given.split(DPID_SEPARATOR))


_DpidsForm: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=_DPIDS_TEXT, max_length=24 * MAX_HOPS),
    Field(description="dpids or names in their order, separated by |"),
]
DpidsText: TypeAlias = Annotated[
    tuple[int, ...],
    GetPydanticSchema(
        lambda _source, handler: core_schema.with_info_after_validator_function(
            _split, handler.generate_schema(_DpidsForm)
        )
    ),
]


def _dpids_form(value: Any) -> str:
    return f"{UNION_TAG}{'text' if isinstance(value, str) else 'list'}"


_SET_ALONG = tuple(item for item in PARAMETERS if item.name in MIGRATE_PARAMETERS)


@with_parameters(left_out, _SET_ALONG)
class MigrationRequest(Model):
    """Which flow is to move, by its id or by its match at the first switch, and through where.

    With a match, ``dpids`` begins with the flow's first switch and ends with its last. What is
    left out of priority and timeouts stays as it is with a flow that is known; else it is the
    highest priority, and none.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["flow"]}, {"required": ["match"]}]}
    )

    dpids: Annotated[
        Annotated[DpidsText, Tag(f"{UNION_TAG}text")]
        | Annotated[
            Annotated[tuple[DpidGiven, ...], Field(max_length=MAX_HOPS)], Tag(f"{UNION_TAG}list")
        ],
        Discriminator(_dpids_form),
        Field(description="Dpids or names in their order: a list, or a text with | between them"),
    ]
    flow: Annotated[str, StringConstraints(pattern="^[0-9a-f]{8}$")] = optional(
        description="The id of a flow: 8 lower-case hex digits"
    )
    match: MatchFields = optional()
    bidirectional: bool = optional(
        description="Have the flow that was made for the other direction move along, the same way "
        "back; both are answered, as of a list. Else it stays where it is"
    )
    dry_run: bool = optional(description="Tell the plan, and touch nothing")


def _form(value: Any) -> str:
    is_list = isinstance(value, (list, tuple))
    return f"{UNION_TAG}many" if is_list else f"{UNION_TAG}one"


class MigrationRequests(
    RootModel[
        Annotated[
            Annotated[MigrationRequest, Tag(f"{UNION_TAG}one")]
            | Annotated[
                tuple[MigrationRequest, ...],
                Field(min_length=1, max_length=MAX_BATCH, fail_fast=True),
                Tag(f"{UNION_TAG}many"),
            ],
            Discriminator(_form),
        ]
    ]
):
    """One migration, or several whose waves go out together."""


class ErrorModel(Model):
    """Why a migration was taken back, and the switch at fault."""

    detail: str
    switch: Dpid | None


class MessageModel(Model):
    """A message of a plan: a flow-mod or a meter-mod."""

    dpid: Dpid
    command: str
    match: dict[str, int | str] = optional()
    priority: int = optional()
    actions: tuple[dict[str, Any], ...] = optional()
    meter: int = optional()


class WaveModel(Model):
    """Messages that go out together; the next wave waits until all of them are confirmed."""

    kind: str
    messages: tuple[MessageModel, ...]


class PlanSummary(Model):
    """Switches by what a plan does on them: an entry is added, replaced, deleted, or all is kept.

    A switch may be in several; each is told once, in the order of the path where it has one.
    """

    added: tuple[Dpid, ...]
    replaced: tuple[Dpid, ...]
    deleted: tuple[Dpid, ...]
    kept: tuple[Dpid, ...]


class UndoModel(Model):
    """The body that, sent to POST /v1/migrations, brings a flow back to where it was."""

    flow: str
    dpids: tuple[Dpid, ...]
    priority: int
    hard_timeout: int
    idle_timeout: int


class MigrationModel(Model):
    """A migration; ``duration_ms`` ends when the switches confirmed that traffic has turned.

    ``waves`` counts those up to then. ``plan`` is there for a dry run.
    """

    id: str
    kind: Literal["flow"] = "flow"
    flow: str
    state: str
    cause: str
    path_kind: str
    path: tuple[HopModel, ...]
    previous_path: tuple[HopModel, ...]
    reverse: str = optional(
        description="The flow in the other direction: it stays, or moves in a migration of its own"
    )
    started: float
    duration_ms: float | None
    waves: int
    error: ErrorModel = optional()
    plan: tuple[WaveModel, ...] = optional()
    summary: PlanSummary = optional(description="Of a dry run: what the plan does where")
    undo: UndoModel = optional(
        description="What brings it back, if it is done or would be: a migration along the whole "
        "path of before"
    )


class Migrations(Model):
    """Migrations, oldest first, or in the order in which they were asked for."""

    migrations: tuple[MigrationModel, ...]


class MigrationAnswer(RootModel[MigrationModel | Migrations]):
    """What was asked for: one migration or several."""


def command_of(request: MigrationRequest, loc: Loc) -> MigrateFlow:
    """Return what ``request`` asks for; InvalidInput names the field below ``loc``."""
    given = request.model_fields_set
    if len(given & {"flow", "match"}) != 1:
        raise InvalidInput((*loc, "flow"), "give either the flow's id or its match")
    return MigrateFlow(
        dpids=request.dpids,
        number=int(request.flow, 16) if "flow" in given else None,
        match=parse_match(request.match, (*loc, "match")) if "match" in given else None,
        bidirectional=bool(request.bidirectional),
        **{name: getattr(request, name) for name in MIGRATE_PARAMETERS},
    )


def migration_model(record: Migration, plan: Move | None = None) -> MigrationModel:
    """Return a migration for an answer; ``plan`` is what a dry run found."""
    state = record.state
    if state is MigrationState.COMMITTING:
        # Until the ingress has confirmed, it is not known to be committed.
        state = MigrationState.INSTALLING
    values: dict[str, Any] = {
        "kind": "flow",
        "state": state.value,
        "cause": record.cause.value,
        "path_kind": record.new.kind.value,
        "path": hop_models(record.new.hops),
        "previous_path": hop_models(record.old.hops) if record.old is not None else (),
        "started": record.started,
        "duration_ms": record.duration_ms,
        "waves": record.waves if plan is None else len(plan.pre_commit),
    }
    if record.new.reverse is not None:
        values["reverse"] = flow_id(record.new.reverse)
    if record.error is not None:
        switch = None if record.switch is None else dpid_to_text(record.switch)
        values["error"] = ErrorModel(detail=clean(record.error), switch=switch)
    if plan is not None:
        values["plan"] = tuple(map(_wave, (*plan.pre_commit, *plan.post_commit)))
        values["summary"] = _summary(plan)
    undo = _undo(record)
    if undo is not None:
        values["undo"] = undo
    values |= {"id": record.id, "flow": record.new.id}
    return MigrationModel(**values)


def _undo(record: Migration) -> UndoModel | None:
    """Return what brings a flow back; None where it was nowhere, or is not moved (yet)."""
    old = record.old
    if old is None or not old.hops or record.state not in _UNDONE:
        return None
    return UndoModel(
        flow=old.id,
        dpids=tuple(dpid_to_text(hop.dpid) for hop in old.hops),
        priority=old.spec.priority,
        hard_timeout=old.spec.hard_timeout,
        idle_timeout=old.spec.idle_timeout,
    )


def _summary(plan: Move) -> PlanSummary:
    """Return on which switches a plan adds, replaces and deletes entries."""
    steps = [step for wave in (*plan.pre_commit, *plan.post_commit) for step in wave.steps]
    entries = [
        (step, mod.command) for step in steps if isinstance(mod := step.send.message, FlowMod)
    ]
    replaced = [step.send.dpid for step, _ in entries if step.replaces]
    added = [
        step.send.dpid
        for step, command in entries
        if command is FlowCommand.ADD and not step.replaces
    ]
    deleted = [step.send.dpid for step, command in entries if command is FlowCommand.DELETE_STRICT]
    touched = {*added, *replaced, *deleted}
    before = () if plan.old is None else plan.old.hops
    now = {hop.dpid for hop in plan.new.hops}
    kept = [hop.dpid for hop in before if hop.dpid in now - touched]
    return PlanSummary(**{
        name: tuple(map(dpid_to_text, dict.fromkeys(dpids)))
        for name, dpids in (
            ("added", added), ("replaced", replaced), ("deleted", deleted), ("kept", kept),
        )
    })  # fmt: skip


def _wave(wave: FlowWave) -> WaveModel:
    messages = tuple(_message(step.send) for step in wave.steps)
    return WaveModel(kind=wave.kind.value, messages=messages)


def _message(sent: Outgoing) -> MessageModel:
    message = sent.message
    values: dict[str, Any] = {"dpid": dpid_to_text(sent.dpid)}
    if isinstance(message, FlowMod):
        values |= {
            "command": message.command.value,
            "match": match_fields(message.match),
            "priority": message.priority,
            "actions": tuple(action_fields(message.actions)),
        }
    if isinstance(message, MeterMod):
        values |= {"command": f"{message.command.value}_meter", "meter": message.meter_id}
    return MessageModel(**values)


def answer_xml(answer: MigrationAnswer) -> bytes:
    """Return the report's XML of one migration or of several."""
    if isinstance(answer.root, MigrationModel):
        return xml_form.write(migration_document(answer.root))
    return migrations_xml(answer.root)


def migrations_xml(answer: Migrations) -> bytes:
    """Return the report's XML of several migrations."""
    documents = tuple(map(migration_document, answer.migrations))
    return xml_form.write(FlowMigrationsDocument(migrations=documents))


def error_xml(error: HorizonError) -> bytes:
    """Return the report's XML of a migration that did not take place."""
    switch = dpid_to_text(error.dpid) if isinstance(error, (SwitchError, NoRoute)) else None
    document = FlowMigrationDocument(status="error", error=problem_of(error).detail, switch=switch)
    return xml_form.write(document)


def migration_document(model: MigrationModel) -> FlowMigrationDocument:
    """Return the report's document of one migration."""
    path = EntirePath(switches=tuple(_passed(model)))
    if model.state not in _FAILED:
        return FlowMigrationDocument(path=path, status=model.state)
    detail = "not told" if model.error is None else model.error.detail
    switch = None if model.error is None else model.error.switch
    return FlowMigrationDocument(path=path, status="error", error=detail, switch=switch)


def _passed(model: MigrationModel) -> Iterator[PassedSwitch]:
    for hop in model.path:
        yield PassedSwitch(dpid=hop.dpid, in_port=hop.in_port, out_port=hop.out_port)
