"""horizonctl what-if: what is asked of the API, and what is told of its answer."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from horizon_ryu.cli.main import main
from unit.cli.in_memory import answered_by

HOP = {"in_port": 1, "out_port": 2}
ANSWER = {
    "flows": [
        {
            "id": "f1",
            "outcome": "moves",
            "path": [{"dpid": f"{1:016x}", **HOP}],
            "new_path": [{"dpid": f"{dpid:016x}", **HOP} for dpid in (1, 0x1A)],
            "reason": None,
        },
        {
            "id": "f2",
            "outcome": "breaks",
            "path": [{"dpid": f"{3:016x}", **HOP}],
            "new_path": None,
            "reason": "no path",
        },
    ],
    "counts": {"unchanged": 0, "moves": 1, "breaks": 1},
    "tree": None,
    "parts": 2,
    "hosts_cut_off": [{}],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked for, as the API got it."""
    found: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        found.append((request.method, request.url.path, json.loads(request.content)))
        return httpx.Response(200, json=ANSWER)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    answered_by(monkeypatch, client.request)
    return found


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words, env={"COLUMNS": "120"})


def test_switches_and_what_is_at_ports_are_cut_in_thought(asked: list[Any]) -> None:
    told = run("what-if", "3", "1:2")
    assert told.exit_code == 0, told.output
    wanted = {"ports": [{"dpid": f"{1:016x}", "port_no": 2}], "switches": [f"{3:016x}"]}
    assert asked == [("POST", "/v1/what-if", wanted)]
    assert "1 > 1a" in told.output
    assert "no path" in told.output
    assert "flows: 1 moves, 1 breaks" in told.output
    assert "the network in 2 parts, 1 hosts cut off" in told.output
    assert json.loads(run("-o", "json", "what-if", "3").output) == ANSWER


def test_something_must_be_cut(asked: list[Any]) -> None:
    assert run("what-if").exit_code == 2
    assert asked == []
