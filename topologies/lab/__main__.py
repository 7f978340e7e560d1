"""``python -m topologies.lab``: the lab by hand."""

from __future__ import annotations

from collections.abc import Callable

from xen_bridge.serving.loading import run_loaded


def _load() -> Callable[[], None]:
    from topologies.lab.command import run

    return run


if __name__ == "__main__":
    run_loaded(_load)
