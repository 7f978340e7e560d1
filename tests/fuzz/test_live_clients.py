"""Clients that are greedy or silent, on real processes: nobody else suffers, nothing ends."""

from __future__ import annotations

import base64
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from tools.bridge_process import BridgeProcess
from tools.controller_process import ControllerProcess, wait_until
from virtual_switch.blocking import SocketSwitch, connected_switch
from xen_bridge.protocol.documents.domains import GetNode
from xen_bridge.trust.identity import Identity

APPS = ("horizon_ryu.switches",)
"""Nothing that our switches, which answer little, would be closed for."""
DESCRIPTORS = 256
SILENT = 300
"""More than there are descriptors."""
REQUESTS = 20_000
FRAMES = 2_000_000
TOKEN = "monitor-token-0001"


@contextmanager
def silent(port: int, count: int = SILENT) -> Iterator[list[socket.socket]]:
    """Connect ``count`` times and say nothing."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), 10)))
            for _ in range(count)
        ]


class Sender:
    """Sends ``data`` from a thread, and reads whatever comes back, until it is ended."""

    def __init__(self, link: socket.socket, data: bytes) -> None:
        self.link = link
        self.received = 0
        self.is_done = False
        self._data = data
        self._threads = [threading.Thread(target=run) for run in (self._send, self._read)]

    def __enter__(self) -> Sender:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self.link.close()

    def _send(self) -> None:
        try:
            self.link.sendall(self._data)
        except OSError:
            return
        self.is_done = True

    def _read(self) -> None:
        try:
            while got := self.link.recv(1 << 20):
                self.received += got.count(b"HTTP/1.1 401")
        except OSError:
            return


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[ControllerProcess]:
    """A controller that asks for tokens, and ends itself when its hub stands still."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"monitor {TOKEN}\n", encoding="utf-8")
    tokens.chmod(0o600)
    config = f"[guard]\nwatchdog = 8\n[rest]\ntokens_file = {tokens}\n"
    controller = ControllerProcess(tmp_path, APPS, config)
    controller.request = _authorized(controller)  # type: ignore[method-assign]
    with controller:
        yield controller


def _authorized(controller: ControllerProcess):  # type: ignore[no-untyped-def]
    import urllib.request

    def request(method: str, path: str, *_: object) -> bytes:
        asked = urllib.request.Request(
            controller.url + path, headers={"Authorization": f"Bearer {TOKEN}"}, method=method
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return bytes(answer.read())

    return request


def test_requests_in_a_row_on_one_connection_hold_nobody_up(guarded: ControllerProcess) -> None:
    ask = b"GET /v1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    link = socket.create_connection(("127.0.0.1", guarded.rest_port), 60)
    with (
        connected_switch(guarded.openflow_port, 0x51) as switch,
        Sender(link, ask * REQUESTS) as greedy,
    ):
        wait_until(lambda: greedy.received > 100, 60, "the first are answered")
        for _ in range(3):
            guarded.get("/v1/health")
            switch.echo()
        assert greedy.received < REQUESTS
    assert guarded.stop() == 0


def test_frames_without_end_from_one_event_client_hold_nobody_up(
    guarded: ControllerProcess,
) -> None:
    link = _event_client(guarded.rest_port)
    empty = b"\x82\x80\x00\x00\x00\x00"
    with (
        connected_switch(guarded.openflow_port, 0x51) as switch,
        Sender(link, empty * FRAMES) as greedy,
    ):
        for _ in range(3):
            guarded.get("/v1/health")
            switch.echo()
        assert not greedy.is_done
    assert guarded.stop() == 0


def _event_client(port: int) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port), 60)
    key = base64.b64encode(os.urandom(16)).decode()
    link.sendall(
        f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    assert link.recv(4096).startswith(b"HTTP/1.1 101")
    return link


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[ControllerProcess]:
    """A controller with few descriptors."""
    with ControllerProcess(tmp_path, APPS, descriptors=DESCRIPTORS) as controller:
        yield controller


@pytest.mark.parametrize("attacked", ["openflow_port", "rest_port"])
def test_silent_connections_shut_nobody_out(narrow: ControllerProcess, attacked: str) -> None:
    with (
        connected_switch(narrow.openflow_port, 0x51) as switch,
        silent(getattr(narrow, attacked)),
    ):
        for dpid in (1, 2, 3):
            assert narrow.get("/v1/health")
            with connected_switch(narrow.openflow_port, dpid) as newcomer:
                newcomer.echo()
            switch.echo()
    assert narrow.get("/v1/health")["status"] == "ok"
    assert narrow.stop() == 0
    assert "Traceback" not in narrow.log()


def test_both_ports_under_silent_connections_at_once(narrow: ControllerProcess) -> None:
    with silent(narrow.openflow_port), silent(narrow.rest_port):
        assert narrow.get("/v1/health")
        with connected_switch(narrow.openflow_port, 1) as newcomer:
            newcomer.echo()
    assert narrow.stop() == 0


def test_a_switch_that_says_nothing_is_closed(narrow: ControllerProcess) -> None:
    SocketSwitch(narrow.openflow_port).wait_closed(30)


def test_silent_connections_do_not_shut_a_bridge(tmp_path: Path) -> None:
    controller = Identity.create(tmp_path / "controller")
    with (
        BridgeProcess(tmp_path / "host", controller, descriptors=DESCRIPTORS) as bridge,
        silent(bridge.port),
        closing(bridge.client()) as client,
    ):
        assert client.ask(GetNode()).host is not None
        with closing(bridge.client()) as newcomer:
            assert newcomer.ask(GetNode()).host is not None
