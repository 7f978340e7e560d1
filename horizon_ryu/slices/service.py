"""Slices of one slicer: changed, kept, and in force in its engine.

A change is made in this order: judged, kept by the store, carried out by the engine. What the
engine refuses is taken back from the store; what it cannot be told, since it is away, stays kept
and is told as soon as it is back. One change is made at a time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from horizon_ryu.core.collection_pause import collection_paused
from horizon_ryu.core.errors import (
    Conflict,
    EngineAway,
    HorizonError,
    InvalidInput,
    StoreError,
    SwitchError,
)
from horizon_ryu.core.slicing.clashes import ClashReport, clash_report
from horizon_ryu.core.slicing.expiry_clock import ExpiryClock, moved
from horizon_ryu.core.slicing.slice_document import refuse_tls
from horizon_ryu.core.slicing.slice_registry import SliceRegistry
from horizon_ryu.slices.slice_rows import SliceStore, difference, registry_of
from xen_bridge.runtime.port import Runtime

_T = TypeVar("_T")
LOG = logging.getLogger("horizon.slices")
LOOK_SECONDS = 1.0
"""Between two looks at the engine."""
APPLIED = "applied"
Make = Callable[[SliceRegistry], SliceRegistry]
Publish = Callable[[str, Mapping[str, Any]], object]


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class EngineControl(Protocol):
    """The channel to the engine; see :mod:`horizon_ryu.slices.engine_client`."""

    def call(self, op: str, /, **fields: Any) -> Any:
        """Return the result of an operation; EngineAway, InvalidInput or Conflict."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What the engine said of itself the last time; ``trouble``: why it could not be asked."""

    told: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    trouble: str | None = "it has not been asked yet"


