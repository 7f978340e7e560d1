"""A real controller is told to end while a write of its store waits in the kernel, for ever."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from own_disk import OwnDisk, own_disk
from tools.controller_process import ControllerProcess, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]
WITHIN = 60.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[OwnDisk]:
    with own_disk(tmp_path) as made:
        yield made


def is_over(pid: int) -> bool:
    """Tell whether a process has ended but for threads that the kernel does not let go."""
    with suppress(OSError):
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return True


def hung_up(connection: socket.socket) -> bool:
    """Tell whether the peer has closed."""
    connection.setblocking(False)
    try:
        return connection.recv(4096) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("is_asked", [False, True])
def test_it_ends_and_says_what_is_not_written(
    tmp_path: Path, disk: OwnDisk, is_asked: bool
) -> None:
    """Whether a client had asked for a change, or its own last one is the first to wait."""
    controller = ControllerProcess(tmp_path, store=disk.folder / "horizon.sqlite")
    controller.start()
    pid = controller.pid
    switch = socket.create_connection(("127.0.0.1", controller.openflow_port))
    try:
        disk.freeze()
        if is_asked:
            rest = socket.create_connection(("127.0.0.1", controller.rest_port))
            body = b'{"name": "blue", "definition": {"vlan": 5}}'
            head = b"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
            rest.sendall(head % len(body) + b"Content-Type: application/json\r\n\r\n" + body)
            wait_until(lambda: waits_in_kernel(pid), WITHIN, "it writes")
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: is_over(pid), WITHIN, "it is over")
        # Its threads are not: yet nobody's connection hangs, and others can have its ports.
        wait_until(lambda: hung_up(switch), WITHIN, "switches are let go")
        for port in (controller.openflow_port, controller.rest_port):
            with socket.create_server(("127.0.0.1", port)):
                pass
    finally:
        disk.thaw()
        switch.close()
    assert controller.wait_for_end() == 0
    assert "the change that it has begun may be kept or not" in controller.log()
    assert "Traceback" not in controller.log()
    with controller:
        wait_until(lambda: controller.get("/v1/health")["status"] == "ok", WITHIN, "it is well")


def waits_in_kernel(pid: int) -> bool:
    """Tell whether a thread waits where no signal reaches it."""
    states = [
        path.read_text(encoding="ascii").rpartition(")")[2].split()[0]
        for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return "D" in states
