"""Changes over random networks: no packet suffers, and no failure leaves a trace."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.entries import keys_of
from horizon_ryu.core.flows.flow import Flow, PathSpec
from horizon_ryu.core.flows.plan import plan_change
from horizon_ryu.core.flows.routing import Routing
from horizon_ryu.core.routes.route import RouteKind
from horizon_ryu.core.topology import PortRef, TopologyView
from horizon_ryu.wire.messages import VLAN_NONE, Match
from unit.core.flows.network_model import Journey, Model
from unit.core.flows.plans_in_model import failures, not_empty, tables_of, waves_in
from unit.core.routes.test_routes import EDGE, network

MANY = settings(max_examples=examples(70, 400), derandomize=True)
TAGS = (3000, 3010)


@st.composite
def networks(draw: st.DrawFn) -> TopologyView:
    """Up to eight switches, all connected, some by several cables."""
    count = draw(st.integers(2, 8))
    tree = [(dpid, draw(st.integers(1, dpid - 1))) for dpid in range(2, count + 1)]
    pair = st.tuples(st.integers(1, count), st.integers(1, count))
    more = draw(st.lists(pair.filter(lambda ends: ends[0] != ends[1]), max_size=8))
    return network([*tree, *more])


def spec(view: TopologyView, data: st.DataObject, vlan: int) -> PathSpec:
    dpids = st.sampled_from(sorted(view.switches))
    src, dst = data.draw(dpids), data.draw(dpids)
    waypoints = tuple(data.draw(st.lists(dpids, max_size=3)))
    assume(src != dst or waypoints)
    return PathSpec(Match(dl_vlan=vlan), PortRef(src, EDGE), PortRef(dst, EDGE), waypoints)


def again(view: TopologyView, data: st.DataObject, before: PathSpec) -> PathSpec:
    waypoints = tuple(data.draw(st.lists(st.sampled_from(sorted(view.switches)), max_size=3)))
    return PathSpec(
        before.match,
        before.src,
        before.dst,
        waypoints,
        priority=data.draw(st.sampled_from((before.priority, 40_000))),
        hard_timeout=data.draw(st.sampled_from((0, 9))),
        queue=data.draw(st.sampled_from((None, 0))),
    )


def links(view: TopologyView) -> dict[tuple[int, int], tuple[int, int]]:
    return {tuple(src): tuple(link.dst) for src, link in view.links.items()}


def on_the_wire(vlan: int) -> int | None:
    return None if vlan == VLAN_NONE else vlan


@MANY
@given(view=networks(), data=st.data(), vlan=st.sampled_from((VLAN_NONE, 7)))
def test_every_change_is_safe_and_every_failure_is_taken_back(view, data, vlan: int) -> None:
    routing = Routing(view, TAGS)
    asked = spec(view, data, vlan)
    old = routing.routed(Flow(1, asked), frozenset)
    wish = again(view, data, asked)
    plan = routing.change(old, Flow(1, wish), lambda: old.tags)
    assert plan.new is not None
    ends = (tuple(asked.src), tuple(asked.dst), on_the_wire(vlan))
    journey = Journey(*ends)
    model = Model(links(view), tables_of(old), waves_in(plan))
    assert model.violation(journey) is None, (old.hops, plan.new.hops)
    assert not_empty(model.final) == tables_of(plan.new)
    after = Model(links(view), model.final, [])
    assert after.violation(Journey(*ends, waypoints=tuple(passed_by(asked, wish)))) is None
    for waves in failures(plan):
        back = Model(links(view), tables_of(old), waves)
        assert back.violation(journey) is None, (old.hops, plan.new.hops)
        assert not_empty(back.final) == tables_of(old)


def passed_by(asked: PathSpec, wish: PathSpec) -> list[int]:
    """Return the waypoints of ``wish``; standing still is passing once."""
    found: list[int] = []
    for dpid in (asked.src.dpid, *wish.waypoints):
        if not found or dpid != found[-1]:
            found.append(dpid)
    return found


@MANY
@given(view=networks(), data=st.data())
def test_waypoints_of_both_are_kept_throughout(view, data) -> None:
    routing = Routing(view, TAGS)
    asked = spec(view, data, VLAN_NONE)
    old = routing.routed(Flow(1, asked), frozenset)
    shorter = PathSpec(asked.match, asked.src, asked.dst, asked.waypoints[:1])
    plan = routing.change(old, Flow(1, shorter), lambda: old.tags)
    journey = Journey(
        tuple(asked.src), tuple(asked.dst), None, tuple(dict.fromkeys(asked.waypoints[:1]))
    )
    model = Model(links(view), tables_of(old), waves_in(plan))
    assert model.violation(journey) is None


@MANY
@given(view=networks(), data=st.data(), vlan=st.sampled_from((VLAN_NONE, 7)))
def test_no_two_entries_of_a_flow_have_one_key(view, data, vlan: int) -> None:
    flow = Routing(view, TAGS).routed(Flow(1, spec(view, data, vlan)), frozenset)
    assert len(set(keys_of(flow))) == len(flow.hops)
    assert (flow.kind is RouteKind.TAGGED) == bool(flow.tags)


@MANY
@given(view=networks(), data=st.data())
def test_without_a_known_vlan_nothing_is_tagged(view, data) -> None:
    routing = Routing(view, TAGS)
    asked = spec(view, data, VLAN_NONE)
    unknown = PathSpec(Match(dl_type=0x0800), asked.src, asked.dst, asked.waypoints)
    if routing.routed(Flow(1, asked), frozenset).tags:
        with pytest.raises(InvalidInput) as refused:
            routing.routed(Flow(1, unknown), frozenset)
        assert refused.value.loc == ("match", "dl_vlan")
        return
    flow = routing.routed(Flow(1, unknown), frozenset)
    journey = Journey(tuple(asked.src), tuple(asked.dst))
    assert Model(links(view), tables_of(flow), []).violation(journey) is None


@MANY
@given(view=networks(), data=st.data())
def test_what_is_removed_is_gone_and_a_second_flow_is_not_disturbed(view, data) -> None:
    routing = Routing(view, TAGS)
    first = routing.routed(Flow(1, spec(view, data, VLAN_NONE)), frozenset)
    other = PathSpec(Match(dl_vlan=9), first.spec.src, first.spec.dst)
    second = routing.routed(Flow(2, other), lambda: first.tags)
    wish = PathSpec(first.spec.match, first.spec.src, first.spec.dst)
    plan = plan_change(first, routing.routed(Flow(1, wish), lambda: first.tags))
    assume(plan is not None)
    model = Model(links(view), tables_of(first, second), waves_in(plan))
    ends = tuple(other.src), tuple(other.dst)
    assert model.violation(Journey(*ends, 9)) is None
    assert model.violation(Journey(*ends, None)) is None
