"""The controller's OpenFlow side, without Ryu, on the runtime named: ``green`` or ``threads``.

``python -m on_threads.frames RUNTIME`` tells its port and ends with its standard input.
"""

from __future__ import annotations

import importlib
import sys

from on_threads.openflow import Controller
from xen_bridge.runtime.port import Runtime

RUNTIMES = {"green": "GreenRuntime", "threads": "ThreadRuntime"}


def main(name: str) -> None:
    """Serve until nobody is there any more."""
    runtime: Runtime = getattr(
        importlib.import_module(f"xen_bridge.runtime.{name}"), RUNTIMES[name]
    )()
    print(Controller(runtime).port, flush=True)
    runtime.in_thread(sys.stdin.read)


if __name__ == "__main__":
    main(sys.argv[1])
