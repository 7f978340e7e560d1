"""Mistakes at a terminal: each is one line that names what is wrong, never a traceback."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from horizon_ryu.cli.main import main


class Somebody(BaseHTTPRequestHandler):
    status, body = 200, b""

    def _answer(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = do_PATCH = do_PUT = _answer

    def log_message(self, *_args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Somebody) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def said(*words: str) -> Result:
    """Run a command that must fail by itself, and in words."""
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code in (1, 2), result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize(
    "wrong", ["foo", "ftp://x", "http://", "http://[::1", "http://127.0.0.1:99999", "http://h:x"]
)
@pytest.mark.parametrize("command", ["topology", "events"])
def test_a_wrong_url_is_named(wrong: str, command: str) -> None:
    assert "--url" in said("--url", wrong, command).output


@pytest.mark.parametrize("wrong", ["ä", "a b", "a\nb", "\udcff"])
@pytest.mark.parametrize("command", ["topology", "events"])
def test_a_token_that_can_be_none_is_named(wrong: str, command: str) -> None:
    assert "--token" in said("--token", wrong, command).output


def test_a_wrong_url_does_not_matter_where_nobody_is_asked() -> None:
    assert CliRunner().invoke(main, ["--url", "foo", "sample-config"]).exit_code == 0


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{}", b"\xff", b"[" * 100_000, b""])
@pytest.mark.parametrize(
    "command", [["topology"], ["health"], ["flows", "list"], ["tree"], ["xen", "hosts"], ["stats"]]
)
def test_another_server_is_told_from_a_controller(
    url: str, command: list[str], body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Somebody, "body", body)
    assert "no Horizon controller" in said("--url", url, *command).output


@pytest.mark.parametrize(
    ("scheme", "said_first", "step"),
    [("https", b"no TLS", "is it http://"), ("http", b"", "Name the REST port")],
)
def test_a_port_that_speaks_something_else_is_told_what_to_do(
    scheme: str, said_first: bytes, step: str
) -> None:
    def answer() -> None:
        peer, _ = server.accept()
        with peer:
            peer.sendall(said_first)
            peer.recv(65_536)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, daemon=True).start()
        url = f"{scheme}://127.0.0.1:{server.getsockname()[1]}"
        assert step in said("--url", url, "topology").output


def test_events_that_are_refused_are_told_why(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = {"title": "Invalid input", "detail": "since: is not the number of an event"}
    monkeypatch.setattr(Somebody, "status", 422)
    monkeypatch.setattr(Somebody, "body", json.dumps(problem).encode())
    output = said("--url", url, "events", "--since", "-5").output
    assert "since: is not the number of an event" in output
    assert "Is the controller running" not in output


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "soon", ""])
def test_a_timer_is_a_number(value: str) -> None:
    assert "is not NAME=SECONDS" in said("timers", "topology", f"lldp_interval={value}").output


def test_a_timer_has_a_name() -> None:
    assert "is not NAME=SECONDS" in said("timers", "topology", "=1").output


@pytest.mark.parametrize(
    "text", [b"[NaN]", b'[{"priority": Infinity}]', b"[" * 100_000, b"\xff\xfe", b"", b"[1,]"]
)
def test_a_batch_that_is_no_json_is_named(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "flows.json"
    path.write_bytes(text)
    assert str(path) in said("flows", "batch", str(path)).output


def test_a_name_that_no_request_can_carry_is_said(url: str) -> None:
    assert "cannot be sent" in said("--url", url, "topology", "--network", "a\udcff").output


@pytest.mark.parametrize("port", ["x", "-1", "99999999999", "LOCAL "])
def test_a_port_is_a_number_or_local(port: str) -> None:
    assert "is no port" in said("hosts", "pin", "--", "00:00:00:00:00:01", "1", port).output


def test_local_is_a_port_to_pin_a_host_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Somebody, "body", b"{}")
    words = ["--url", url, "hosts", "pin", "00:00:00:00:00:01", "1", "local"]
    result = CliRunner().invoke(main, words)
    assert result.output == "00:00:00:00:00:01 is at port local of 0000000000000001\n"


def test_xml_that_there_is_not_is_said_beside_the_json(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Somebody, "body", b'{"networks": []}')
    result = CliRunner().invoke(main, ["--url", url, "-o", "xml", "networks", "list"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"networks": []}
    assert result.stderr == "there is no XML of this: it is told in JSON\n"


@pytest.mark.parametrize("command", ["sample-config", "experiment list", "--help"])
def test_a_full_disk_is_told_in_one_line(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            main(command.split())
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "Error: the output cannot be written: No space left on device\n"
    )


def test_a_closed_output_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as ended:
        main(["sample-config"])
    assert ended.value.code == 0
