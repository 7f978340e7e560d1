"""Timers of an application as a resource: read them, change some or all of them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import asdict, fields, replace
from functools import cache
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import Field, create_model

from horizon_ryu.core.timers import DiscoveryTimers, StatsTimers, TreeTimers, XenTimers
from horizon_ryu.http.problem import STORE_WRITE
from horizon_ryu.http.resource import Call, Resource
from horizon_ryu.rest.model import Model, optional

Timers = TypeVar("Timers", DiscoveryTimers, StatsTimers, TreeTimers, XenTimers)


class TimersProvider(Protocol[Timers]):
    """An application that has timers; ``changing`` lets in one change of its settings at a time."""

    @property
    def changing(self) -> AbstractContextManager[Any]:
        """What a change is made under: the store takes its time, others would come in between."""

    def timers(self) -> Timers:
        """Return the timers in force."""

    def set_timers(self, timers: Timers) -> None:
        """Put other timers in force and keep them; StoreError, and none of both is done."""


def timers_resources(
    path: str, provider: TimersProvider[Timers], kind: type[Timers], tag: str
) -> list[Resource]:
    """Return GET and PATCH of the timers that ``kind`` declares."""
    # A class is hashable; mypy judges that by the __hash__ of its instances.
    declared: Any = kind
    model, patch = _model(declared), _patch(declared)

    def read(_call: Call) -> Model:
        return model(**asdict(provider.timers()))

    def change(call: Call) -> Model:
        given = call.body(patch).model_dump(exclude_unset=True)
        if given:
            with provider.changing:
                provider.set_timers(replace(provider.timers(), **given))
        return read(call)

    return [
        Resource(
            method="GET",
            path=path,
            handler=read,
            response=model,
            summary="Read the timers, in seconds",
            tag=tag,
        ),
        Resource(
            method="PATCH",
            path=path,
            handler=change,
            request=patch,
            response=model,
            problems=STORE_WRITE,
            summary="Change some of the timers; all or none of them take effect",
            tag=tag,
        ),
    ]


@cache
def _model(kind: type) -> type[Model]:
    """Return the document of all timers of a class."""
    declared: dict[str, Any] = {
        item.name: (_within(item.metadata), Field(description=item.metadata["help"]))
        for item in fields(kind)
    }
    return create_model(f"{kind.__name__}Model", __base__=Model, __doc__=kind.__doc__, **declared)


@cache
def _patch(kind: type) -> type[Model]:
    """Return the document of a change: the same timers, each of which may be left out."""
    text = "The timers to be changed; the others stay."
    declared: dict[str, Any] = {
        item.name: (_within(item.metadata), optional(description=item.metadata["help"]))
        for item in fields(kind)
    }
    return create_model(f"{kind.__name__}Patch", __base__=Model, __doc__=text, **declared)


def _within(about: Any) -> Any:
    return Annotated[float, Field(ge=about["min"], le=about["max"])]
