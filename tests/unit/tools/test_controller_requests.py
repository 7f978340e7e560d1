"""Requests to a controller in its own process: what was refused leaves no socket open."""

from __future__ import annotations

import os
import threading
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tools.controller_process import ControllerProcess, wait_until


class Refusing(BaseHTTPRequestHandler):
    """Answers whatever is asked for with 404 and a body."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"there is none")

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[ControllerProcess]:
    made = ControllerProcess(tmp_path)
    with HTTPServer(("127.0.0.1", made.rest_port), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_an_error_tells_all_and_holds_no_socket(controller: ControllerProcess) -> None:
    before = descriptors()
    with pytest.raises(urllib.error.HTTPError) as refused:
        controller.get("/v1/none")
    # The server's end, which is ours here as well, is closed a moment after it was read to its end.
    wait_until(lambda: descriptors() == before, 60, "no socket is left open")
    assert refused.value.code == 404
    assert refused.value.read() == b"there is none"
