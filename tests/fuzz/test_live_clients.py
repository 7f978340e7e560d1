"""Clients that are greedy or silent, on real processes: nobody else suffers, nothing ends."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from tools.bridge_process import BridgeProcess
from tools.controller_process import ControllerProcess, wait_until
from virtual_switch.blocking import SocketSwitch, connected_switch
from xen_bridge.protocol.documents.domains import GetNode
from xen_bridge.trust.identity import CERTIFICATE_FILE, KEY_FILE, Identity

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
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), 60)))
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
def guarded(tmp_path: Path, forked_controllers: None) -> Iterator[ControllerProcess]:
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


def expect_well(controller: ControllerProcess) -> None:
    """It answers, and is well as soon as the machine lets its loops turn in time."""
    wait_until(lambda: controller.get("/v1/health")["status"] == "ok", 60, "it is well")


@pytest.fixture
def narrow(tmp_path: Path, forked_controllers: None) -> Iterator[ControllerProcess]:
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
    expect_well(narrow)
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


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def _reset(link: socket.socket) -> None:
    """End a connection with a reset, as a client that is killed does."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def _client_hello() -> bytes:
    """Return what a TLS client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("killed_after", [0, 3, None], ids=["nothing", "some bytes", "its hello"])
def test_tls_handshakes_that_are_killed_leave_no_descriptor(
    tmp_path: Path, killed_after: int | None
) -> None:
    controller = Identity.create(tmp_path / "controller")
    hello = _client_hello()
    with BridgeProcess(tmp_path / "host", controller) as bridge:
        with closing(bridge.client()) as client:
            assert client.ask(GetNode()).host is not None
        before = _descriptors(bridge.pid)
        for _ in range(4):
            links = [socket.create_connection(("127.0.0.1", bridge.port), 60) for _ in range(150)]
            for link in links:
                link.sendall(hello[:killed_after])
            for link in links:
                _reset(link)
        wait_until(lambda: _descriptors(bridge.pid) <= before + 8, 60, "descriptors are given back")
        with closing(bridge.client()) as client:
            assert client.ask(GetNode()).host is not None


def test_one_key_does_not_take_all_places_of_a_bridge(tmp_path: Path) -> None:
    greedy, other = (Identity.create(tmp_path / name) for name in ("greedy", "other"))
    half = b"POST /messages HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf"
    with (
        BridgeProcess(tmp_path / "host", greedy, descriptors=DESCRIPTORS) as bridge,
        ExitStack() as stack,
    ):
        bridge.authorize(other)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(*_files(tmp_path / "greedy"))
        for _ in range(SILENT):
            link = context.wrap_socket(socket.create_connection(("127.0.0.1", bridge.port), 60))
            stack.enter_context(closing(link))
            with suppress(OSError):
                link.sendall(half)
        client = stack.enter_context(closing(bridge.client(other)))
        assert client.ask(GetNode()).host is not None


def _files(folder: Path) -> tuple[Path, Path]:
    """Return the files of an identity: certificate and key."""
    return folder / CERTIFICATE_FILE, folder / KEY_FILE


@pytest.mark.parametrize(
    "said",
    [
        b"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\nhalf",
        b"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200,
        b"GET /v1/health HTTP/1.1\r\nHost: loc",
    ],
    ids=["half a body", "half of its chunks", "answers unread", "half a header"],
)
def test_clients_that_stop_in_the_middle_shut_nobody_out(
    narrow: ControllerProcess, said: bytes
) -> None:
    with silent(narrow.rest_port) as links:
        for link in links:
            with suppress(OSError):
                link.settimeout(0.1)
                link.sendall(said)
        for _ in range(3):
            expect_well(narrow)
    assert narrow.stop() == 0
    assert "Traceback" not in narrow.log()


@pytest.mark.parametrize(
    "endless",
    [
        b"1;" + b"x=y;" * 64 + b"\r\n.\r\n",
        b"1\r\n.\r\n",
        b"0\r\n" + b"X-Trailer: y\r\n" * 64,
    ],
    ids=["chunk extensions", "1-byte chunks", "trailers"],
)
def test_chunks_without_end_hold_nobody_up(guarded: ControllerProcess, endless: bytes) -> None:
    head = (
        b"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    link = socket.create_connection(("127.0.0.1", guarded.rest_port), 60)
    with (
        connected_switch(guarded.openflow_port, 0x51) as switch,
        Sender(link, head + endless * (8_000_000 // len(endless))),
    ):
        for _ in range(3):
            guarded.get("/v1/health")
            switch.echo()
    assert guarded.stop() == 0
    assert "Traceback" not in guarded.log()
