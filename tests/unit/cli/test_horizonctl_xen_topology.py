"""horizonctl xen topology: a table, a matrix for programs, dot, JSON and XML."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from horizon_ryu.cli import show_xen_topology
from horizon_ryu.cli.terminal import Terminal
from unit.cli.test_horizonctl_xen import Api
from xen_bridge.protocol.documents.domains import CreateDomain, NewInterface
from xen_bridge.protocol.documents.neighborhood import Neighborhood, ScannedNeighbor
from xen_bridge.protocol.documents.topology import ConsolidatedNode, ElementInterface

MACS = {"r1": "00:16:3e:00:00:01", "r2": "00:16:3e:00:00:02"}


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api(tmp_path, monkeypatch)
    bridge = made.xen.add("xen1")
    made.xen.bridge("xen2").away = "no route"
    made.xen.hosts.add("xen2", made.xen.bridges["xen2"].url, made.xen.bridges["xen2"].node_pk)
    for (name, mac), other in zip(MACS.items(), ("r2", "r1"), strict=True):
        wanted = CreateDomain(name, interfaces=(NewInterface("br0", mac),), network="blue")
        bridge.physical.create(wanted)
        interface = ElementInterface(name="eth0", mac=mac, up=True)
        seen = ScannedNeighbor("eth0", f"10.0.0.{other[1]}", MACS[other], 0.25)
        bridge.consolidated[name] = ConsolidatedNode(
            name=name, interfaces=(interface,), neighbors=(seen,)
        )
    bridge.physical.create(CreateDomain("r3"))
    bridge.scanned = Neighborhood((ScannedNeighbor("eth0", "192.0.2.9", "02:00:00:00:00:09"),))
    made.xen.look("xen1")
    return made


def test_networks_are_shown_with_their_matrix_links_and_what_is_strange(api: Api) -> None:
    told = api.shown("topology")
    assert [told.index(f"Network {name}") for name in ("physical", "blue")] == sorted(
        told.index(f"Network {name}") for name in ("physical", "blue")
    )
    rows = [line.replace("│", " ").replace("┃", " ").split() for line in told.splitlines()]
    assert ["1", "r1", "xen1", "running", "0", "1"] in rows
    assert ["2", "r2", "xen1", "running", "1", "0"] in rows
    links = [row for row in rows if "<->" in row]
    assert [sorted({"r1", "r2"} & set(row)) for row in links] == [["r1", "r2"]]
    assert links[0][-1] == "0.25"
    assert "xen2: " in told
    assert "no route" in told
    assert "xen1 eth0 sees 192.0.2.9 02:00:00:00:00:09: unknown" in told
    assert "r3 on xen1 is of no virtual network" in told


def test_a_matrix_is_read_by_programs(api: Api, tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    told = api.shown("topology", "--network", "blue", "--format", "matrix")
    assert told.startswith("# blue: r1 r2\n")
    assert numpy.loadtxt(io.StringIO(told)).tolist() == [[0, 1], [1, 0]]


def test_json_and_xml_are_as_they_came(api: Api) -> None:
    assert api.json("topology")["virtual"]["blue"]["matrix"] == [[0, 1], [1, 0]]
    assert '"matrix"' in api.shown("topology", "--format", "json", "--network", "blue")
    assert "<row>0 1</row>" in api.shown("topology", "--format", "xml")


def test_dot_has_a_cluster_for_each_network_and_quotes_every_name(api: Api) -> None:
    told = api.shown("topology", "--format", "dot")
    assert told.count("subgraph cluster_") == 2
    assert 'label="r1 on xen1"' in told
    assert told.count(" -- ") == 1
    odd = {
        "a": {
            "nodes": [
                {"id": '1"]; x', "name": 'r"1\\', "host": "h\x1b", "uuid": "u", "state": "running"}
            ],
            "links": [],
        }
    }
    from horizon_ryu.cli.xen_topology import _dot_lines

    lines = "\n".join(_dot_lines(odd))
    assert r'label="r\"1\\ on h\\x1b"' in lines
    assert "\x1b" not in lines


def test_dot_is_what_graphviz_reads(api: Api) -> None:
    try:
        subprocess.run(("dot", "-V"), check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("needs graphviz")
    told = api.shown("topology", "--format", "dot")
    subprocess.run(("dot", "-Tplain"), input=told.encode(), check=True, capture_output=True)


def test_a_network_that_nobody_is_of_is_told_with_those_there_are(api: Api) -> None:
    refused = api("xen", "topology", "--network", "green")
    assert refused.exit_code == 1
    assert "there are: physical, blue" in refused.output


def test_scanning_anew_and_widely_is_asked_for(api: Api) -> None:
    api.shown("topology")
    api.shown("topology", "--max-age", "0", "--wide")
    bridge = api.xen.bridges["xen1"]
    found = [body for body, _, _ in bridge.asked if type(body).__name__ == "ConsolidateNode"]
    assert [body.wide for body in found] == [False, True]


def test_what_hosts_call_things_is_shown_harmless() -> None:
    odd = "\x1b[31mred"
    node = dict.fromkeys(("id", "name", "host", "uuid", "state", "reason"), odd)
    end = {"node": odd, "interface": odd, "mac": odd, "address": odd, "sees": True}
    link = {"src": {**end, "latency_ms": 1.0}, "dst": {**end, "latency_ms": None}}
    graph = {"nodes": [node], "matrix": None, "links": [link]}
    seen = dict.fromkeys(("node", "interface", "address", "mac", "why", "network"), odd)
    remarks = {
        "unassigned": [node],
        "strangers": [seen],
        "crossings": [{**seen, "other": odd, "other_network": odd}],
        "contested": [{"mac": odd, "claimed_by": [odd, odd]}],
        "duplicates": [{"uuid": odd, "hosts": [odd, odd]}],
        "problems": [{"node": odd, "problem": odd}],
    }
    out = Terminal(file=io.StringIO(), width=200)
    show_xen_topology.topology(out, {odd: graph}, remarks)
    told = out.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b" not in told
    assert told.count("red") >= 15
