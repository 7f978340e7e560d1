"""``xen-bridge`` on native threads, in a process where neither eventlet nor greenlet exists.

``python -m on_threads.bridge serve|agent --uri URI --port PORT --directory FOLDER``.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

for absent in ("eventlet", "greenlet", "ryu"):
    sys.modules[absent] = None  # type: ignore[assignment]

import click  # noqa: E402

from on_threads.http_server import serve as serve_http  # noqa: E402
from xen_bridge.dom0.allowed_paths import DEFAULT, AllowedPaths, allowed_path  # noqa: E402
from xen_bridge.nodes import domain_0  # noqa: E402
from xen_bridge.router_node import virtual_router  # noqa: E402
from xen_bridge.runtime.threads import ThreadRuntime  # noqa: E402
from xen_bridge.server.running import run  # noqa: E402


@click.command()
@click.argument("kind", type=click.Choice(["serve", "agent"]))
@click.option("--uri", default="memory:///one")
@click.option("--verbose", is_flag=True)
@click.option("--port", type=int, default=0)
@click.option("--directory", type=click.Path(path_type=Path), required=True)
def main(kind: str, uri: str, verbose: bool, port: int, directory: Path) -> None:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING)
    runtime = ThreadRuntime()
    allowed = AllowedPaths(allowed_path(text) for text in DEFAULT)
    node: Any
    if kind == "serve":
        node = domain_0(directory, uri, allowed, runtime, serve_http)
    else:
        node = virtual_router(directory, runtime, serve_http)
    run(node, "127.0.0.1", port, click.echo)


if __name__ == "__main__":
    main()
