"""horizonctl against a small HTTP server that answers as the controller does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from horizon_ryu.cli import show
from horizon_ryu.cli.main import main
from horizon_ryu.cli.terminal import Terminal

A, B = "0000000000000001", "0000000000000002"
TOPOLOGY = {
    "switches": [
        {"dpid": A, "address": "x", "openflow": "1.3", "connected": True,
         "ports": [{"port_no": 1, "up": True}]},
    ],
    "links": [
        {"src": {"dpid": A, "port_no": 1}, "dst": {"dpid": B, "port_no": 2},
         "bidirectional": True, "in_tree": True},
        {"src": {"dpid": B, "port_no": 2}, "dst": {"dpid": A, "port_no": 1},
         "bidirectional": True, "in_tree": True},
    ],
    "hosts": [{"mac": "00:00:00:00:00:01", "ips": ["10.0.0.1"], "dpid": A, "port_no": 3}],
}  # fmt: skip
TREE = {
    "trees": [
        {
            "root": A,
            "switches": [
                {"dpid": A, "neighbors": [{"dpid": B, "port": 1, "neighbor_port": 2}]},
                {"dpid": B, "neighbors": [{"dpid": A, "port": 2, "neighbor_port": 1}]},
            ],
        }
    ],
    "blocked": [],
    "settled": True,
}
PROBLEM = {
    "title": "Invalid",
    "status": 422,
    "detail": "1 error",
    "errors": [{"loc": ["body", "name"], "msg": "too long"}],
}
HEALTH = {
    "status": "degraded",
    "version": "1",
    "uptime": 5.0,
    "switches": 2,
    "hub_lag": 0.002,
    "accepting": {"openflow": True, "rest": False},
    "store": {"writable": True, "trouble": None, "disk_free": 12 * 2**20, "disk_total": 2**30},
    "discovery": {"believes": True},
    "reasons": ["rest cannot accept connections"],
    "loops": [
        {"name": "Discovery._probe", "last_turn": 0.1, "failures": 0, "idle": False,
         "trouble": None},
        {"name": "events of Forwarding", "last_turn": 70.0, "failures": 0, "idle": False,
         "trouble": "has not turned for 70 s"},
        {"name": "server rest", "last_turn": 70.0, "failures": 0, "idle": True, "trouble": None},
    ],
}  # fmt: skip
ANSWERS: dict[str, object] = {
    "/v1/topology": TOPOLOGY,
    "/v1/spanning-tree": TREE,
    "/v1/topology/pins": {"pins": TOPOLOGY["hosts"]},
    "/v1/health": HEALTH,
    "/v1/topology/measures": {
        "network": "physical",
        "switches": 3,
        "cables": 2,
        "connected": True,
        "parts": [["0000000000000001", "0000000000000002", "0000000000000003"]],
        "cut_switches": ["0000000000000002"],
        "cut_cables": [
            {
                "src": {"dpid": "0000000000000001", "port_no": 2},
                "dst": {"dpid": "0000000000000002", "port_no": 1},
            }
        ],
        "diameter": 2,
        "mean_distance": 1.3333,
        "switch_connectivity": 1,
        "cable_connectivity": 1,
        "betweenness": [{"dpid": "0000000000000002", "betweenness": 1.0}],
    },
}


class Handler(BaseHTTPRequestHandler):
    seen: list[tuple[str, str, str, object]]

    def _answer(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(size)) if size else None
        self.seen.append((self.command, self.path, self.headers.get("Authorization", ""), body))
        path = self.path.partition("?")[0]
        if self.command == "POST":
            self._send(422, PROBLEM)
        elif path.startswith(("/v1/networks/", "/v1/topology/hosts/")) and self.command != "PUT":
            self._send(204, None)
        elif path.endswith("/timers"):
            self._send(200, {"port_hold_time": 10.0, **(body or {})})
        elif self.command == "PUT":
            self._send(200, body)
        else:
            self._send(200, ANSWERS[path])

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

    def _send(self, status: int, body: object) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    class Own(Handler):
        seen: list = []  # noqa: RUF012

    with HTTPServer(("127.0.0.1", 0), Own) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def run(server: HTTPServer | None, *words: str) -> Result:
    port = server.server_port if server else 9
    return CliRunner().invoke(main, ["--url", f"http://127.0.0.1:{port}", *words])


def test_topology_is_shown_once_per_cable(server: HTTPServer) -> None:
    result = run(server, "topology")
    assert result.exit_code == 0
    assert result.output.count("<->") == 1
    assert "10.0.0.1" in result.output


def test_segments_are_shown_with_their_open_ports(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [{"dpid": A, "port_no": 8}, {"dpid": B, "port_no": 0xFFFFFFFE}]
    segments = [{"ports": ends, "open": ends[:1]}, {"ports": ends, "open": None}]
    monkeypatch.setitem(ANSWERS, "/v1/topology", {**TOPOLOGY, "segments": segments})
    lines = run(server, "topology").output.splitlines()
    found = [line.split() for line in lines[lines.index("Segments") + 2 :]][:4]
    assert found == [
        ["1", f"{A}:8", "yes"],
        ["1", f"{B}:local", "no"],
        ["2", f"{A}:8", "-"],
        ["2", f"{B}:local", "-"],
    ]
    assert "Segments" not in run(server, "graph", "--measures").output


def test_segments_of_vlans_are_shown_with_their_vlan(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [{"dpid": A, "port_no": 8}, {"dpid": B, "port_no": 8}]
    segments = [{"vlan": 10, "ports": ends, "open": ends[:1]}]
    monkeypatch.setitem(ANSWERS, "/v1/topology", {**TOPOLOGY, "vlan_segments": segments})
    lines = run(server, "topology").output.splitlines()
    found = [line.split() for line in lines[lines.index("Segments of single VLANs") + 2 :]][:2]
    assert found == [["10", "1", f"{A}:8", "yes"], ["10", "1", f"{B}:8", "no"]]


def test_json_is_for_programs(server: HTTPServer) -> None:
    assert json.loads(run(server, "-o", "json", "topology").output) == TOPOLOGY


def test_a_network_and_a_token_are_passed_on(server: HTTPServer) -> None:
    run(server, "--token", "t", "topology", "--network", "vlan:10")
    (seen,) = server.RequestHandlerClass.seen
    assert seen[:3] == ("GET", "/v1/topology?network=vlan%3A10", "Bearer t")


def test_the_tree_is_drawn_below_its_root(server: HTTPServer) -> None:
    lines = run(server, "tree").output.splitlines()
    assert lines == [A, f"└── port 1 - {B}"]


def test_timers_are_set(server: HTTPServer) -> None:
    assert "5" in run(server, "timers", "spanning-tree", "port_hold_time=5").output
    assert server.RequestHandlerClass.seen[0][3] == {"port_hold_time": 5.0}


def test_a_problem_names_the_field(server: HTTPServer) -> None:
    result = run(server, "networks", "add", "blue", "vlan:10")
    assert result.exit_code == 1
    assert "body.name: too long" in result.output


def test_hosts_are_pinned_listed_unpinned_and_forgotten(server: HTTPServer) -> None:
    mac = "00:00:00:00:00:01"
    assert "port 3" in run(server, "hosts", "pin", mac, "a", "3", "--ip", "10.0.0.1").output
    assert "10.0.0.1" in run(server, "hosts", "pins").output
    assert "may move" in run(server, "hosts", "unpin", mac, "--vlan", "7").output
    assert "forgotten" in run(server, "hosts", "forget", mac).output
    path = f"/v1/topology/hosts/{mac}"
    body = {"dpid": "000000000000000a", "port_no": 3, "ips": ["10.0.0.1"]}
    assert [(one[0], one[1], one[3]) for one in server.RequestHandlerClass.seen] == [
        ("PUT", f"{path}/pin", body),
        ("GET", "/v1/topology/pins", None),
        ("DELETE", f"{path}/pin?vlan=7", None),
        ("DELETE", path, None),
    ]


def test_deleting_is_confirmed(server: HTTPServer) -> None:
    assert "forgotten" in run(server, "networks", "delete", "blue").output


@pytest.mark.parametrize("words", [("networks", "add", "b", "x"), ("timers", "topology", "a"),
                                   ("networks", "add", "b", "vlan:x"), ("nonsense",)])  # fmt: skip
def test_wrong_words_are_usage_errors(server: HTTPServer, words: tuple[str, ...]) -> None:
    assert run(server, *words).exit_code == 2
    assert not server.RequestHandlerClass.seen


def test_without_a_controller_it_says_what_to_do() -> None:
    result = run(None, "topology")
    assert result.exit_code == 1
    assert "make run" in result.output


def test_check_config(tmp_path: Path) -> None:
    path = tmp_path / "horizon.conf"
    path.write_text("[guard]\nwatchdog = 5\n", encoding="utf-8")
    assert CliRunner().invoke(main, ["check-config", str(path)]).exit_code == 0
    path.write_text("[guard]\nwachtdog = 5\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["check-config", str(path)])
    assert result.exit_code == 1
    assert "guard.wachtdog" in result.output


def test_every_command_has_an_example() -> None:
    def commands(group, words=()):
        for name, command in group.commands.items():
            yield (*words, name), command
            if hasattr(command, "commands"):
                yield from commands(command, (*words, name))

    for words, command in commands(main):
        assert "Example: horizonctl" in (command.help or ""), words


def test_an_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    link = {"src": {"dpid": A, "port_no": 1}, "dst": {"dpid": B, "port_no": 2}}
    console = Terminal(width=40)
    show.event(console, {"seq": 7, "kind": "link_add", "data": link})
    show.event(console, {"seq": 8, "kind": "host_add", "data": {"ips": ["1.1.1.1"], "x": "[red]"}})
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"7 link_add src={A}:1 dst={B}:2",
        "8 host_add ips=1.1.1.1 x=[red]",
    ]


def test_nothing_of_an_event_is_written_as_python_has_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = {"positions": {"host:a": None}, "src": {"dpid": "1", "port_no": 2}, "ports": [{}, {}]}
    show.event(Terminal(), {"seq": 9, "kind": "position_change", "data": data})
    told = capsys.readouterr().out
    assert told.split(maxsplit=2)[2].strip() == 'positions={"host:a": null} src=1:2 ports=2'


def test_health_tells_what_is_wrong_and_every_loop(server: HTTPServer) -> None:
    result = run(server, "health")
    assert result.exit_code == 1
    assert result.output.splitlines()[:2] == ["degraded", "  rest cannot accept connections"]
    for text in ("Discovery._probe", "0.1 s", "has not turned for 70 s", "idle", "12 MiB"):
        assert text in result.output
    assert json.loads(run(server, "-o", "json", "health").output) == HEALTH


def test_health_without_a_token_is_the_status_alone(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ANSWERS, "/v1/health", {"status": "ok"})
    result = run(server, "health")
    assert (result.exit_code, result.output) == (0, "ok\n")


def test_health_has_an_example() -> None:
    assert "horizonctl health" in run(None, "health", "--help").output


def test_the_measures_of_the_topology_are_shown(server: HTTPServer) -> None:
    shown = run(server, "graph", "--measures", "--thorough").output
    seen = server.RequestHandlerClass.seen  # type: ignore[attr-defined]
    assert seen[0][1] == "/v1/topology/measures?thorough=1"
    for expected in ("0000000000000002", "2 hops", "1.3333 hops", "100.0%", "yes"):
        assert expected in shown
    told = run(server, "-o", "json", "graph", "--measures").output
    assert json.loads(told) == ANSWERS["/v1/topology/measures"]
    assert seen[1][1] == "/v1/topology/measures"


def test_thorough_alone_is_refused(server: HTTPServer) -> None:
    refused = run(server, "graph", "--thorough")
    assert refused.exit_code == 2
    assert "goes with --measures" in refused.output


def test_held_links_are_shown_with_the_reason(server: HTTPServer, monkeypatch: Any) -> None:
    assert "Held links" not in run(server, "topology").output
    held = {"src": {"dpid": A, "port_no": 1}, "dst": {"dpid": B, "port_no": 2}, "state": "relayed"}
    monkeypatch.setitem(TOPOLOGY, "held_links", [held])
    shown = run(server, "topology").output
    assert "Held links" in shown
    assert "somebody relays probes" in shown
