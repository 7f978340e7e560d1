"""Events of router migrations: their kinds and their data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.xen.router_migration import RouterMigration, State, step_news

Publish = Callable[[str, Mapping[str, Any]], None]

_KINDS: Mapping[State, str] = MappingProxyType(
    {
        "installing": "migration_begun",
        "committed": "migration_committed",
        "aborting": "migration_aborting",
        "done": "migration_done",
        "rolled_back": "migration_rolled_back",
        "failed": "migration_failed",
    }
)


def tell(publish: Publish, before: RouterMigration, now: RouterMigration) -> None:
    """Publish what is new of a migration: its steps in their order, then its state.

    Kinds: ``migration_begun``, ``migration_step``, ``migration_committed`` (it is not taken back
    any more), ``migration_aborting``, ``migration_silent`` and ``migration_heard`` (the source does
    not tell how far it is, and tells again), ``migration_unsettled`` and ``migration_settled``
    (something is tried in vain, and is not any more), ``migration_done``,
    ``migration_rolled_back``, ``migration_failed``.
    """
    about = {
        "id": now.id,
        "kind": "router",
        "host": now.asked.host,
        "domain": now.name,
        "destination": now.asked.destination,
    }
    is_new = before.state != now.state and now.state in _KINDS
    if is_new and not before.steps and not now.is_final:
        publish(_KINDS[now.state], {**about, **_outcome(now)})
        is_new = False
    for step in step_news(before.steps, now.steps):
        times = {"began_s": step.began_s, "ended_s": step.ended_s}
        data = {"step": step.name, "state": step.state, **times, "detail": step.detail}
        publish("migration_step", {**about, **data})
    if (before.silence is None) != (now.silence is None) and not now.is_final:
        kind = "migration_heard" if now.silence is None else "migration_silent"
        publish(kind, {**about, "reason": now.silence or ""})
    if (before.unsettled is None) != (now.unsettled is None) and not now.is_final:
        kind = "migration_settled" if now.unsettled is None else "migration_unsettled"
        publish(kind, {**about, "reason": now.unsettled or ""})
    if is_new:
        publish(_KINDS[now.state], {**about, **_outcome(now)})


def _outcome(now: RouterMigration) -> dict[str, Any]:
    return {
        "state": now.state,
        "mode": now.asked.mode,
        "duration_ms": now.duration_ms,
        "pause_ms": now.pause_ms,
        "lost": now.lost,
        "problem": now.problem,
    }
