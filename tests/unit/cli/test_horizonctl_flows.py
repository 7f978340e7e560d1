"""horizonctl flows and migrate against the whole API, over switches in memory."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from horizon_ryu.cli.main import main
from horizon_ryu.cli.parsing import actions_of, dpids_of, end_of, mac_of, match_of
from horizon_ryu.http.router import Router
from horizon_ryu.rest import flows, migration_directory, migrations
from unit.cli.in_memory import answered_by
from unit.flows.fabric import EDGE, Fabric

UDP = "dl_type=0x0800,nw_proto=17"


class Api:
    """A controller in this process; ``fabric`` is behind it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fabric = Fabric([(1, 2), (2, 3), (3, 4), (4, 1)])
        router = Router()
        router.add(flows.resources(self.fabric.service))
        router.add(migrations.resources(lambda: self.fabric.migrations))
        directory = migration_directory.MigrationDirectory()
        directory.add(migrations.FlowMigrationReader(lambda: self.fabric.migrations))
        router.add(migration_directory.resources(directory))
        client = httpx.Client(transport=httpx.WSGITransport(router))
        answered_by(monkeypatch, client.request)

    def __call__(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words], env={"COLUMNS": "200"})

    def json(self, *words: str) -> Any:
        result = self("-o", "json", *words)
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    def flow(self, *words: str) -> dict[str, Any]:
        ends = ("--from", f"1:{EDGE}", "--to", f"3:{EDGE}")
        made: dict[str, Any] = self.json("flows", "add", "-m", UDP, *ends, *words)
        return made


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return Api(monkeypatch)


def test_a_flow_is_added_shown_set_and_deleted(api: Api) -> None:
    flow = api.flow("--through", "2", "--priority", "500", "--idle-timeout", "9", "--queue", "1")
    assert [hop["dpid"][-1] for hop in flow["path"]] == ["1", "2", "3"]
    assert (flow["priority"], flow["idle_timeout"], flow["queue"]) == (500, 9, 1)
    shown = api("flows", "show", flow["id"]).output
    assert f"{EDGE}[1]2 > 1[2]3 > 2[3]{EDGE}" in shown
    assert "dl_type=0x0800" in shown
    listed = api("flows", "list").output
    assert flow["id"] in listed
    assert "path: in[switch]out" in listed
    changed = api.json("flows", "set", flow["id"], "--priority", "600", "--path", "1,4,3")
    assert (changed["priority"], changed["pinned"]) == (600, True)
    assert api("flows", "delete", flow["id"]).output == f"flow {flow['id']} is deleted\n"
    assert api.json("flows", "list") == {"flows": []}


def test_both_directions_and_single_entries(api: Api) -> None:
    assert "reverse" in api.flow("--both")
    words = ("--switch", "2", "-m", "dl_vlan=7", "-a", "set_dl_vlan:9", "-a", "output:3")
    entry = api.json("flows", "add", *words)
    assert entry["actions"] == [{"set_dl_vlan": 9}, {"output": 3}]
    dropped = api.json("flows", "set", entry["id"], "-a", "drop")
    assert dropped["actions"] == []
    assert "2: drop" in api("flows", "show", entry["id"]).output


def test_a_batch_comes_from_a_file(api: Api, tmp_path: Path) -> None:
    flow = {"match": {"dl_vlan": 1}, "dpid": f"{2:016x}", "actions": []}
    path = tmp_path / "flows.json"
    path.write_text(json.dumps([flow, {**flow, "priority": 500}]), encoding="utf-8")
    assert len(api.json("flows", "batch", str(path))["flows"]) == 2
    path.write_text("[", encoding="utf-8")
    assert "not JSON" in api("flows", "batch", str(path)).output


