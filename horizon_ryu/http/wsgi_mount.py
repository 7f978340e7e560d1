"""Mounts the router on Ryu's web server, beside the REST applications of Ryu's users.

Their routes come first: the router gets what nobody else wants, and answers the rest with a
problem document. Only what it serves itself asks for a token.
"""

from __future__ import annotations

from typing import Any

from ryu import cfg
from ryu.app.wsgi import ControllerBase, WSGIApplication
from webob import Request, Response

from horizon_ryu.http.host_check import check_listening
from horizon_ryu.http.problem import TIMEOUT, UNPARSABLE, ProblemError
from horizon_ryu.http.request import read_stream
from horizon_ryu.http.router import Router
from xen_bridge.runtime.port import Runtime

DEFAULT_HOST = "127.0.0.1"
BODY_SECONDS = 10.0
"""For the whole body of a request to arrive."""
_CLOSE = {"Connection": "close"}


class _Late(Exception):
    """The body did not come in time."""


def mount(wsgi: WSGIApplication, router: Router) -> None:
    """Serve ``router`` on ``wsgi``; UnsafeListening where that would be open to everybody.

    Ryu listens on all addresses by default: here on the loopback address unless configured.
    """
    cfg.CONF.set_default("wsapi_host", DEFAULT_HOST)
    check_listening(cfg.CONF.wsapi_host, router.protected)
    wsgi.mapper = _LastResort(wsgi.mapper, _controller(router))


def read_body_in_time(runtime: Runtime, request: Request, size: int) -> bytes:
    """Return at most ``size`` bytes of the body, which must have come within 10 s."""
    try:
        with runtime.timeout(BODY_SECONDS, _Late()):
            return read_stream(request, size)
    except _Late as error:
        raise ProblemError(
            TIMEOUT, f"It took more than {BODY_SECONDS:g} s.", headers=_CLOSE
        ) from error
    except (OSError, ValueError) as error:
        # Nobody can tell where such a body ends, so nothing can follow it.
        raise ProblemError(
            UNPARSABLE,
            "The body did not arrive whole, or its chunks are malformed.",
            headers=_CLOSE,
        ) from error


class _LastResort:
    """A mapper of Ryu's web server that, where the real one knows nothing, says ``controller``."""

    def __init__(self, mapper: Any, controller: type) -> None:
        self._mapper = mapper
        self._found = {"controller": controller, "action": "index"}

    def match(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return what the real mapper finds, else our controller."""
        try:
            found = self._mapper.match(*args, **kwargs)
        except UnicodeError:
            # The path is not UTF-8: our router answers that with a problem document.
            found = None
        return found or dict(self._found)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mapper, name)


def _controller(router: Router) -> type:
    class HorizonController(ControllerBase):
        """Hands each request to the router."""

        def __call__(self, request: Request) -> Response:
            return router.respond(request)

    return HorizonController
