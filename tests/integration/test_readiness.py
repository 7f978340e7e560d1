"""Readiness: each program tells its service manager once it serves, and no child does."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tools.bridge_process import BridgeProcess
from tools.controller_process import ControllerProcess
from tools.slicer_process import SlicerProcess
from tools.waiting import wait_until
from xen_bridge.trust.identity import Identity

pytestmark = [pytest.mark.integration, pytest.mark.no_switches, pytest.mark.timeout(300)]
SECONDS = 120.0


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(SECONDS)
        monkeypatch.setenv("NOTIFY_SOCKET", listening.getsockname())
        yield listening


def program(name: str, folder: Path) -> AbstractContextManager[Any]:
    if name in ("bridge", "agent"):
        controller = Identity.load_or_create(folder / "controller")
        return BridgeProcess(folder / "node", controller, agent=name == "agent")
    if name == "horizon-slicer":
        return SlicerProcess(folder, [])
    return ControllerProcess(folder, (f"horizon_ryu.{name}",))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bundle", b"(OpenFlow) and 127.0.0.1:"),
        ("slicing", b"(REST)"),
        ("horizon-slicer", b"listening on 127.0.0.1:"),
        ("bridge", b"listening on https://127.0.0.1:"),
        ("agent", b"listening on https://127.0.0.1:"),
    ],
)
def test_each_program_tells_when_it_serves(
    tmp_path: Path, manager: socket.socket, name: str, told: bytes
) -> None:
    with program(name, tmp_path) as running:
        first = manager.recv(4096)
        assert first.startswith(b"READY=1\nSTATUS=")
        assert told in first
        if isinstance(running, BridgeProcess):
            os.kill(running.pid, signal.SIGHUP)
            wait_until(lambda: "passed over" in running.log, SECONDS, "a hangup is told of")
            assert running.stop() == 0
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(4096)
