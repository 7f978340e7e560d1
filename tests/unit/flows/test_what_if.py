"""What if: flows and trees over a network that is cut in thought."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from webob import Request

from horizon_ryu.core.errors import InvalidInput, NoRoute
from horizon_ryu.core.flows.flow import EntrySpec, Flow, FlowState, PathSpec
from horizon_ryu.core.flows.routing import Routing
from horizon_ryu.core.flows.what_if import Fate, FlowsNow, NetworkCut, suppose, without
from horizon_ryu.core.spanning_tree.forest import build_forest
from horizon_ryu.core.topology import Host, Link, Port, PortRef, Segment, Switch, TopologyView
from horizon_ryu.http.router import Router
from horizon_ryu.rest import what_if as what_if_resource
from horizon_ryu.wire.messages import Match, Output

TAGS = (4000, 4010)
EDGE = 9


def network(*cables: tuple[int, int]) -> TopologyView:
    """Return switches joined so: the port to switch N has the number N; each has a host at 9."""
    dpids = {dpid for cable in cables for dpid in cable}
    links: dict[PortRef, Link] = {}
    for one, other in cables:
        for here, there in ((one, other), (other, one)):
            link = Link(PortRef(here, there), PortRef(there, here))
            links[link.src] = link
    switches = {
        dpid: Switch(
            dpid,
            "",
            4,
            {n: Port(n, f"eth{n}", bytes(6), True) for n in (*sorted(dpids), EDGE)},
        )
        for dpid in dpids
    }
    hosts = [Host(bytes([2, 0, 0, 0, 0, dpid]), (), PortRef(dpid, EDGE)) for dpid in dpids]
    return TopologyView(1, switches, links, {host.key: host for host in hosts})


RING = network((1, 2), (2, 3), (3, 4), (4, 1))


def flow(view: TopologyView, number: int, src: int, dst: int, **more: Any) -> Flow:
    spec = PathSpec(Match(dl_type=0x800), PortRef(src, EDGE), PortRef(dst, EDGE), **more)
    return Routing(view, TAGS).routed(Flow(number, spec), tuple)


def asked(view: TopologyView, cut: NetworkCut, *flows: Flow) -> Any:
    return suppose(view, cut, FlowsNow(flows, TAGS, tuple))


def cable(one: int, other: int) -> Link:
    return Link(PortRef(one, other), PortRef(other, one))


def path(each: Flow | None) -> list[int]:
    return [] if each is None else [hop.dpid for hop in each.hops]


def test_a_flow_goes_around_a_cut_and_others_stay() -> None:
    through, beside = flow(RING, 1, 1, 2), flow(RING, 2, 3, 4)
    found = asked(RING, NetworkCut(links=(cable(2, 1),)), through, beside)
    assert [each.fate for each in found.flows] == [Fate.MOVES, Fate.UNCHANGED]
    assert path(found.flows[0].then) == [1, 4, 3, 2]
    assert (found.parts, found.hosts_cut_off) == (1, ())
    assert found.counts()[Fate.MOVES] == 1


def test_a_flow_breaks_where_there_is_no_other_way() -> None:
    through = flow(RING, 1, 1, 3)
    found = asked(RING, NetworkCut(switches=(2, 4)), through)
    assert (found.flows[0].fate, found.flows[0].then) == (Fate.BREAKS, None)
    assert found.flows[0].reason
    assert found.parts == 2
    assert [host.location.dpid for host in found.hosts_cut_off] == [2, 4]


def test_a_flow_breaks_with_its_port_its_given_path_and_its_entry() -> None:
    plain, given_path = flow(RING, 1, 1, 2), flow(RING, 2, 1, 2, path=(1, 2))
    entry = Flow(3, EntrySpec(3, Match(), (Output(EDGE),)))
    found = asked(RING, NetworkCut(ports=(PortRef(1, EDGE),)), plain)
    assert found.flows[0].fate is Fate.BREAKS
    found = asked(RING, NetworkCut(links=(cable(1, 2),), switches=(3,)), given_path, entry)
    assert [each.fate for each in found.flows] == [Fate.BREAKS, Fate.BREAKS]
    assert "given" in found.flows[0].reason


def test_what_is_broken_or_pending_stays_so() -> None:
    broken = replace(flow(RING, 1, 1, 2), state=FlowState.BROKEN)
    pending = replace(flow(RING, 2, 1, 2), state=FlowState.PENDING, hops=())
    found = asked(RING, NetworkCut(), broken, pending)
    assert [each.fate for each in found.flows] == [Fate.STAYS_BROKEN, Fate.STAYS_PENDING]


@pytest.mark.parametrize(
    ("cut", "loc"),
    [
        (NetworkCut(links=(cable(1, 2), cable(1, 3))), ("links", 1)),
        (NetworkCut(switches=(7,)), ("switches", 0)),
        (NetworkCut(ports=(PortRef(1, 99),)), ("ports", 0)),
    ],
)
def test_what_is_not_there_cannot_be_cut(cut: NetworkCut, loc: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked(RING, cut)
    assert refused.value.loc == loc


def test_a_segment_needs_two_ports() -> None:
    ports = (PortRef(1, 7), PortRef(2, 7), PortRef(3, 7))
    view = replace(RING, segments=dict.fromkeys(ports, Segment(ports)))
    left = without(view, NetworkCut(switches=(1,))).segments
    assert left == dict.fromkeys(ports[1:], Segment(ports[1:]))
    assert without(view, NetworkCut(switches=(1, 2))).segments == {}


@settings(max_examples=60)
@given(st.data())
def test_what_moves_really_has_a_path_in_what_is_left(data: st.DataObject) -> None:
    pairs = [(a, b) for a in range(1, 7) for b in range(a + 1, 7)]
    cables = data.draw(st.lists(st.sampled_from(pairs), min_size=5, max_size=12, unique=True))
    view = network(*cables)
    dpids = sorted(view.switches)
    ends = data.draw(st.lists(st.permutations(dpids).map(lambda p: p[:2]), max_size=4))
    flows = []
    for number, (src, dst) in enumerate(ends):
        try:
            flows.append(flow(view, number, src, dst))
        except NoRoute:
            continue
    gone = data.draw(st.lists(st.sampled_from(cables), max_size=4, unique=True))
    cut = NetworkCut(links=tuple(cable(*one) for one in gone))
    found = asked(view, cut, *flows)
    left = without(view, cut)
    routing = Routing(left, TAGS)
    reachable = build_forest(left)
    together = [set(tree.switches) for tree in reachable.trees]
    for each in found.flows:
        spec: Any = each.flow.spec
        is_joined = any({spec.src.dpid, spec.dst.dpid} <= part for part in together)
        hops = each.flow.hops if each.then is None else each.then.hops
        assert (each.fate is Fate.BREAKS) == (not is_joined)
        assert routing.is_whole(hops) == is_joined
    assert found.parts == len(together)


class FakeFlowManager:
    """Stands for the Flow Manager."""

    def __init__(self) -> None:
        self.flows = (flow(RING, 1, 1, 2), flow(RING, 2, 3, 4))

    def suppose(self, cut: NetworkCut) -> Any:
        return asked(RING, cut, *self.flows)

    def forest(self) -> Any:
        return build_forest(RING)


def post(body: bytes, query: str = "") -> Any:
    router = Router(switches={"s1": 1, "s2": 2}.get)
    router.add(what_if_resource.resources(FakeFlowManager()))
    request = Request.blank(f"/v1/what-if{query}", method="POST", content_type="application/json")
    request.body = body
    return request.get_response(router)


CUT = b"""{"links": [{"src": {"dpid": "s1", "port_no": 2}, "dst": {"dpid": "s2", "port_no": 1}}]}"""


def test_it_is_asked_over_rest() -> None:
    told = post(CUT).json
    (moved,) = told["flows"]
    assert (moved["id"], moved["outcome"], moved["reason"]) == ("00000001", "moves", None)
    assert [hop["dpid"][-1] for hop in moved["new_path"]] == ["1", "4", "3", "2"]
    assert told["counts"] == {
        "unchanged": 1,
        "moves": 1,
        "breaks": 0,
        "stays_broken": 0,
        "stays_pending": 0,
    }
    assert told["tree"]["removed"] == [
        {
            "src": {"dpid": f"{1:016x}", "port_no": 2},
            "dst": {"dpid": f"{2:016x}", "port_no": 1},
        }
    ]
    assert len(told["tree"]["added"]) == 1
    assert len(post(CUT, "?all=1").json["flows"]) == 2
    assert post(b"{}").json["flows"] == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"switches": ["s9"]}',
        b'{"switches": [77]}',
        b'{"links": [{"src": {"dpid": 1, "port_no": 2}}]}',
        b'{"cut": []}',
        b'{"ports": {"dpid": 1}}',
    ],
)
def test_wrong_cuts_are_refused(body: bytes) -> None:
    answer = post(body)
    assert answer.status_int == 422
    assert answer.json["errors"][0]["loc"]