def test_a_migration_is_rehearsed_made_and_listed(api: Api) -> None:
    flow = api.flow("--through", "2")["id"]
    dry = api("migrate", flow, "--through", "4", "--dry-run").output
    assert f"flow {flow}: planned, simple path" in dry
    for word in ("add", "commit", "drain", "delete_strict"):
        assert word in dry
    done = api("migrate", flow, "--through", "4")
    assert done.exit_code == 0
    assert f"  from  {EDGE}[1]2 > 1[2]3 > 2[3]{EDGE}" in done.output
    assert f"  to    {EDGE}[1]4 > 1[4]3 > 4[3]{EDGE}" in done.output
    assert "2 waves" in done.output
    match = ("--match", f"{UDP},in_port={EDGE}", "--through", "1,2,3")
    assert "<status>done</status>" in api("-o", "xml", "migrate", *match).output
    listed = api("migrations").output
    assert listed.count(flow) == 2
    first = api.json("migrations")["migrations"][0]["id"]
    assert f"flow {flow}: done" in api("migrations", first).output
    assert "<flow_migration>" in api("-o", "xml", "migrations", first).output


def test_what_the_controller_refuses_is_told(api: Api) -> None:
    flow = api.flow("--through", "2")["id"]
    api.fabric.tables.refuse = lambda sent: "table full" if sent.dpid == 4 else None
    refused = api("migrate", flow, "--through", "4")
    assert refused.exit_code == 1
    assert "table full" in refused.output
    record = api.json("migrations")["migrations"][0]["id"]
    assert "table full" in api("migrations", record).output


@pytest.mark.parametrize(
    "words",
    [
        ("migrate",), ("migrate", "0", "--match", "a=1"), ("flows", "set", "0"),
        ("flows", "add", "-m", "dl_type"), ("flows", "add", "--through", "xyz"),
        ("flows", "add", "--switch", "1", "-a", "output"),
    ],
)  # fmt: skip
def test_wrong_words_are_usage_errors(api: Api, words: tuple[str, ...]) -> None:
    assert api(*words).exit_code == 2
    assert api.fabric.tables.batches == []


def test_words_of_the_command_line() -> None:
    assert match_of(["dl_type=0x800,tp_dst=80", "nw_dst=10.0.0.0/8"]) == {
        "dl_type": 0x800, "tp_dst": 80, "nw_dst": "10.0.0.0/8",
    }  # fmt: skip
    assert dpids_of("1|B,00000000000000ff") == [f"{dpid:016x}" for dpid in (1, 11, 255)]
    assert actions_of(["enqueue:2:5", "strip_vlan", "output:in_port"]) == [
        {"enqueue": {"port_no": 2, "queue_id": 5}}, {"strip_vlan": True}, {"output": "in_port"},
    ]  # fmt: skip


def test_words_are_understood_as_people_write_them(api: Api) -> None:
    assert match_of(["tcp,tp_dst=80", "ip"]) == {"tcp": True, "tp_dst": 80, "ip": True}
    assert actions_of(["set_dl_vlan:9,output:2", "FLOOD", "controller"]) == [
        {"set_dl_vlan": 9}, {"output": 2}, {"output": "FLOOD"}, {"output": "controller"},
    ]  # fmt: skip
    one, colons = f"{1:016x}", "00:00:00:00:00:00:00:0b"
    assert dpids_of(f"1,0x1|{one},{colons}") == [one, one, one, f"{11:016x}"]
    words = ("--switch", "0x2", "-m", "udp,nw_dst=10.0.0.0/255.0.0.0", "-a", "set_tp_dst:9,LOCAL")
    entry = api.json("flows", "add", *words)
    assert entry["match"] == {"dl_type": 2048, "nw_proto": 17, "nw_dst": "10.0.0.0/8"}
    assert entry["actions"] == [{"set_tp_dst": 9}, {"output": "local"}]


