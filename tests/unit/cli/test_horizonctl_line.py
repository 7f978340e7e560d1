"""The command line itself: where -o may stand, names of switches, drawings, the screen of top."""

from __future__ import annotations

import json
import shutil
import subprocess
from http.server import HTTPServer
from typing import Any

import pytest
from click.testing import CliRunner, Result

from horizon_ryu.cli import drawing, top
from horizon_ryu.cli.main import main
from unit.cli.test_horizonctl import ANSWERS, TOPOLOGY, A, B, run, server

__all__ = ["server"]
DOT = 'graph topology {\n  "1" -- "2";\n}\n'
PORT = {"port_no": 1, "up": True, "speed_kbps": 1000}
LOADED = {**TOPOLOGY, "switches": [{**TOPOLOGY["switches"][0], "ports": [PORT], "name": "s1"}]}
COUNTED = {"datapaths": [{"dpid": A, "dp_stats": {"ports": [{"port_no": 1, "tx_bps": 7.5e5}]}}]}


@pytest.fixture(autouse=True)
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ANSWERS, "/v1/switches/names", {"names": {B: "s2"}})
    monkeypatch.setitem(ANSWERS, f"/v1/stats/{B}", {"dpid": B})
    monkeypatch.setitem(ANSWERS, "/v1/stats", COUNTED)
    monkeypatch.setitem(ANSWERS, "/v1/flows", {"flows": []})


def asked(found: HTTPServer) -> list[str]:
    seen: list[Any] = found.RequestHandlerClass.seen  # type: ignore[attr-defined]
    return [one[1] for one in seen]


@pytest.mark.parametrize(
    "words",
    [
        ("-o", "json", "hosts", "pins"), ("hosts", "-o", "json", "pins"),
        ("hosts", "pins", "-o", "json"), ("hosts", "pins", "--output=json"),
        ("-o", "xml", "hosts", "pins", "-ojson"),
    ],
)  # fmt: skip
def test_the_form_may_be_said_anywhere(server: HTTPServer, words: tuple[str, ...]) -> None:
    assert json.loads(run(server, *words).stdout) == ANSWERS["/v1/topology/pins"]


@pytest.mark.parametrize(
    "words",
    [
        ("sample-config", "-o", "json"), ("-o", "xml", "sample-config"),
        ("topology", "--format", "dot", "-o", "json"), ("-o", "table", "topology", "--format=svg"),
    ],
)  # fmt: skip
def test_a_form_that_a_command_has_not_is_refused(
    server: HTTPServer, words: tuple[str, ...]
) -> None:
    assert run(server, *words).exit_code == 2
    assert asked(server) == []


def test_what_was_done_is_a_document_for_programs(server: HTTPServer) -> None:
    told = run(server, "networks", "delete", "blue", "-o", "json").output
    assert json.loads(told) == {"forgotten": "blue"}


@pytest.mark.parametrize("name", ["s2", "S2", " s2"])
def test_a_name_stands_for_its_dpid(server: HTTPServer, name: str) -> None:
    assert json.loads(run(server, "-o", "json", "stats", name).output) == {"dpid": B}
    run(server, "hosts", "pin", "00:00:00:00:00:01", name, "3")
    seen = server.RequestHandlerClass.seen  # type: ignore[attr-defined]
    assert seen[-1][3]["dpid"] == B


def test_a_name_that_no_switch_has_is_a_mistake_of_the_line(server: HTTPServer) -> None:
    refused = run(server, "stats", "s3")
    assert refused.exit_code == 2
    assert "nor the name of a switch" in refused.output


def test_switches_are_named(server: HTTPServer) -> None:
    assert "s2" in run(server, "switches", "names").output
    run(server, "switches", "name", "2", "edge")
    seen = server.RequestHandlerClass.seen  # type: ignore[attr-defined]
    assert seen[-1][:2] == ("PUT", f"/v1/switches/{B}/name")
    assert seen[-1][3] == {"name": "edge"}


def drawn(monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setattr(drawing, "graph_of", lambda *_asked: DOT)
    monkeypatch.setattr("horizon_ryu.cli.main.graph_of", lambda *_asked: DOT)
    return CliRunner().invoke(main, ["topology", *words])


def test_a_picture_is_drawn_by_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(drawing.PROGRAM) is None:
        pytest.skip("Graphviz is not installed")
    assert b"<svg" in drawn(monkeypatch, "--format", "svg").stdout_bytes
    assert drawn(monkeypatch, "--format", "png").stdout_bytes.startswith(b"\x89PNG")


def test_without_graphviz_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "PROGRAM", "no-such-program")
    refused = drawn(monkeypatch, "--format", "svg")
    assert refused.exit_code == 1
    assert "apt install graphviz" in refused.output
    assert drawn(monkeypatch, "--format", "dot").output.strip() == DOT.strip()


def test_a_drawing_that_fails_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_given: Any, **_how: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess((), 1, b"", b"syntax error\x1b[2J")

    monkeypatch.setattr(drawing, "PROGRAM", "sh")
    monkeypatch.setattr(drawing.subprocess, "run", fails)
    refused = drawn(monkeypatch, "--format", "png")
    assert (refused.exit_code, "\x1b" in refused.output) == (1, False)
    assert "syntax error" in refused.output


def test_the_screen_has_links_by_load(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ANSWERS, "/v1/topology", LOADED)
    shown = run(server, "top").output
    for text in ("75.0 %", "750,000", "s1", "?"):
        assert text in shown
    told = json.loads(run(server, "top", "-o", "json").output)
    assert [one["load_percent"] for one in told["links"]] == [75.0, None]


def test_loads_are_unknown_where_nobody_tells_them() -> None:
    found = list(top.loaded_links(LOADED, {}))
    assert [(one["bps"], one["load_percent"]) for one in found] == [(None, None)] * 2


def test_the_version_and_the_environment_are_told() -> None:
    assert CliRunner().invoke(main, ["--version"]).output.startswith("horizonctl ")
    told = CliRunner().invoke(main, ["--help"]).output
    for text in ("HORIZON_URL", "HORIZON_TOKEN", "HORIZON_CA_FILE", "_HORIZONCTL_COMPLETE"):
        assert text in told


@pytest.mark.parametrize(
    ("shell", "typed", "place"),
    [("bash", "horizonctl flows ad", "2"), ("zsh", "horizonctl flows ad", "2"),
     ("fish", "horizonctl flows ad", "ad")],
)  # fmt: skip
def test_shells_are_told_how_to_complete_and_ask(shell: str, typed: str, place: str) -> None:
    def asked(instruction: str, **more: str) -> str:
        variables = {"_HORIZONCTL_COMPLETE": f"{shell}_{instruction}", **more}
        return CliRunner().invoke(main, env=variables, prog_name="horizonctl").output

    assert "_HORIZONCTL_COMPLETE" in asked("source")
    told = asked("complete", COMP_WORDS=typed, COMP_CWORD=place)
    words = told.replace(",", "\n").replace("\t", "\n").splitlines()
    assert "add" in words
    assert "delete" not in words


def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Any) -> None:
    for name, data in (("gone.pem", None), ("empty.pem", b"nonsense")):
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        refused = CliRunner().invoke(main, ["--ca-file", str(path), "topology"])
        assert refused.exit_code == 2
        assert str(path) in refused.output