class SliceService:
    """Holds the registry that is in force."""

    def __init__(
        self,
        store: SliceStore,
        engine: EngineControl,
        publish: Publish,
        runtime: Runtime,
        elapsed: Callable[[], float] = _since_boot,
    ) -> None:
        """StoreError if what the store has cannot be read.

        ``elapsed`` counts seconds, also those in which the machine sleeps.
        """
        self._store = store
        self.engine = engine
        self._publish = publish
        self._runtime = runtime
        self._elapsed = elapsed
        self._clock = ExpiryClock(runtime.wall(), elapsed())
        self._changing = runtime.semaphore()
        self.registry = registry_of(store.slice_rows())
        self.status = EngineStatus()
        self._has_met = False

    def now(self) -> float:
        """Return the seconds since 1970, which slices expire by."""
        return self._clock.now(self._elapsed())

    # ---- changes

    def change(self, make: Make, kind: str, **about: Any) -> SliceRegistry:
        """Put in force what ``make`` makes of the registry, and tell of it; return that.

        Whatever ``make`` raises, and StoreError: nothing is changed. SwitchError: kept, and in
        force but for that switch. EngineAway: kept, and not yet in force.
        """
        with self._changing:
            old = self.registry
            new = self._made(make, old)
            if new is old:
                return old
            self._keep(old, new)
            try:
                self._tell_engine(new)
            except InvalidInput as error:
                self._keep(new, replace(old, version=new.version))
                raise _as_given(error, new, about.get("name")) from error
            finally:
                if self.registry is new:
                    self._publish(kind, about)
        return new

    def preview(
        self, make: Make, by: str | None, name: str | None = None
    ) -> tuple[SliceRegistry, ClashReport]:
        """Return what would be in force, and how the slice ``name``, or each, would clash in it.

        Whatever ``make`` raises, and InvalidInput for what the engine is known to refuse.
        """
        new = self._made(make, self.registry)
        try:
            self._check_authority(new)
        except InvalidInput as error:
            raise _as_given(error, new, name) from error
        return new, self.clashes(new, frozenset(new.slices if name is None else (name,)), by)

    def _check_authority(self, registry: SliceRegistry) -> None:
        """Refuse controllers over TLS where the engine has said that it can verify none."""
        if self.status.told.get("tls", {}).get("tenants", True):
            return
        for at, one in enumerate(registry.slices.values()):
            refuse_tls(one.settings, ("slices", at))

    def clashes(
        self, registry: SliceRegistry, names: Collection[str], by: str | None
    ) -> ClashReport:
        """Return how slices clash with others, of those that ``by`` sees."""
        report: ClashReport = self._runtime.in_thread(clash_report, registry, names, by)
        return report

    def _made(self, make: Callable[..., _T], *values: Any) -> _T:
        """Return what ``make`` makes of values, of thousands of objects, in a thread."""
        made: _T = self._runtime.in_thread(collection_paused()(make), *values)
        return made

    def _keep(self, old: SliceRegistry, new: SliceRegistry) -> None:
        self._store.put_slice_rows(self._made(difference, old, new))
        self.registry = new

    def _tell_engine(self, registry: SliceRegistry) -> None:
        """Have the engine work by a registry; EngineAway, InvalidInput, SwitchError."""
        document = self._made(SliceRegistry.engine_document, registry)
        try:
            result = self.engine.call("configure", document=document)
        except (EngineAway, Conflict) as error:
            self._away(str(error))
            raise EngineAway(
                f"the change is kept, and in force as soon as the engine can be told: {error}"
            ) from error
        for dpid, state in sorted(dict(result.get("switches", {})).items()):
            if state != APPLIED:
                raise SwitchError(
                    int(dpid, 16), f"{state}; the change is kept, and in force elsewhere"
                )

    # ---- what happens by itself

    def look(self) -> None:
        """See how the engine is, once, and tell it what it does not know yet."""
        try:
            told = self.engine.call("status")
        except HorizonError as error:
            self._away(str(error))
            return
        version = int(told.get("version") or 0)
        if not self._has_met and version > self.registry.version:
            self._outnumber(version)
        self._has_met = True
        if version < self.registry.version:
            self._catch_up()
        elif version > self.registry.version:
            self._away(f"it works by version {version} of somebody else")
            return
        if self.status.trouble is not None:
            LOG.info("the engine answers, process %s", told.get("pid"))
        self.status = EngineStatus(MappingProxyType(dict(told)), None)

    def expire(self) -> None:
        """Let go the slices whose time is over; StoreError where the clock was set, again later."""
        self._follow_clock()
        first, now = self.registry.first_expiry(), self.now()
        if first is None or first > now:
            return
        over = sorted(self.registry.slices.keys() - self.registry.expired(now).slices.keys())
        try:
            self.change(lambda registry: registry.expired(now), "slice_expired", names=over)
        except (EngineAway, SwitchError) as error:
            LOG.warning("slices %s have expired: %s", ", ".join(over), error)

    def _follow_clock(self) -> None:
        """Have slices expire as much later, or earlier, as the machine's clock was set by."""
        with self._changing:
            step = self._clock.step(self._runtime.wall(), self._elapsed())
            if not step:
                return
            if self.registry.first_expiry() is not None:
                self._keep(self.registry, moved(self.registry, step))
                LOG.warning("the clock was set by %+.0f s: slices expire as they would have", step)
            self._clock.follow(step)

    def _outnumber(self, version: int) -> None:
        """Take a higher version than the engine that was found: the store may be an older one."""
        with self._changing:
            self._keep(self.registry, replace(self.registry, version=version + 1))

    def _catch_up(self) -> None:
        with self._changing:
            try:
                self._tell_engine(self.registry)
            except (EngineAway, InvalidInput, SwitchError, StoreError) as error:
                LOG.warning("the engine was told of the slices: %s", error)

    def _away(self, reason: str) -> None:
        if self.status.trouble != reason:
            LOG.warning("the slicer's engine is away: %s", reason)
        self.status = EngineStatus(self.status.told, reason)


def _as_given(error: InvalidInput, told: SliceRegistry, name: str | None) -> InvalidInput:
    """Return the engine's error with the place in the slice ``name``, if that is what it is about.

    The engine is told all slices; who changes one knows nothing of their order.
    """
    match error.loc:
        case ("slices", int(at), *place) if [*told.slices][at : at + 1] == [name]:
            return InvalidInput(tuple(place), error.msg)
    return error
