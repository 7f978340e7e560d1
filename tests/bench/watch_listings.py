"""Runs inside the controller: the processor time that each answer takes of the event loop's thread.

Time of native threads is not in it; that of tasks which have their turns while the answer is
made is, so the least of several answers counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from webob import Request, Response

from bench.controller import report
from horizon_ryu.app import HorizonApp
from horizon_ryu.http.router import Router


class Watch(HorizonApp):
    """Times the router, and what it returns while that is sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        respond = Router.respond

        def timed(router: Router, request: Request) -> Response:
            start = time.thread_time()
            response = respond(router, request)
            response.app_iter = _timed(response.app_iter, time.thread_time() - start)
            return response

        Router.respond = timed  # type: ignore[method-assign]


def _timed(parts: Iterable[bytes], spent: float) -> Iterator[bytes]:
    waiting = iter(parts)
    while True:
        start = time.thread_time()
        part = next(waiting, None)
        spent += time.thread_time() - start
        if part is None:
            report(hub_ms=1000 * spent)
            return
        yield part
