"""horizonctl slices against the API itself: what is typed, told, exported and imported again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from horizon_ryu.cli import show_slices
from horizon_ryu.cli.main import main
from horizon_ryu.cli.slice_options import rule_of
from horizon_ryu.cli.terminal import Terminal
from horizon_ryu.http.router import Router
from horizon_ryu.rest.root import lacking
from unit.cli.in_memory import answered_by
from unit.rest.conftest import Client


class Served:
    """The API over fakes, and horizonctl that asks it without a network between them."""

    def __init__(self, folder: Path) -> None:
        self.api = Client(folder=folder)

    def request(self, method: str, url: str, **how: Any) -> httpx.Response:
        with httpx.Client(transport=httpx.WSGITransport(app=self.api.router)) as client:
            return client.request(method, url, **how)

    def run(self, *words: str, text: str | None = None) -> Result:
        return CliRunner().invoke(main, ["slices", *words], input=text)

    def names(self) -> list[str]:
        return sorted(self.api.slices.registry.slices)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    found = Served(tmp_path)
    answered_by(monkeypatch, found.request)
    return found


BLUE = ("create", "blue", "-c", "tcp:127.0.0.1:6653", "--rule", "ports=1,5-8 dl_vlan=10-20,30")


def test_a_slice_is_made_shown_changed_and_deleted(served: Served) -> None:
    made = served.run(*BLUE, "--limit", "flow_entries=5", "--expires", "900")
    assert made.exit_code == 0, made.output
    shown = served.run("show", "blue").output
    for text in ("tcp:127.0.0.1:6653 (control)", "limits.flow_entries", "in_port=1,5-8", "in 9"):
        assert text in shown
    assert "blue" in served.run("list").output
    set_ = served.run("set", "blue", "--disable", "--bandwidth", "vlan_pcp=3", "--contact", "me")
    assert (set_.exit_code, "vlan_pcp" in set_.output) == (0, True)
    assert not served.api.slices.registry.slice("blue").settings.enabled
    assert served.run("rules", "add", "blue", "ports=9", "ports=11").exit_code == 0
    assert served.run("rules", "remove", "blue", "2").exit_code == 0
    assert [one.rule_id for one in served.api.slices.registry.slice("blue").rules] == [1, 3]
    for part in ("stats", "entries", "topology"):
        assert part in served.run(part, "blue").output
    assert served.run("delete", "blue").exit_code == 0
    assert served.names() == []


def test_a_dry_run_shows_clashes_and_changes_nothing(served: Served) -> None:
    served.run(*BLUE)
    words = ("create", "red", "--rule", "ports=5 dl_vlan=30", "--dry-run")
    told = served.run(*words)
    assert "blue rule 1" in told.output
    assert "red rule 2" in told.output
    assert served.names() == ["blue"]
    assert "No rule overlaps" in served.run("clashes").output
    served.run(*words[:-1])
    for asked in (("clashes",), ("clashes", "red")):
        assert "owned" in served.run(*asked).output


def test_what_is_exported_can_be_imported_where_there_is_nothing(
    served: Served, tmp_path: Path
) -> None:
    served.run(*BLUE)
    mac = "dl_src=00:00:00:00:00:01 dpids=1 permissions=rwd"
    served.run("create", "campus", "--rule", mac, "--contact", "no")
    file = tmp_path / "slices.yaml"
    assert served.run("export", str(file)).exit_code == 0
    before = dict(served.api.slices.registry.slices)
    assert "nothing would change" in served.run("import", str(file)).output
    served.run("delete", "blue", "campus")
    assert served.run("import", str(file), "--yes").exit_code == 0
    assert served.api.slices.registry.slices == before


def test_an_import_shows_what_changes_and_asks(served: Served, tmp_path: Path) -> None:
    served.run(*BLUE)
    file = tmp_path / "slices.yaml"
    file.write_text(
        "slices:\n- name: red\n  flowspace:\n"
        "  - {dpids: [0000000000000010], match: {dl_src: 00:00:00:00:00:01, dl_vlan: 0x10}}\n"
    )
    refused = served.run("import", str(file), text="n\n")
    assert refused.exit_code == 1
    assert "+- name: red" in refused.output
    assert "-- name: blue" not in refused.output
    assert served.names() == ["blue"]
    assert served.run("import", str(file), text="y\n").exit_code == 0
    assert served.names() == ["blue", "red"]
    (rule,) = served.api.slices.registry.slice("red").rules
    assert rule.dpids == {16}
    only = served.run("import", str(file), "--only", "--yes")
    assert "-- name: blue" in only.output
    assert served.names() == ["red"]


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "slices: 5",
        "- 5",
        "- {name: 5}",
        "- {name: a, name: b}",
        "- {name: a, 5: b}",
        "x: &x [1]\nslices: [{name: a, flowspace: *x}]",
        "- !!python/object/apply:os.system ['true']",
        "[" * 5000,
        "\x00",
        "- {name: a, colour: red}",
        "- {name: a, flowspace: [{ports: [nine]}]}",
    ],
)
def test_a_file_that_is_no_list_of_slices_changes_nothing(
    served: Served, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "slices.yaml"
    file.write_text(text)
    result = served.run("import", str(file), "--yes")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    assert served.names() == []


def test_rules_are_written_as_fields(served: Served) -> None:
    assert rule_of("dpids=1,a ports=1,local queues=1 priority=7 nw_src=10.0.0.0/8 within=3") == {
        "dpids": ["0000000000000001", "000000000000000a"],
        "ports": ["1", "local"],
        "queues": ["1"],
        "priority": "7",
        "within": 3,
        "match": {"nw_src": "10.0.0.0/8"},
    }
    assert rule_of("dpids=all") == {"dpids": "all"}
    for wrong in ("ports", "ports=", "=1", "ports=1 ports=2"):
        assert served.run("rules", "add", "x", wrong).exit_code == 2
    assert served.run("set", "x").exit_code == 2


def test_refusals_are_told_with_the_field(served: Served) -> None:
    told = served.run("create", "a", "--rule", "ports=1", "--rule", "dl_vlan=5000")
    assert told.exit_code == 1
    assert "flowspace.1.match.dl_vlan" in told.output
    assert served.run("show", "none").exit_code == 1


def test_what_was_not_measured_yet_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    none = {"samples": 0, "p50_us": None, "p99_us": None}
    show_slices.document(Terminal(), {"slice": "blue", "latency": {"from_switch": none}})
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["latency.from_switch.p50_us", "-"] in told
    assert ["latency.from_switch.samples", "0"] in told


def test_a_controller_without_a_slicer_says_so_and_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare = Router(lacking=lacking)

    def request(method: str, url: str, **how: Any) -> httpx.Response:
        with httpx.Client(transport=httpx.WSGITransport(app=bare)) as client:
            return client.request(method, url, **how)

    answered_by(monkeypatch, request)
    for words in (("list",), ("show", "blue"), BLUE, ("delete", "blue"), ("stats", "blue")):
        told = CliRunner().invoke(main, ["slices", *words])
        assert told.exit_code == 1
        assert "no slicer" in told.output
        assert "slicer_url" in told.output


def test_where_there_are_no_slices_it_is_told_how_one_is_made(served: Served) -> None:
    assert "slices create" in served.run("list").output


def test_another_mode_of_bandwidth_takes_nothing_over_and_none_takes_it_away(
    served: Served,
) -> None:
    def share() -> object:
        return served.api.get("/v1/slices/blue").json.get("bandwidth")

    served.run(*BLUE, "--bandwidth", "ip_tos=32")
    served.run("set", "blue", "--bandwidth", "meter=2000")
    assert share() == {"mode": "meter", "rate_kbps": 2000}
    served.run("set", "blue", "--bandwidth", "vlan_pcp=3")
    assert share() == {"mode": "vlan_pcp", "value": 3}
    assert served.run("set", "blue", "--bandwidth", "none").exit_code == 0
    assert share() is None


def test_a_limit_is_taken_away_by_none(served: Served) -> None:
    served.run(*BLUE, "--limit", "flow_entries=5", "--limit", "packet_ins_per_s=9")
    told = served.run("set", "blue", "--limit", "flow_entries=none")
    assert told.exit_code == 0, told.output
    assert served.api.get("/v1/slices/blue").json["limits"] == {"packet_ins_per_s": 9}


def test_a_rule_with_nothing_more_says_nothing_more(served: Served) -> None:
    assert "everything" not in served.run(*BLUE).output


def test_entries_are_shown_over_what_they_became() -> None:
    became = {"table_id": 1, "match": {"dl_vlan": 5}, "priority": 3, "actions": [],
              "goto_table": 2}  # fmt: skip
    entry = {
        "dpid": "0000000000000001", "table_id": 0, "match": {}, "priority": 3, "cookie": 255,
        "idle_timeout": 5, "hard_timeout": 0, "became": [became],
        "actions": [{"name": "output", "port": 7}],
    }  # fmt: skip
    console = Terminal()
    with console.capture() as shown:
        show_slices.entries(console, {"slice": "a", "entries": [entry], "count": 2})
    for text in ("everything", "output:7", "0xff", "5/0", "dl_vlan=5", "goto_table:2", "2 entries"):
        assert text in shown.get()
