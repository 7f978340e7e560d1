"""Slices in requests and answers: documents whose values the core reads and writes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import (
    ConfigDict,
    GetJsonSchemaHandler,
    RootModel,
    StringConstraints,
    ValidationInfo,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.slicing.clashes import Clash, ClashReport
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.http.request import SWITCHES, SwitchLookup
from horizon_ryu.rest import slice_schemas as schemas
from horizon_ryu.rest.model import Model, optional


class SliceDocumentModel(RootModel[Any]):
    """A document that is as ``SCHEMA`` says; whoever reads it checks its values."""

    SCHEMA: ClassVar[schemas.Json] = {}

    model_config = ConfigDict(frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        """Return the schema that the document has for those who write or read it."""
        return {**cls.SCHEMA, "title": cls.__name__}

    @model_validator(mode="before")
    @classmethod
    def _by_dpid(cls, document: Any, info: ValidationInfo) -> Any:
        """Have rules name switches by dpid, where a request names them otherwise."""
        lookup = (info.context or {}).get(SWITCHES)
        return document if lookup is None else with_dpids(document, lookup)


def with_dpids(document: Any, lookup: SwitchLookup) -> Any:
    """Return a document of slices or rules with dpids for the names of switches in its rules.

    What is not of the form of one is left as it is, for whoever reads it to refuse.
    """
    if isinstance(document, list):
        return [with_dpids(one, lookup) for one in document]
    if not isinstance(document, dict):
        return document
    found = {**document}
    for name in ("slices", "flowspace"):
        if isinstance(found.get(name), list):
            found[name] = with_dpids(found[name], lookup)
    dpids = found.get("dpids")
    if isinstance(dpids, list):
        found["dpids"] = [_dpid(one, lookup) for one in dpids]
    return found


def _dpid(given: Any, lookup: SwitchLookup) -> Any:
    known = lookup(given) if isinstance(given, str) else None
    return given if known is None else dpid_to_text(known)


class NewSlice(SliceDocumentModel):
    """A slice to be made."""

    SCHEMA = schemas.NEW_SLICE


class SlicePatch(SliceDocumentModel):
    """What of a slice is to be another (RFC 7396): null is the default, a list is replaced."""

    SCHEMA = schemas.SLICE_PATCH


class NewRules(SliceDocumentModel):
    """A rule, or several: all are taken, or none."""

    SCHEMA = schemas.NEW_RULES


class AllSlices(SliceDocumentModel):
    """All slices, as they are listed, in place of those that there are."""

    SCHEMA = schemas.ALL_SLICES


class SliceTold(SliceDocumentModel):
    """A slice; ``clashes`` where it was asked what a change would do."""

    SCHEMA = schemas.SLICE


class SlicesTold(SliceDocumentModel):
    """All slices that the token may see, by name, and the version of the registry."""

    SCHEMA = schemas.SLICES


class RulesTold(SliceDocumentModel):
    """Rules with their ids."""

    SCHEMA = schemas.RULES


class ClashesTold(SliceDocumentModel):
    """What deleting something would change the owner of."""

    SCHEMA = schemas.CLASHES


class EngineDocument(SliceDocumentModel):
    """What the engine tells of a slice."""

    SCHEMA: ClassVar[schemas.Json] = {"type": "object"}


class ChangeQuery(Model):
    """Whether a change is to be made, or only to be told of."""

    dry_run: Annotated[str, StringConstraints(pattern="^[01]$")] = optional(
        description="1: tell what would be, and what would clash, and change nothing"
    )

    @property
    def is_dry(self) -> bool:
        """Whether nothing is to be changed."""
        return self.dry_run == "1"


def clashes_told(report: ClashReport) -> dict[str, Any]:
    """Return a report of clashes as a document."""
    return {"whole": report.is_whole, "clashes": [_clash(one) for one in report.clashes]}


def _clash(clash: Clash) -> dict[str, Any]:
    dpids = clash.dpids
    return {
        "kind": clash.kind.value,
        "first": _rule(clash.first),
        "second": _rule(clash.second),
        "dpids": "all" if dpids is None else [dpid_to_text(dpid) for dpid in sorted(dpids)],
        "match": dict(clash.match),
        "example": dict(clash.example),
    }


def _rule(rule: FlowspaceRule) -> dict[str, Any]:
    return {"slice": rule.slice_name, "rule": rule.rule_id}
