"""The timers of an application as a resource: read them, change some or all of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Protocol, TypeVar

from horizon_ryu.core.timers import DiscoveryTimers, StatsTimers, TreeTimers, XenTimers
from horizon_ryu.rest.model import Model
from horizon_ryu.rest.problem import STORE_FAILED
from horizon_ryu.rest.resource import Call, Resource

Timers = TypeVar("Timers", DiscoveryTimers, StatsTimers, TreeTimers, XenTimers)


class TimersProvider(Protocol[Timers]):
    """Who has timers."""

    def timers(self) -> Timers:
        """Return the timers in force."""

    def set_timers(self, timers: Timers) -> None:
        """Put other timers in force and keep them; StoreError, and none of both is done."""


def timers_resources(
    path: str,
    provider: TimersProvider[Timers],
    model: type[Model],
    patch: type[Model],
    tag: str,
) -> list[Resource]:
    """Return GET and PATCH of the timers; ``patch`` has the fields of ``model``, all optional."""

    def read(_call: Call) -> Model:
        return model(**asdict(provider.timers()))

    def change(call: Call) -> Model:
        given = call.body(patch).model_dump(exclude_unset=True)
        if given:
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
            problems=(STORE_FAILED,),
            summary="Change some of the timers; all or none of them take effect",
            tag=tag,
        ),
    ]
