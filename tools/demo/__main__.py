"""``python -m tools.demo``: the demonstration."""

from __future__ import annotations

import sys
from collections.abc import Callable

from xen_bridge.serving.loading import run_loaded


def _load() -> Callable[[], int]:
    from tools.demo.demonstration import main

    return main


if __name__ == "__main__":
    sys.exit(run_loaded(_load))
