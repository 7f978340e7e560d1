"""What the repairs of Ryu bring back, shown on the Ryu that is installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

MODULES = (
    "ryu.app.wsgi",
    "ryu.cmd.manager",
    "ryu.flags",
    "ryu.lib.hub",
    "ryu.lib.packet.zebra",
    "ryu.services.protocols.bgp.net_ctrl",
)


def test_modules_import() -> None:
    """In a process of its own: importing Ryu's manager patches the whole interpreter."""
    command = [sys.executable, "-c", f"import {', '.join(MODULES)}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Eventlet is deprecated" not in done.stderr


def test_version_tells_it_is_repaired() -> None:
    assert importlib.metadata.version("ryu").startswith("4.34+horizon")


def test_rpc_messages_survive_the_way() -> None:
    rpc = importlib.import_module("ryu.lib.rpc")
    heard: list[object] = []
    packed = rpc.MessageEncoder().create_notification("method", ["text", {1: b"bytes"}])
    table = {rpc.MessageType.NOTIFY: heard.append}
    rpc.MessageEncoder().get_and_dispatch_messages(packed, table)
    assert heard == [["method", ["text", {1: b"bytes"}]]]


def test_web_socket_transport_sends_text() -> None:
    wsgi = importlib.import_module("ryu.app.wsgi")
    sent: list[object] = []

    class Socket:
        def send(self, message: object) -> None:
            sent.append(message)

    wsgi.WebSocketServerTransport(Socket()).send_reply(None, b'{"id": 1}')
    assert sent == ['{"id": 1}']


def test_what_an_application_requires_is_noted_where_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some_api.py").write_text(
        "from ryu.base.app_manager import require_app\nrequire_app('a.service', api_style=True)\n"
    )
    (tmp_path / "some_client.py").write_text(
        "import some_api\nfrom ryu.base.app_manager import require_app\nrequire_app('another')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("some_api", "some_client"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    client = importlib.import_module("some_client")
    assert client._REQUIRED_APP == ["a.service", "another"]
    assert not hasattr(client.some_api, "_REQUIRED_APP")
