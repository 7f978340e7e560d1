"""Moves of a virtual router by REST, as its experiments make them on every substrate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

_ENDED = ("done", "rolled_back", "failed", "refused")

Ask = Callable[[str, str, Any], Any]
"""Asks the controller: method, path below ``/v1``, body; returns the answer."""


class Wait(Protocol):
    """Returns the first true value of a condition; AssertionError after so many seconds."""

    def __call__(self, condition: Callable[[], Any], seconds: float, what: str, /) -> Any:
        """``what`` is waited for."""


def move_router(
    ask: Ask, wait: Wait, seconds: float, where: str, wish: Mapping[str, Any]
) -> dict[str, Any]:
    """Move a router and return how that went; RuntimeError if it did not end well.

    ``where``: its path below ``/v1``; ``wish``: what is asked for; ``seconds``: for the whole move.
    """
    begun = ask("POST", f"{where}/migrations", dict(wish))

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = ask("GET", f"/migrations/{begun['id']}", None)
        return found if found["state"] in _ENDED else None

    done: dict[str, Any] = wait(ended, seconds, f"migration {begun['id']} has ended")
    if done["state"] != "done":
        raise RuntimeError(f"migration {done['id']}: {done['state']}, {done['problem']}")
    return done


def values_of_move(done: Mapping[str, Any], sent: int, lost: int, rate: float) -> dict[str, float]:
    """Return what a move is measured by; ``rate``: datagrams sent per second, of all directions."""
    return {
        "total_ms": float(done["duration_ms"]),
        "pause_ms": float(done["pause_ms"]),
        "downtime_ms": 1000 * lost / rate if rate else 0.0,
        "lost": float(lost),
        "sent": float(sent),
    }
