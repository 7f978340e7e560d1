"""Flows that would forward nothing, or all there is: refused; and ports that go away later."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.flow import EntrySpec, Flow, FlowState, PathSpec
from horizon_ryu.core.flows.migrate_command import MigrateFlow
from horizon_ryu.core.flows.planner import CreateFlow
from horizon_ryu.core.topology import Port, PortRef, TopologyChange
from horizon_ryu.wire.messages import (
    LOCAL_PORT,
    VLAN_NONE,
    Enqueue,
    Match,
    Output,
    OutputInPort,
    SetField,
    StripVlan,
    output,
)
from unit.flows.fabric import EDGE, Fabric, mac

CABLES = [(1, 2), (2, 3)]
IP, LLDP = Match(dl_type=0x0800), Match(dl_type=0x88CC)


def entry(*actions: Any, match: Match = Match(in_port=2), **more: Any) -> EntrySpec:  # noqa: B008
    return EntrySpec(2, match, actions, **more)


def path(match: Match = IP, src: int = 1, dst: int = 3, **more: Any) -> PathSpec:
    return PathSpec(match, PortRef(src, EDGE), PortRef(dst, EDGE), **more)


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def fabric(request: Any) -> Fabric:
    view_ports = Fabric(CABLES, openflow=request.param)
    change_ports(view_ports, 2, {2: Port(2, "own", mac(2), True)})
    return view_ports


def change_ports(fabric: Fabric, dpid: int, more: dict[int, Port], gone: int | None = None) -> None:
    """Switch ``dpid`` has ``more`` ports, and no port ``gone``."""
    switch = fabric.view.switches[dpid]
    ports = {number: port for number, port in switch.ports.items() if number != gone} | more
    changed = replace(switch, ports=MappingProxyType(ports))
    switches = {**fabric.view.switches, dpid: changed}
    fabric.view = replace(fabric.view, version=fabric.view.version + 1, switches=switches)


@pytest.mark.parametrize(
    ("spec", "loc"),
    [
        (entry(Output(2)), ("actions",)),
        (entry(Output(1), Output(2)), ("actions",)),
        (entry(Enqueue(2, 1)), ("actions",)),
        (entry(output(LOCAL_PORT), match=Match(in_port=LOCAL_PORT)), ("actions",)),
        (entry(Output(77)), ("actions",)),
        (entry(Output(1), Output(77)), ("actions",)),
        (entry(Enqueue(77, 1)), ("actions",)),
        (entry(Output(1), match=Match(in_port=77)), ("match", "in_port")),
        (entry(SetField("dl_vlan", 7)), ("actions",)),
        (entry(StripVlan()), ("actions",)),
        (path(src=1, dst=1), ("dst",)),
        (path(src=1, dst=1, waypoints=(2,)), ("dst",)),
        (path(Match()), ("match",)),
        (path(Match(dl_vlan=VLAN_NONE)), ("match",)),
        (path(LLDP), ("match", "dl_type")),
        (entry(Output(1), match=LLDP), ("match", "dl_type")),
    ],
)
def test_what_would_do_nothing_or_all_is_refused_and_its_field_named(
    fabric: Fabric, spec: Any, loc: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        fabric.service.create([CreateFlow(spec)])
    assert refused.value.loc == loc
    with pytest.raises(InvalidInput) as refused:
        fabric.service.create([CreateFlow(spec, True, ("flows", 3))])
    assert refused.value.loc == ("flows", 3, *loc)
    assert fabric.tables.batches == []


@pytest.mark.parametrize(
    "spec",
    [
        entry(),
        entry(OutputInPort()),
        entry(Output(1)),
        entry(Output(2), match=IP),
        path(Match(), everything=True),
        path(Match(dl_vlan=10)),
        path(Match(dl_dst=mac(3))),
    ],
)
def test_what_does_something_is_made(fabric: Fabric, spec: Any) -> None:
    (flow,) = fabric.service.create([CreateFlow(spec)])
    assert flow.state is FlowState.ACTIVE


def test_a_change_is_held_to_the_same(fabric: Fabric) -> None:
    (one,) = fabric.service.create([CreateFlow(entry(Output(1)))])
    for actions in ((Output(2),), (Output(77),)):
        with pytest.raises(InvalidInput):
            fabric.service.change(one.number, replace(one.spec, actions=actions))
    (all_of_it,) = fabric.service.create([CreateFlow(path(Match(), everything=True))])
    with pytest.raises(InvalidInput):
        fabric.service.change(all_of_it.number, replace(all_of_it.spec, everything=False))


def test_flows_of_before_that_take_everything_can_still_be_changed(fabric: Fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(Match(), everything=True))])
    before = replace(flow, spec=replace(flow.spec, everything=False))
    fabric.registry.update(before)
    changed = fabric.service.change(flow.number, replace(before.spec, idle_timeout=7))
    assert changed.spec.idle_timeout == 7


def test_a_migration_of_everything_is_asked_for_explicitly(fabric: Fabric) -> None:
    wanted = MigrateFlow((1, 2, 3), match=Match(in_port=EDGE, dl_dst=mac(3)))
    fabric.migrations.dry_run([wanted])
    with pytest.raises(InvalidInput):
        fabric.migrations.dry_run([replace(wanted, match=Match(in_port=EDGE))])
    # The host is at the very port.
    there = Match(in_port=EDGE, dl_dst=mac(1))
    with pytest.raises(InvalidInput) as refused:
        fabric.migrations.dry_run([replace(wanted, dpids=(1,), match=there)])
    assert refused.value.loc == ("match",)


def told(fabric: Fabric, flow: Flow, change: TopologyChange) -> FlowState:
    """Have the monitor look at what a change concerns, and return the flow's state."""
    fabric.monitor.changed([change])
    if fabric.monitor._suspects:
        fabric.monitor.turn()
    return fabric.registry.get(flow.number).state


