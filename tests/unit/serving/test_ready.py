"""Readiness: what a service manager is told, over a real socket of the kernel."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from xen_bridge.serving.ready import ServiceManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_the_manager_is_told_once(manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "HOME": "/"}
    ours = ServiceManager.of_process(environ)
    assert environ == {"HOME": "/"}
    assert ours.tell_ready("listening\non [::1]:1")
    assert not ours.tell_ready()
    assert manager.recv(1000) == b"READY=1\nSTATUS=listening on [::1]:1"


def test_an_abstract_socket_is_found() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # the kernel gives it an abstract name
        listening.settimeout(5)
        name = listening.getsockname()[1:].decode()
        assert ServiceManager(f"@{name}").tell_ready()
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "vsock:2:1", "/a\0b", "@" + "x" * 300])
def test_nobody_to_tell_is_no_reason_not_to_serve(address: str) -> None:
    assert not ServiceManager.of_process({"NOTIFY_SOCKET": address}).tell_ready()
