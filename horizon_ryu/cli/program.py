"""Program ``horizonctl``: an interrupt while the rest of it is loaded ends it without a word."""

from __future__ import annotations

from collections.abc import Callable

from xen_bridge.serving.loading import run_loaded


def _load() -> Callable[[], object]:
    from horizon_ryu.cli.main import main

    return main


def run() -> None:
    """Run ``horizonctl``."""
    run_loaded(_load)


if __name__ == "__main__":
    run()
