"""horizonctl stats and measures against the whole API, over what Open vSwitch answered."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from click.testing import CliRunner, Result

from horizon_ryu.cli.main import main
from horizon_ryu.cli.show_stats import rate
from horizon_ryu.http.router import Router
from horizon_ryu.rest import nodes, stats
from unit.cli.in_memory import answered_by
from unit.rest.conftest import FakeStats

DPID = "00000000000000ab"
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    router = Router()
    router.add(stats.resources(FakeStats()))
    directory = nodes.NodeDirectory()
    directory.add(nodes.SwitchNodes(FakeStats()))
    router.add(nodes.resources(directory))
    client = httpx.Client(transport=httpx.WSGITransport(router))
    answered_by(monkeypatch, client.request)

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(main, [*words], env={"COLUMNS": "200"})

    return invoke


def test_all_switches_are_a_row_each(run: Run) -> None:
    shown = run("stats").output
    assert DPID in shown
    assert "192.0.2.1" in shown


@pytest.mark.parametrize(
    ("part", "word"),
    [("desc", "Open vSwitch"), ("ports", "packets in"), ("tables", "lookups"),
     ("aggregate", "flow_count"), ("flows", "priority")],
)  # fmt: skip
def test_one_class_of_one_switch(run: Run, part: str, word: str) -> None:
    shown = run("stats", "ab", "--part", part)
    assert shown.exit_code == 0, shown.output
    assert word in shown.output
    assert word in run("stats", DPID).output


def test_programs_get_json_or_xml(run: Run) -> None:
    assert json.loads(run("-o", "json", "stats", "ab").output)["dpid"] == DPID
    assert "<openflowstats>" in run("-o", "xml", "stats").output
    assert json.loads(run("-o", "json", "measures").output)[0]["id"] == DPID


def test_measures_are_a_row_each(run: Run) -> None:
    shown = run("measures", "ab").output
    assert DPID in shown
    assert "1.5" in shown


def test_wrong_words(run: Run) -> None:
    assert run("stats", "--part", "flows").exit_code == 2
    assert run("stats", "xyz").exit_code == 2
    assert run("stats", "cd").exit_code == 1


@pytest.mark.parametrize(
    ("bits", "text"),
    [(None, "-"), (0, "0"), (1500, "1.5k"), (2e9, "2G"), (3e12, "3T")],
)
def test_rates_are_written_as_people_do(bits: float | None, text: str) -> None:
    assert rate(bits) == text
