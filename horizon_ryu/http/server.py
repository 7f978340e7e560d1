"""The web server of the controller, in the place of Ryu's: no client keeps it for itself.

Ryu's ends for good at the first error of accept, and gives no connection a deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from ryu import cfg
from ryu.app import wsgi

from horizon_ryu.core.errors import UnknownRyu
from xen_bridge.runtime.port import Runtime
from xen_bridge.serving.accepting import listen
from xen_bridge.serving.http import DEFAULT_LIMITS, HttpLimits, HttpServer
from xen_bridge.serving.room import Room

BACKLOG = 256
_START, _SERVER = "start_service", "WSGIServer"


Run: TypeAlias = Callable[[Callable[[], None]], object]
"""Runs a function that accepts connections until it is killed."""


def _run(serve: Callable[[], None]) -> None:
    serve()


class RestServer(HttpServer):
    """Takes the place of Ryu's WSGIServer: it is called to serve."""

    def __init__(
        self,
        runtime: Runtime,
        room: Room,
        failed: Callable[[Exception], None],
        application: Any,
        address: tuple[str, int] | None = None,
        limits: HttpLimits = DEFAULT_LIMITS,
        serving: Callable[[tuple[Any, ...]], None] | None = None,
        run: Run = _run,
    ) -> None:
        """Listen on ``address``, by default that of Ryu's options; ``serving`` is told it later.

        ``run`` runs what accepts connections.
        """
        self._run = run
        where = address or (cfg.CONF.wsapi_host, cfg.CONF.wsapi_port)
        listening = listen(runtime, where, BACKLOG)
        self._serving, self._where = serving, listening.getsockname()
        super().__init__(runtime, listening, application, room, failed, limits=limits)

    def __call__(self) -> None:
        """Serve until killed."""
        if self._serving is not None:
            self._serving(self._where)
        self._run(self.serve_forever)


def install(
    runtime: Runtime,
    room: Room,
    failed: Callable[[Exception], None],
    serving: Callable[[tuple[Any, ...]], None],
    run: Run = _run,
) -> None:
    """Have Ryu serve with :class:`RestServer`; UnknownRyu if it would not.

    ``failed`` is told of the errors of the listening socket, ``serving`` of its address, once
    everything that Ryu started before runs as well. ``run`` runs what accepts connections.
    """
    if not hasattr(wsgi, _SERVER) or _SERVER not in wsgi.start_service.__code__.co_names:
        raise UnknownRyu(f"Ryu's {_START} does not use {_SERVER}")
    wsgi.WSGIServer = partial(RestServer, runtime, room, failed, serving=serving, run=run)
