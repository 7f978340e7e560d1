"""Topology of real routers: three hosts in a line, six routers in two virtual networks."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from lxml import etree

from integration.router_hosts import HOSTS, RouterHosts
from tools.work_clock import WorkClock, wait_for_work
from xen_bridge.protocol.documents.topology import ConsolidateNode

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
    pytest.mark.skipif(shutil.which("nmap") is None, reason="needs nmap"),
]
LINE = ((0, 1, 0), (1, 0, 1), (0, 1, 0))
MESH = ((0, 1, 1), (1, 0, 1), (1, 1, 0))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterHosts]:
    """Three hosts in a line; blue is a line over them, red one segment with the same addresses."""
    folder = tmp_path_factory.mktemp("routers")
    with RouterHosts(folder, 3, f"t{uuid.uuid4().hex[:5]}_") as made:
        one, two, three = made.hosts
        made.cable(one, two, "198.51.100.0/29")
        made.cable(two, three, "203.0.113.0/29")
        made.segment("blue12", one, two)
        made.segment("blue23", one, two, three)
        made.segment("red", one, two, three)
        made.router(one, "b1", "blue", {"blue12": "10.0.12.1/29"})
        made.router(two, "b2", "blue", {"blue12": "10.0.12.2/29", "blue23": "10.0.23.2/29"})
        made.router(three, "b3", "blue", {"blue23": "10.0.23.3/29"})
        for number, host in enumerate(made.hosts, 1):
            made.router(host, f"r{number}", "red", {"red": f"10.0.12.{number}/29"})
        yield made
    assert "Traceback" not in made.controller.log()


def matrix(graph: Mapping[str, Any]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, graph["matrix"]))


def until(site: RouterHosts, wanted: Mapping[str, Any]) -> Any:
    """Return the topology, as soon as its networks have the matrices that are ``wanted``.

    A scan gives up on an answer after a tenth of a second, which a busy machine may need.
    """
    found: list[Any] = []

    def is_so() -> bool:
        found[:] = [site.ask("GET", "/v1/xen/topology?max_age=0")]
        graphs = {"physical": found[0]["physical"], **found[0]["virtual"]}
        return {name: matrix(graph) for name, graph in graphs.items()} == wanted

    wait_for_work(is_so, WorkClock(lambda: (site.controller.pid, os.getpid())), 20, f"{wanted}")
    return found[0]


def names(graph: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(node["name"], node["host"]) for node in graph["nodes"]]


def test_the_matrices_of_three_hosts_and_six_routers_in_two_networks_are_exact(
    site: RouterHosts,
) -> None:
    told = until(site, {"physical": LINE, "blue": LINE, "red": MESH})
    assert names(told["physical"]) == [(f"host{n}", f"host{n}") for n in (1, 2, 3)]
    assert names(told["virtual"]["blue"]) == [(f"b{n}", f"host{n}") for n in (1, 2, 3)]
    assert names(told["virtual"]["red"]) == [(f"r{n}", f"host{n}") for n in (1, 2, 3)]
    links = told["virtual"]["blue"]["links"]
    ends = {(link[end]["interface"], link[end]["address"]) for link in links for end in link}
    assert ends == {
        ("eth0", "10.0.12.1"),
        ("eth0", "10.0.12.2"),
        ("eth1", "10.0.23.2"),
        ("eth0", "10.0.23.3"),
    }
    assert all(link[end]["latency_ms"] > 0 for link in links for end in link if link[end]["sees"])
    # Nobody is there whom nobody knows, and nobody sees what is not its network's.
    assert not any(told["remarks"].values())


def test_the_documents_between_nodes_have_physical_and_virtual_elements_side_by_side(
    site: RouterHosts,
) -> None:
    data = site.ask("GET", "/v1/xen/topology", accept="application/xml")
    root = etree.fromstring(data)
    assert [one.findtext("name") for one in root.findall("network")] == ["physical", "blue", "red"]
    node = site.hosts[1].bridge.client().ask(ConsolidateNode(), None, 60.0)
    kinds = {one.name: one.kind for one in node.interfaces}
    assert {name for name, kind in kinds.items() if kind == "bridge"} == {"blue12", "blue23", "red"}
    # The outer ends of the routers' interfaces are the routers', not the host's.
    assert not any(name.startswith("hzv") for name in kinds)
    assert [(one.name, one.network) for one in node.routers] == [("b2", "blue"), ("r2", "red")]
    assert [one.addresses[0] for one in node.routers[0].interfaces] == [
        "10.0.12.2/29",
        "10.0.23.2/29",
    ]


def test_a_router_that_moved_has_the_same_row_the_same_links_and_its_new_host(
    site: RouterHosts,
) -> None:
    one, two, _ = site.hosts
    for host, other, way in ((one, two, 2), (two, one, 1)):
        host.namespace.ip("route", "add", other.address, "via", f"198.51.100.{way}")
        host.bridge.authorize(other.bridge.identity)
    before = until(site, {"physical": LINE, "blue": LINE, "red": MESH})["virtual"]["blue"]
    wanted = {"destination": one.name, "mode": "standard"}
    begun = site.ask("POST", f"{HOSTS}/{two.name}/domains/b2/migrations", wanted)
    path = f"/v1/migrations/{begun['id']}"
    ended = ("done", "failed", "rolled_back")
    clock = WorkClock(lambda: (site.controller.pid, one.bridge.pid, two.bridge.pid))
    wait_for_work(lambda: site.ask("GET", path)["state"] in ended, clock, 20, "b2 moves")
    assert site.ask("GET", path)["state"] == "done"
    after = until(site, {"physical": LINE, "blue": LINE, "red": MESH})["virtual"]["blue"]
    assert names(after) == [("b1", "host1"), ("b2", "host1"), ("b3", "host3")]
    assert [node["id"] for node in after["nodes"]] == [node["id"] for node in before["nodes"]]
    assert ends(after) == ends(before)


def ends(graph: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Return the ends of all links; a busy machine may miss one view of a link."""
    return {
        (link[end]["node"], link[end]["interface"], link[end]["mac"])
        for link in graph["links"]
        for end in ("src", "dst")
    }


def test_a_host_whose_service_is_dead_is_told_with_the_reason_and_its_routers_are_strangers(
    site: RouterHosts,
) -> None:
    three = site.hosts[2]
    port = three.bridge.port
    three.bridge.kill()
    try:
        pair = ((0, 1), (1, 0))
        physical = ((0, 1, 0), (1, 0, 0), (0, 0, 0))
        told = until(site, {"physical": physical, "blue": pair, "red": pair})
        away = told["physical"]["nodes"][2]
        assert (away["name"], away["state"]) == ("host3", "away")
        assert away["reason"]
        strangers = {one["address"] for one in told["remarks"]["strangers"]}
        assert {"203.0.113.2", "10.0.12.3"} & strangers
    finally:
        three.bridge.start(port)
    until(site, {"physical": LINE, "blue": LINE, "red": MESH})
