"""Tables for programs and narrow terminals: a record is found, whole, where it is looked for."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from horizon_ryu.cli import show_flows
from horizon_ryu.cli.port_names import place_of, port_name
from horizon_ryu.cli.terminal import Terminal, stacked

MATCH = {"in_port": 1, "dl_type": 2048, "nw_src": "10.0.0.1/32", "nw_dst": "10.0.0.2/32"}
FLOW = {
    "id": "5f3a9c01",
    "state": "active",
    "match": MATCH,
    "path": [{"dpid": f"{dpid:016x}", "in_port": 1, "out_port": 2} for dpid in range(1, 12)],
    "priority": 40000,
}
FOUND = "in_port=1,dl_type=0x0800,nw_src=10.0.0.1/32,nw_dst=10.0.0.2/32"


def printed(table: Table, **how: int) -> list[str]:
    out = io.StringIO()
    Terminal(file=out, **how).print(table)
    return out.getvalue().splitlines()


def test_a_pipe_gets_one_whole_record_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    show_flows.flows(Terminal(file=out), [FLOW, FLOW | {"id": "00000002"}])
    header, *records = out.getvalue().splitlines()
    assert header.split()[:3] == ["id", "state", "match"]
    assert [line.split()[:3] for line in records] == [
        ["5f3a9c01", "active", FOUND],
        ["00000002", "active", FOUND],
    ]
    assert all(line.endswith("40000") and "1[b]2" in line for line in records)


def test_a_record_stays_one_line_whatever_its_cells_are() -> None:
    table = Table("name", "addresses", "more", title="Hosts")
    table.add_row("a\nb", stacked(["10.0.0.1", "10.0.0.2"]), "")
    assert printed(table) == [
        "Hosts",
        "name  addresses           more",
        "a\\nb  10.0.0.1, 10.0.0.2  -",
    ]


def test_an_empty_table_is_its_header() -> None:
    assert printed(Table("id", "state")) == ["id  state"]


def test_a_narrow_terminal_gets_blocks_that_can_be_read() -> None:
    out = io.StringIO()
    show_flows.flows(Terminal(file=out, width=60), [FLOW])
    lines = out.getvalue().splitlines()
    assert lines[:2] == ["id 5f3a9c01", "  state: active"]
    assert all(len(line) <= 60 for line in lines)
    assert "  priority: 40000" in lines


def test_a_table_that_fits_stays_one() -> None:
    table = Table("id", "state")
    table.add_row("1", "active")
    assert any("│" in line for line in printed(table, width=60))


@pytest.mark.parametrize(
    ("port_no", "name"),
    [(0xFFFFFFFE, "local"), (0xFFFE, "local"), (0xFFFFFFFD, "controller"), (0xFFF8, "in_port"),
     (7, "7"), (0xFFF7, "65527"), ("flood", "flood"), (None, "None")],
)  # fmt: skip
def test_special_ports_have_names(port_no: object, name: str) -> None:
    assert port_name(port_no) == name


def test_ports_are_sorted_by_number() -> None:
    assert sorted([0xFFFFFFFE, 10, "LOCAL", 9], key=place_of) == [9, 10, 0xFFFFFFFE, "LOCAL"]


def test_a_title_for_programs_is_one_line() -> None:
    out = io.StringIO()
    Terminal(file=out).rule("Discovery")
    assert out.getvalue() == "Discovery\n"


def test_a_table_far_wider_than_its_terminal_becomes_blocks() -> None:
    table = Table("id", "match")
    table.add_row("1", "x" * 200)
    first, *rest = printed(table, width=80)
    assert first == "id 1"
    assert "".join(rest).count("x") == 200


def test_no_cell_is_cut_off() -> None:
    table = Table("id", "match")
    table.add_row("1", "x" * 90)
    assert "".join(printed(table, width=90)).count("x") == 90


def test_blocks_of_no_records_are_said_to_be_none() -> None:
    assert printed(Table("id", "x" * 100, title="Flows"), width=60) == ["Flows", "none"]


def test_actions_are_shown_as_they_are_typed() -> None:
    actions = [{"set_dl_vlan": 10}, {"enqueue": {"port_no": 0xFFFE, "queue_id": 1}}, {"drop": True}]
    out = io.StringIO()
    show_flows.flows(Terminal(file=out), [FLOW | {"path": [], "dpid": "01", "actions": actions}])
    assert "1: set_dl_vlan:10 enqueue:local:1 drop" in out.getvalue()