def test_a_host_is_found_by_either_address_however_it_is_spelt() -> None:
    host = {
        "mac": "02:00:00:00:00:0a",
        "ips": ["10.0.0.1", "2001:db8::a"],
        "dpid": "1",
        "port_no": 4,
    }
    client: Any = SimpleNamespace(get=lambda _path: {"hosts": [host]})
    for text in (
        "10.0.0.1", "2001:db8::a", "2001:DB8:0:0::000a", "02:00:00:00:00:0A", "02-00-00-00-00-0a",
        "0200.0000.000a",
    ):  # fmt: skip
        assert end_of(text, client) == {"dpid": "1", "port_no": 4}
    assert end_of("0xB:7", client) == {"dpid": f"{11:016x}", "port_no": 7}
    for text in ("10.0.0.2", "02:00:00:00:00:0b", "moon", "1:", ":1"):
        with pytest.raises(click.BadParameter):
            end_of(text, client)


def test_a_migration_says_what_becomes_of_the_reverse_direction(api: Api) -> None:
    flow = api.flow("--both", "--through", "2")
    said = api("migrate", flow["id"], "--through", "4").output
    assert f"flow {flow['reverse']}, stays where it is" in said
    taken = api("migrate", flow["id"], "--through", "2", "--both").output
    assert "stays where it is" not in taken
    assert taken.count("done") == 2


def test_words_ports_and_separators_are_read_however_they_are_written() -> None:
    assert match_of(["TCP,tp_dst=80"]) == {"TCP": True, "tp_dst": 80}
    assert match_of(["icmpv6"]) == {"icmpv6": True}
    assert actions_of(["2"]) == [{"output": 2}]
    assert actions_of(["output=2,DEC_NW_TTL"]) == [{"output": 2}, {"DEC_NW_TTL": True}]
    assert actions_of(["ENQUEUE:2:1"]) == [{"ENQUEUE": {"port_no": 2, "queue_id": 1}}]
    assert actions_of(["set_ipv6_dst:2001:db8::7"]) == [{"set_ipv6_dst": "2001:db8::7"}]
    assert actions_of(["set_field:10.0.0.9->nw_dst"]) == [{"set_field": "10.0.0.9->nw_dst"}]
    assert end_of("1:LOCAL", object()) == {"dpid": f"{1:016x}", "port_no": "local"}


def test_a_host_is_named_by_its_mac_or_its_ip_address() -> None:
    hosts = [
        {"mac": "02:00:00:00:00:01", "ips": ["10.0.0.1", "fd00::1"]},
        {"mac": "02:00:00:00:00:02", "ips": ["10.0.0.2", "10.0.0.3"]},
        {"mac": "02:00:00:00:00:03", "ips": ["10.0.0.3"]},
    ]
    client: Any = SimpleNamespace(get=lambda _path: {"hosts": hosts})
    assert mac_of("02-00-00-00-00-01", client) == "02:00:00:00:00:01"
    assert mac_of("10.0.0.2", client) == "02:00:00:00:00:02"
    assert mac_of("FD00:0::1", client) == "02:00:00:00:00:01"
    for text, words in (("10.0.0.3", "several"), ("10.0.0.9", "no host"), ("client", "no host")):
        with pytest.raises(click.BadParameter, match=words):
            mac_of(text, client)


def test_an_entry_in_a_later_table_is_shown_with_it_and_why_it_waits(api: Api) -> None:
    made = api.json("flows", "add", "--switch", "2", "-m", "ip", "--table", "3", "-a", "dec_ttl,1")
    assert (made["table_id"], made["state"]) == (3, "incomplete")
    assert "goto_table 3" in made["reason"]
    assert "2 table 3: dec_nw_ttl output:1" in api("flows", "list").output
    upper = made["id"].upper()
    assert api("flows", "show", upper).exit_code == 0
    assert api("flows", "delete", upper).exit_code == 0
    refused = api("flows", "add", "--switch", "2", "-m", "ip", "--meter", "5", "-a", "1")
    assert "meter: switch 0000000000000002 has no meter 5" in refused.output
