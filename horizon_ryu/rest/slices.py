"""Slices of the network (``/v1/slices``): what each controller has of it, made and changed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import quote

from horizon_ryu.core.collection_pause import collection_paused
from horizon_ryu.core.errors import Conflict, InvalidInput
from horizon_ryu.core.flows.field_values import plain_number
from horizon_ryu.core.slicing.clashes import ClashReport
from horizon_ryu.core.slicing.slice_document import MAX_NAME, parse_name
from horizon_ryu.core.slicing.slice_record import SliceRecord
from horizon_ryu.core.slicing.slice_registry import SliceRegistry, told
from horizon_ryu.core.slicing.slice_rights import (
    check_making,
    check_patch,
    check_rule_change,
    check_sight,
    sees,
)
from horizon_ryu.http.auth import Access
from horizon_ryu.http.problem import (
    CONFLICT,
    ENGINE_AWAY,
    LIMIT_EXCEEDED,
    NOT_FOUND,
    STORE_WRITE,
    SWITCH_FAILED,
)
from horizon_ryu.http.resource import (
    Answer,
    Call,
    PathParameter,
    Resource,
    operation,
    resources_of,
)
from horizon_ryu.rest.slice_models import (
    AllSlices,
    ChangeQuery,
    ClashesTold,
    EngineDocument,
    NewRules,
    NewSlice,
    RulesTold,
    SlicePatch,
    SlicesTold,
    SliceTold,
    clashes_told,
)
from horizon_ryu.slices.service import Make

_COLLECTION, _MEMBER = "/v1/slices", "/v1/slices/{name}"
_FLOWSPACE = f"{_MEMBER}/flowspace"
MOST_BYTES, MOST_VALUES = 32 << 20, 2_000_000
"""Of a body: ten thousand rules are 1 to 2 MB."""
_LARGE = MappingProxyType({"most_bytes": MOST_BYTES, "most_values": MOST_VALUES})
_CHANGED = (CONFLICT, LIMIT_EXCEEDED, SWITCH_FAILED, ENGINE_AWAY, *STORE_WRITE)
_DRY = MappingProxyType({200: "What would be, with what would clash; nothing is changed"})
SLICE_NAME = PathParameter(
    f"^.{{1,{MAX_NAME}}}$",
    f"A slice: 1 to {MAX_NAME} characters",
)
RULE_ID = PathParameter("^[1-9][0-9]{0,17}$", "The number of a rule", int)
_NAME = MappingProxyType({"name": SLICE_NAME})
_RULE = MappingProxyType({"name": SLICE_NAME, "id": RULE_ID})
_WRITE, _READ = Access.SLICE, Access.SLICE_MONITOR
_ASKED: Mapping[str, Any] = MappingProxyType(
    {"access": _READ, "parameters": _NAME, "problems": (NOT_FOUND, ENGINE_AWAY)}
)
"""Of operations that the engine answers."""


class EngineCaller(Protocol):
    """Who asks the engine."""

    def call(self, op: str, /, **fields: Any) -> Any:
        """Return the result of an operation; EngineAway."""


class SliceKeeper(Protocol):
    """Who keeps the slices, and has them in force."""

    registry: SliceRegistry
    engine: EngineCaller

    def now(self) -> float:
        """Return the seconds since 1970."""

    def change(self, make: Make, kind: str, **about: Any) -> SliceRegistry:
        """Put in force what ``make`` makes of the registry."""

    def preview(
        self, make: Make, by: str | None, name: str | None = None
    ) -> tuple[SliceRegistry, ClashReport]:
        """Return what would be in force, and what of a slice, or of each, would clash in it."""

    def clashes(
        self, registry: SliceRegistry, names: frozenset[str], by: str | None
    ) -> ClashReport:
        """Return how slices clash with others, those that ``by`` sees."""


class SliceOperations:
    """Operations on slices."""

    tag = "slices"

    def __init__(self, keeper: SliceKeeper) -> None:
        self._keeper = keeper

    # ---- all of them

    @operation("GET", _COLLECTION, access=_READ)
    def list_all(self, call: Call) -> SlicesTold:
        """List the slices that the token may see."""
        by, registry = _by(call), self._keeper.registry
        found = [one for name, one in registry.slices.items() if sees(registry, by, name)]
        return self._all(registry, found)

    @operation(
        "POST",
        _COLLECTION,
        status=201,
        access=_WRITE,
        problems=_CHANGED,
        other_statuses=_DRY,
        **_LARGE,
    )
    def create(self, call: Call, body: NewSlice, query: ChangeQuery) -> Answer[SliceTold]:
        """Make a slice."""
        by, document, now = _by(call), body.root, self._keeper.now()
        name = document.get("name") if isinstance(document, dict) else None
        name = parse_name(name, ("name",))

        def make(registry: SliceRegistry) -> SliceRegistry:
            check_making(registry, by)
            return registry.created(document, by, now)

        if query.is_dry:
            return self._dry(make, name, by)
        registry = self._keeper.change(make, "slice_created", name=name)
        location = f"{_COLLECTION}/{quote(name, safe='')}"
        return Answer(self._one(registry.slice(name)), {"Location": location})

    @operation("PUT", _COLLECTION, problems=_CHANGED, **_LARGE)
    def replace_all(self, _call: Call, body: AllSlices, query: ChangeQuery) -> SlicesTold:
        """Put slices, as they are listed, in place of all that there are: all, or none."""
        version, documents = _all_given(body.root)
        now = self._keeper.now()

        def make(registry: SliceRegistry) -> SliceRegistry:
            if version is not None and version != registry.version:
                raise Conflict(f"the slices are at version {registry.version} by now")
            return registry.replaced(documents, now)

        if query.is_dry:
            made, report = self._keeper.preview(make, None)
            found = self._all(made, list(made.slices.values())).root
            return SlicesTold({**found, "clashes": clashes_told(report)})
        registry = self._keeper.change(make, "slices_replaced", version=version)
        return self._all(registry, list(registry.slices.values()))

    # ---- one

    @operation("GET", _MEMBER, access=_READ, parameters=_NAME, problems=(NOT_FOUND,))
    def read(self, call: Call) -> SliceTold:
        """Read a slice with its flowspace."""
        return self._one(self._seen(call))

    @operation(
        "PATCH",
        _MEMBER,
        access=_WRITE,
        parameters=_NAME,
        problems=(NOT_FOUND, *_CHANGED),
        **_LARGE,
    )
    def change(self, call: Call, body: SlicePatch, query: ChangeQuery) -> Answer[SliceTold]:
        """Change a slice; what is not named stays, and no connection is dropped."""
        by, name, now, patch = _by(call), call.path["name"], self._keeper.now(), body.root

        def make(registry: SliceRegistry) -> SliceRegistry:
            check_patch(registry, by, name, patch if isinstance(patch, dict) else ())
            return registry.changed(name, patch, by, now)

        if query.is_dry:
            return self._dry(make, name, by)
        registry = self._keeper.change(make, "slice_changed", name=name)
        return Answer(self._one(registry.slice(name)))

    @operation(
        "DELETE",
        _MEMBER,
        status=204,
        access=_WRITE,
        parameters=_NAME,
        problems=(NOT_FOUND, *_CHANGED),
        other_statuses=_DRY,
    )
    def delete(self, call: Call, query: ChangeQuery) -> Answer[ClashesTold] | None:
        """Delete a slice with its entries and its connections."""
        by, name = _by(call), call.path["name"]

        def make(registry: SliceRegistry) -> SliceRegistry:
            check_rule_change(registry, by, name)
            return registry.deleted(name)

        return self._removed(call, make, query, "slice_deleted")

    # ---- flowspace

    @operation("GET", _FLOWSPACE, access=_READ, parameters=_NAME, problems=(NOT_FOUND,))
    def rules(self, call: Call) -> RulesTold:
        """List the rules of a slice."""
        return RulesTold({"flowspace": [one.told() for one in self._seen(call).written]})

    @operation(
        "POST",
        _FLOWSPACE,
        status=201,
        access=_WRITE,
        parameters=_NAME,
        problems=(NOT_FOUND, *_CHANGED),
        other_statuses=_DRY,
        **_LARGE,
    )
    def add_rules(self, call: Call, body: NewRules, query: ChangeQuery) -> Answer[RulesTold]:
        """Add a rule or several to a slice: all of them, or none."""
        by, name, given = _by(call), call.path["name"], body.root
        if not isinstance(given, (dict, list)):
            raise InvalidInput((), "must be a rule, or a list of rules")

        def make(registry: SliceRegistry) -> SliceRegistry:
            check_rule_change(registry, by, name)
            return _with_rules(registry, name, given, by)

        def found(before: SliceRegistry, after: SliceRegistry) -> dict[str, Any]:
            new = (one for one in after.slice(name).written if one.rule.rule_id >= before.next_id)
            return {"flowspace": [one.told() for one in new]}

        before = self._keeper.registry
        if query.is_dry:
            made, report = self._keeper.preview(make, by, name)
            return Answer(
                RulesTold({**found(before, made), "clashes": clashes_told(report)}), status=200
            )
        seen: list[SliceRegistry] = []

        def noted(registry: SliceRegistry) -> SliceRegistry:
            seen.append(registry)
            return make(registry)

        registry = self._keeper.change(noted, "flowspace_changed", name=name)
        location = f"{_COLLECTION}/{quote(name, safe='')}/flowspace"
        return Answer(RulesTold(found(seen[0], registry)), {"Location": location})

    @operation(
        "DELETE",
        f"{_FLOWSPACE}/{{id}}",
        status=204,
        access=_WRITE,
        parameters=_RULE,
        problems=(NOT_FOUND, *_CHANGED),
        other_statuses=_DRY,
    )
    def delete_rule(self, call: Call, query: ChangeQuery) -> Answer[ClashesTold] | None:
        """Take a rule away from a slice."""
        by, name, rule_id = _by(call), call.path["name"], call.path["id"]

        def make(registry: SliceRegistry) -> SliceRegistry:
            check_rule_change(registry, by, name)
            return registry.without_rule(name, rule_id)

        return self._removed(call, make, query, "flowspace_changed")

    # ---- what the engine knows

    @operation("GET", f"{_MEMBER}/stats", **_ASKED)
    def stats(self, call: Call) -> EngineDocument:
        """Tell messages, refusals, limits used and latency added, by switch."""
        return self._asked(call, "stats")

    @operation("GET", f"{_MEMBER}/entries", **_ASKED)
    def entries(self, call: Call) -> EngineDocument:
        """Tell what the tenant has installed, and what became of it in the switches."""
        return self._asked(call, "entries")

    @operation("GET", f"{_MEMBER}/topology", **_ASKED)
    def topology(self, call: Call) -> EngineDocument:
        """Tell the switches, ports and links that the tenant sees."""
        return self._asked(call, "topology")

    # ---- how

    def _seen(self, call: Call) -> SliceRecord:
        registry, name = self._keeper.registry, call.path["name"]
        check_sight(registry, _by(call), name)
        return registry.slice(name)

    def _asked(self, call: Call, op: str) -> EngineDocument:
        return EngineDocument(self._keeper.engine.call(op, slice=self._seen(call).name))

    def _one(self, record: SliceRecord) -> SliceTold:
        with collection_paused():
            return SliceTold(told(record, self._keeper.now()))

    def _all(self, registry: SliceRegistry, found: list[SliceRecord]) -> SlicesTold:
        now = self._keeper.now()
        slices = [told(one, now) for one in sorted(found, key=lambda one: one.name)]
        return SlicesTold({"version": registry.version, "slices": slices})

    def _dry(self, make: Make, name: str, by: str | None) -> Answer[SliceTold]:
        made, report = self._keeper.preview(make, by, name)
        document = self._one(made.slice(name)).root
        return Answer(SliceTold({**document, "clashes": clashes_told(report)}), status=200)

    def _removed(
        self, call: Call, make: Make, query: ChangeQuery, kind: str
    ) -> Answer[ClashesTold] | None:
        """Delete, or tell what clashes as it is: the deletion changes the owner of that."""
        name = call.path["name"]
        if not query.is_dry:
            self._keeper.change(make, kind, name=name)
            return None
        before = self._keeper.registry
        make(before)
        report = self._keeper.clashes(before, frozenset({name}), _by(call))
        return Answer(ClashesTold(clashes_told(report)), status=200)


def _by(call: Call) -> str | None:
    """Return the slice whose token it is; None for a pilot's or a monitor's."""
    return call.principal.slice_name if call.principal.role == "slice" else None


def _with_rules(registry: SliceRegistry, name: str, given: Any, by: str | None) -> SliceRegistry:
    """Return it with more rules; of a single one the fields are named without its place."""
    try:
        return registry.with_rules(name, given if isinstance(given, list) else [given], by)
    except InvalidInput as error:
        if isinstance(given, list):
            raise
        raise InvalidInput(error.loc[1:], error.msg) from error


def _all_given(document: Any) -> tuple[int | None, list[Any]]:
    if not isinstance(document, dict):
        raise InvalidInput((), "must be an object")
    for name in document.keys() - {"version", "slices"}:
        raise InvalidInput((name,), "no such field; there are slices, version")
    slices, version = document.get("slices"), document.get("version")
    if not isinstance(slices, list):
        raise InvalidInput(("slices",), "must be a list")
    if "version" in document and (isinstance(version, str) or plain_number(version) is None):
        raise InvalidInput(("version",), "must be a whole number")
    return version, slices


def resources(keeper: SliceKeeper) -> list[Resource]:
    """Return the resources of the slices that ``keeper`` has."""
    return resources_of(SliceOperations(keeper))


class _Nobody:
    """Keeps no slices: somebody else answers in its place."""

    def __getattr__(self, name: str) -> Any:
        raise TypeError("these resources are declared here, and served elsewhere")


def declared() -> list[Resource]:
    """Return the resources of slices as they are declared, for whoever replaces their handlers."""
    nobody: Any = _Nobody()
    return resources(nobody)