@pytest.mark.parametrize("spec", [entry(Output(1)), path(src=2, dst=3), path(src=3, dst=2)])
def test_the_state_is_told_when_a_port_goes_and_when_it_is_back(fabric: Fabric, spec: Any) -> None:
    (flow,) = fabric.service.create([CreateFlow(spec)])
    gone = 1 if isinstance(spec, EntrySpec) else EDGE
    port = fabric.view.switches[2].ports[gone]
    change_ports(fabric, 2, {}, gone)
    where = PortRef(2, gone)
    assert told(fabric, flow, TopologyChange("port_delete", where)) is FlowState.BROKEN
    assert fabric.events.kinds()[-1] == "flow_broken"
    assert told(fabric, flow, TopologyChange("port_add", PortRef(1, 66))) is FlowState.BROKEN
    change_ports(fabric, 2, {gone: port})
    assert told(fabric, flow, TopologyChange("port_add", where)) is FlowState.ACTIVE
    assert fabric.events.kinds()[-1] == "flow_restored"


def test_a_switch_that_comes_back_without_the_port_is_found_out(fabric: Fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(entry(Output(1)))])
    switch = fabric.view.switches[2]
    others = {dpid: each for dpid, each in fabric.view.switches.items() if dpid != 2}
    fabric.view = replace(fabric.view, version=50, switches=others)
    assert told(fabric, flow, TopologyChange("switch_leave", switch)) is FlowState.ACTIVE
    fabric.view = replace(fabric.view, version=51, switches={**others, 2: switch})
    change_ports(fabric, 2, {}, 1)
    assert told(fabric, flow, TopologyChange("switch_join", switch)) is FlowState.BROKEN


IPV6 = Match(dl_type=0x86DD)
ICMP6 = IPV6._replace(nw_proto=58)
SOLICITATION, ADVERTISEMENT = (ICMP6._replace(tp_src=kind) for kind in (135, 136))


@pytest.mark.parametrize("fabric", [4], indirect=True)
@pytest.mark.parametrize(
    ("match", "action"),
    [
        (IPV6, SetField("ipv6_src", 1)),
        (IPV6, SetField("ipv6_dst", 2**128 - 1)),
        (IPV6, SetField("nw_tos", 184)),
        (IPV6, SetField("ip_ecn", 3)),
        (IP, SetField("ip_ecn", 1)),
        (IPV6._replace(nw_proto=6), SetField("tp_dst", 80)),
        (ICMP6, SetField("tp_src", 129)),
        (SOLICITATION, SetField("ipv6_nd_target", 5)),
        (SOLICITATION, SetField("ipv6_nd_sll", mac(9))),
        (ADVERTISEMENT, SetField("ipv6_nd_target", 5)),
        (ADVERTISEMENT, SetField("ipv6_nd_tll", mac(9))),
    ],
)
def test_what_is_set_in_ipv6_is_read_back_as_it_was_sent(
    fabric: Fabric, match: Match, action: SetField
) -> None:
    (flow,) = fabric.service.create([CreateFlow(entry(action, Output(1), match=match))])
    assert flow.state is FlowState.ACTIVE
    (held,) = fabric.tables.flow_entries(2)
    assert (held.match, held.actions, held.exact) == (match, (action, Output(1)), True)


@pytest.mark.parametrize(
    ("match", "action"),
    [
        (IP, SetField("ipv6_src", 1)),
        (Match(), SetField("ipv6_dst", 1)),
        (Match(), SetField("ip_ecn", 1)),
        (ICMP6, SetField("ipv6_nd_target", 5)),
        (ADVERTISEMENT, SetField("ipv6_nd_sll", mac(9))),
        (SOLICITATION, SetField("ipv6_nd_tll", mac(9))),
        (ICMP6, SetField("tp_src", 256)),
    ],
)
def test_a_field_that_such_frames_lack_is_not_set(
    fabric: Fabric, match: Match, action: SetField
) -> None:
    with pytest.raises(InvalidInput) as refused:
        fabric.service.create([CreateFlow(entry(action, Output(1), match=match))])
    assert refused.value.loc[0] in ("actions", "match")
    assert not fabric.tables.flow_entries(2)


@pytest.mark.parametrize("fabric", [1], indirect=True)
@pytest.mark.parametrize("field", ["ipv6_src", "ipv6_nd_target", "ip_ecn"])
def test_what_1_0_cannot_set_is_refused_by_name(fabric: Fabric, field: str) -> None:
    with pytest.raises(InvalidInput, match=f"OpenFlow 1.0 cannot set {field}") as refused:
        fabric.service.create([CreateFlow(entry(SetField(field, 1), Output(1), match=IP))])
    assert refused.value.loc == ("actions",)
