"""``python -m experiments`` is ``horizonctl experiment``."""

from __future__ import annotations

from collections.abc import Callable

from xen_bridge.serving.loading import run_loaded


def _load() -> Callable[[], object]:
    from experiments.command import experiment

    return experiment


if __name__ == "__main__":
    run_loaded(_load)
