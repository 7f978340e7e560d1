"""FlowVisor's acceptance cases for OpenFlow 1.0, by their names, and its defects R1 to R20."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.slicing.limits import SliceLimits
from horizon_ryu.core.slicing.rule import FlowspaceRule, Permission
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.core.slicing.slice_settings import (
    BandwidthMode,
    BandwidthShare,
    DropPolicy,
)
from horizon_ryu.wire.error_codes10 import OFPBAC, OFPBRC, OFPET, OFPFMFC, OFPPMFC
from horizon_ryu.wire.of10.asynchronous import FlowRemoved10, PacketIn10, PortStatus10, Vendor
from horizon_ryu.wire.of10.controller import FlowMod10, PacketOut10, PortMod10
from horizon_ryu.wire.of10.handshake import FeaturesReply10
from horizon_ryu.wire.of10.statistics import (
    AggregateStats,
    DescStats,
    FlowStats10,
    FlowStatsRequest10,
    PortStats10,
    PortStatsRequest10,
    QueueStats10,
    QueueStatsRequest10,
    StatsReply,
    StatsRequest,
    TableStats10,
    VendorStats,
)
from horizon_ryu.wire.of10.structures import (
    ActionEnqueue,
    ActionSetDlDst,
    ActionSetDlSrc,
    ActionSetNwDst,
    ActionSetNwSrc,
    ActionSetNwTos,
    ActionSetTpDst,
    ActionSetTpSrc,
    ActionSetVlanPcp,
    ActionSetVlanVid,
    ActionStripVlan,
)
from horizon_ryu.wire.ofp10 import OFP_NO_BUFFER, OFPFF, OFPP, OFPPC, OFPST
from horizon_ryu.wire.symmetric import (
    Error,
    FeaturesRequest,
    GetConfigReply,
    GetConfigRequest,
    SetConfig,
)
from unit.slicing.sliced10 import (
    MACS_0,
    MACS_1,
    MESSAGES,
    Sliced,
    flow_mod,
    frame,
    mac,
    match,
    output,
    packet_out,
    port,
    rules_of,
    ternary,
)

FLOOD, ALL, CONTROLLER = int(OFPP.FLOOD), int(OFPP.ALL), int(OFPP.CONTROLLER)
BUFFER = 0x12345678
NONE_PORT = 0xFFFF


def only_error(sliced: Sliced, name: str) -> Error:
    found = sliced[name].news()
    assert [type(one) for one in found] == [Error]
    error: Error = found[0]
    return error


def refused(sliced: Sliced, name: str, kind: int, code: int) -> None:
    """Check that a tenant was told of an error, and that nothing went to the switch."""
    error = only_error(sliced, name)
    assert (error.type, error.code) == (kind, code)
    assert not sliced.news()


def own(**fields: int) -> Any:
    """Return a match in the flowspace of c0."""
    return match(**{"in_port": 0, "dl_src": mac(MACS_0[0]), **fields})


# ---- basic


def test_setup_empties_the_switch() -> None:
    first = Sliced().first[0]
    assert isinstance(first, FlowMod10)
    assert (first.command, first.priority, first.out_port) == (3, 0, NONE_PORT)
    assert ternary(first.match).mask == 0


def test_basic_pkt_in_per_port() -> None:
    sliced = Sliced()
    sliced.packet_in(frame(MACS_0[0]), 0)
    assert [type(one) for one in sliced["c0"].news()] == [PacketIn10]
    assert not sliced["c1"].news()
    sliced.packet_in(frame(MACS_1[0]), 1)
    assert not sliced["c0"].news()
    assert [type(one) for one in sliced["c1"].news()] == [PacketIn10]


def test_basic_pkt_in_per_src_mac() -> None:
    sliced = Sliced()
    for name, macs in (("c0", MACS_0), ("c1", MACS_1)):
        sliced.packet_in(frame(macs[1]), 3)
        assert len(sliced[name].news()) == 1
        assert not sliced["c1" if name == "c0" else "c0"].news()


def test_basic_port_status() -> None:
    sliced = Sliced(ports=0)
    for number, name in ((0, "c0"), (1, "c1")):
        sliced.answer(PortStatus10(0, port(number)))
        assert [one.desc.port_no for one in sliced[name].news()] == [number]
        assert not any(tenant.news() for tenant in sliced.tenants.values())


def test_basic_pkt_out_correct_and_error() -> None:
    sliced = Sliced()
    (sent,) = sliced.ask("c0", packet_out(frame(MACS_0[0]), output(0)))
    assert isinstance(sent, PacketOut10)
    assert sent.actions == (output(0),)
    assert sent.data == frame(MACS_0[0])
    foreign = packet_out(frame("00:00:00:00:00:00"), output(0))
    assert not sliced.ask("c0", foreign, xid=4711)
    error = only_error(sliced, "c0")
    assert (error.type, error.code) == (OFPET.BAD_ACTION, OFPBAC.EPERM)
    assert error.data == MESSAGES.encode(4711, foreign)


def test_basic_pkt_out_flood() -> None:
    sliced = Sliced()
    for name, src, ports in (("c0", MACS_0[0], [0, 2, 3]), ("c1", MACS_1[0], [1, 3])):
        (sent,) = sliced.ask(name, packet_out(frame(src), output(FLOOD)))
        assert [action.port for action in sent.actions] == ports


def test_basic_pkt_out_short() -> None:
    sliced = Sliced()
    (sent,) = sliced.ask("c0", packet_out(frame(MACS_0[0], 0, b""), output(0)))
    assert len(sent.data) == 14


def test_basic_pkt_out_buffer_id() -> None:
    sliced = Sliced()
    sliced.packet_in(frame(MACS_0[0]), 0, BUFFER)
    assert sliced["c0"].news()[0].buffer_id == BUFFER
    assert not sliced.ask("c1", packet_out(b"", output(1), buffer_id=BUFFER))
    refused(sliced, "c1", OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN)
    (sent,) = sliced.ask("c0", packet_out(b"", output(2), in_port=0, buffer_id=BUFFER))
    assert sent.buffer_id == BUFFER


def test_basic_vendor_is_refused_unless_it_is_allowed() -> None:
    """R12: FlowVisor forwarded vendor messages blindly."""
    sliced = Sliced()
    assert not sliced.ask("c0", Vendor(0x2320, bytes(8)))
    refused(sliced, "c0", OFPET.BAD_REQUEST, OFPBRC.BAD_VENDOR)
    allowed = Sliced(allows_vendor=frozenset({0x2320}))
    assert allowed.ask("c0", Vendor(0x2320, bytes(8))) == [Vendor(0x2320, bytes(8))]
    allowed.answer(Vendor(0x2320, b"12345678"), allowed.last_xid())
    assert allowed["c0"].got[0].xid == allowed.xid


def test_statistics_of_a_vendor_are_refused_unless_it_is_allowed() -> None:
    asked = StatsRequest(int(OFPST.VENDOR), 0, VendorStats(0x2320, bytes(8)))
    sliced = Sliced()
    assert not sliced.ask("c0", asked)
    refused(sliced, "c0", OFPET.BAD_REQUEST, OFPBRC.BAD_VENDOR)
    allowed = Sliced(allows_vendor=frozenset({0x2320}))
    assert allowed.ask("c0", asked) == [asked]
    told = StatsReply(int(OFPST.VENDOR), 0, asked.body)
    allowed.answer(told, allowed.last_xid())
    (reply,) = allowed["c0"].got
    assert (reply.xid, reply.message) == (allowed.xid, told)


def test_what_the_switch_answers_has_the_id_that_the_tenant_asked_under() -> None:
    sliced = Sliced()
    for name, xid in (("c0", 5), ("c1", 5)):
        sliced.ask(name, StatsRequest(int(OFPST.DESC)), xid=xid)
        seen = sliced.last_xid()
        assert seen >= 256
        texts = [b"x".ljust(size, b"\0") for size in (256, 256, 256, 32, 256)]
        sliced.answer(StatsReply(int(OFPST.DESC), 0, DescStats(*texts)), seen)
        assert [one.xid for one in sliced[name].got] == [xid]
        sliced[name].news()


# ---- arp, flowmod


def test_arp_flow_mod_arp() -> None:
    sliced = Sliced()
    arp = own(dl_type=0x0806, nw_src=0x0A000001, nw_proto=1)
    (sent,) = sliced.ask("c0", flow_mod(arp, output(2)))
    assert (sent.match, sent.actions, sent.priority) == (arp, (output(2),), 1000)


def test_flowmod_expand_not() -> None:
    sliced = Sliced()
    sliced.packet_in(frame(MACS_0[0]), 0, BUFFER)
    (sent,) = sliced.ask("c0", flow_mod(own(dl_type=0x0800), output(3), buffer_id=BUFFER))
    assert sent.buffer_id == BUFFER
    assert sent.match == own(dl_type=0x0800)


def test_flowmod_expand() -> None:
    sliced = Sliced()
    sliced.packet_in(frame(MACS_0[0]), 0, BUFFER)
    sent = sliced.ask("c0", flow_mod(match(), output(CONTROLLER, 128), buffer_id=BUFFER))
    expected = {
        ternary(match(in_port=number, dl_src=mac(address)))
        for number in (0, 2, 3)
        for address in MACS_0
    }
    assert {ternary(one.match) for one in sent} == expected
    buffered = [one for one in sent if one.buffer_id == BUFFER]
    assert len(buffered) == 1
    assert ternary(buffered[0].match) == ternary(match(in_port=0, dl_src=mac(MACS_0[0])))


def test_flowdb_track_on() -> None:
    sliced = Sliced()
    sliced.ask("c0", flow_mod(own(dl_type=0x0800), output(2)))
    sliced.ask("c0", flow_mod(own(dl_type=0x0806), output(3)))
    (flood,) = sliced.ask("c0", flow_mod(own(dl_type=0x0900), output(FLOOD), cookie=0, idle=1))
    assert [action.port for action in flood.actions] == [2, 3], "not back to where it came from"
    table = sliced.datapath.sliced.table("c0")
    assert len(table) == 3
    sliced.answer(FlowRemoved10(flood.match, flood.cookie, flood.priority, 0, 1, 0, 1, 5, 500))
    assert len(table) == 2
    sliced.ask("c0", flow_mod(match(), command=3))
    assert len(table) == 0


@pytest.mark.parametrize(("policy", "expected"), [(DropPolicy.EXACT, 1), (DropPolicy.RULE, 1)])
def test_disconnected_pkt_in_to_nobody(policy: DropPolicy, expected: int) -> None:
    sliced = Sliced(drop_policy=policy)
    sliced.datapath.disconnect(sliced["c1"])
    sliced.packet_in(frame(MACS_1[0]), 1, 5)
    sent = sliced.news()
    assert len(sent) == expected
    drop = sent[0]
    assert (drop.idle_timeout, drop.hard_timeout, drop.priority) == (1, 0, 0)
    assert (drop.flags, drop.buffer_id, drop.actions) == (OFPFF.SEND_FLOW_REM, 0, ())
    if policy is DropPolicy.RULE:
        assert ternary(drop.match) == ternary(match(in_port=1, dl_src=mac(MACS_1[0])))
    else:
        assert drop.match.wildcards == 0


def test_readonly_broken_flow_mod() -> None:
    sliced = Sliced()
    assert not sliced.ask("c0", flow_mod(match(), command=0x406F))
    refused(sliced, "c0", OFPET.FLOW_MOD_FAILED, OFPFMFC.EPERM)


def test_readonly_slices_see_and_may_not_write() -> None:
    rules = [
        *rules_of("c0", [0], MACS_0, 1),
        FlowspaceRule(9, "c1", None, {}, permissions=Permission.READ),
    ]
    sliced = Sliced(rules)
    sliced.packet_in(frame(MACS_0[0]), 0, BUFFER)
    assert [len(sliced[name].news()) for name in ("c0", "c1")] == [1, 1]
    sliced.ask("c1", flow_mod(match(), output(0)))
    refused(sliced, "c1", OFPET.FLOW_MOD_FAILED, OFPFMFC.EPERM)
    sliced.ask("c1", packet_out(b"", output(0), buffer_id=BUFFER))
    refused(sliced, "c1", OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN)


# ---- LLDP


def test_lldp_comes_back_to_the_slice_that_sent_it_and_to_no_other() -> None:
    sliced = Sliced()
    sent = frame(MACS_0[0], 0x88CC, bytes.fromhex("0207040000000000010000"))
    (out,) = sliced.ask("c0", packet_out(sent, output(3)))
    assert out.data.startswith(sent)
    assert len(out.data) > len(sent)
    assert b"here" in out.data
    sliced.packet_in(out.data, 3)
    assert [one.data for one in sliced["c0"].news()] == [sent]
    assert not sliced["c1"].news()


def test_lldp_that_a_stranger_signs_with_a_slices_name_is_no_slices() -> None:
    sliced = Sliced()
    sent = frame(MACS_0[0], 0x88CC, bytes(20))
    (out,) = sliced.ask("c0", packet_out(sent, output(0)))
    forged = out.data.replace(b"c0\0", b"c1\0")
    sliced.packet_in(forged, 3)
    assert [one.data for one in sliced["c1"].news()] == [forged], "as any LLDP at a port of both"
    assert [one.data for one in sliced["c0"].news()] == [forged]


def test_lldp_goes_to_ports_of_the_slice_only() -> None:
    sliced = Sliced()
    sliced.ask("c0", packet_out(frame(MACS_1[0], 0x88CC), output(1)))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_OUT_PORT)


def test_readonly_lldp_errors() -> None:
    sliced = Sliced()
    sliced.ask("c0", packet_out(frame("00:00:00:00:00:09", 0x88AA), output(0)))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.EPERM)
    sliced.ask("c0", packet_out(frame(MACS_0[0], 0x88AA), output(0), buffer_id=4))
    refused(sliced, "c0", OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN)


def test_readonly_lldp_to_nobody() -> None:
    sliced = Sliced()
    sent = frame("00:00:00:00:00:09", 0x88CC)
    sliced.packet_in(sent, 0)
    assert [one.data for one in sliced["c0"].news()] == [sent]


# ---- flood


def test_flood_features_reply() -> None:
    rules = [*rules_of("c0", [0, 2, 3], MACS_0, 1),
             FlowspaceRule(20, "c1", None, parse_rule_match({"dl_src": MACS_1[0]}))]  # fmt: skip
    sliced = Sliced(rules)
    for name, ports in (("c0", [0, 2, 3]), ("c1", [0, 1, 2, 3])):
        sliced.ask(name, FeaturesRequest(), xid=9)
        (reply,) = sliced[name].got
        assert reply.xid == 9
        assert isinstance(reply.message, FeaturesReply10)
        assert [one.port_no for one in reply.message.ports] == ports
        sliced[name].news()


def test_flood_native_for_the_slice_that_may() -> None:
    sliced = Sliced(native_flood=True)
    (sent,) = sliced.ask("c1", packet_out(frame(MACS_1[0]), output(FLOOD)))
    assert [action.port for action in sent.actions] == [FLOOD]


def test_flood_no_flood_port_is_virtual() -> None:
    """R9: FlowVisor took only the mask for it, so that clearing the bit set it."""
    sliced = Sliced()
    bit = int(OFPPC.NO_FLOOD)
    for config, ports in ((bit, [0, 3]), (0, [0, 2, 3])):
        assert not sliced.ask("c0", PortMod10(2, port(2).hw_addr, config, bit, 0))
        assert not sliced["c0"].news()
        (sent,) = sliced.ask("c0", packet_out(frame(MACS_0[0]), output(FLOOD)))
        assert [action.port for action in sent.actions] == ports
        (other,) = sliced.ask("c1", packet_out(frame(MACS_1[0]), output(FLOOD)))
        assert [action.port for action in other.actions] == [1, 3]


@pytest.mark.parametrize(
    ("mod", "kind", "code"),
    [
        (PortMod10(1, port(1).hw_addr, 0, 0, 0), OFPET.PORT_MOD_FAILED, OFPPMFC.BAD_PORT),
        (PortMod10(2, bytes(6), 0, 0, 0), OFPET.PORT_MOD_FAILED, OFPPMFC.BAD_HW_ADDR),
        (PortMod10(2, port(2).hw_addr, 1, 1, 0), OFPET.BAD_REQUEST, OFPBRC.EPERM),
    ],
)
def test_no_other_bit_of_a_port_can_be_changed(mod: PortMod10, kind: int, code: int) -> None:
    sliced = Sliced()
    sliced.ask("c0", mod)
    refused(sliced, "c0", kind, code)


# ---- actions

_SETTERS = [
    ({"dl_src": list(MACS_0)}, ActionSetDlSrc, "dl_src", True),
    ({"dl_dst": ["00:00:00:00:00:0a", "00:00:00:00:00:0b"]}, ActionSetDlDst, "dl_dst", True),
    ({"nw_src": ["10.0.0.1", "10.0.0.2"], "dl_type": "ip"}, ActionSetNwSrc, "nw_src", False),
    ({"nw_dst": ["10.0.0.1", "10.0.0.2"], "dl_type": "ip"}, ActionSetNwDst, "nw_dst", False),
    ({"nw_tos": [4, 8], "dl_type": "ip"}, ActionSetNwTos, "nw_tos", False),
    ({"tp_src": [4, 8], "nw_proto": 6, "dl_type": "ip"}, ActionSetTpSrc, "tp_src", False),
    ({"tp_dst": [4, 8], "nw_proto": 6, "dl_type": "ip"}, ActionSetTpDst, "tp_dst", False),
    ({"dl_vlan": [4, 8]}, ActionSetVlanVid, "dl_vlan", False),
    ({"dl_vlan": 4, "dl_vlan_pcp": [4, 6]}, ActionSetVlanPcp, "dl_vlan_pcp", False),
]


@pytest.mark.parametrize(("space", "make", "name", "is_mac"), _SETTERS)
def test_action_that_changes_a_header(
    space: dict[str, Any], make: Any, name: str, is_mac: bool
) -> None:
    sliced = Sliced([FlowspaceRule(1, "c0", None, parse_rule_match(space))], names=("c0",))
    wanted = match(**_one_of(space))
    inside, outside = space[name][1], 5 if not is_mac else "00:00:00:00:00:77"
    if name.startswith("nw_") and name != "nw_tos":
        inside, outside = 0x0A000002, 0x0B000001
    if name == "nw_tos":
        outside = 12
    if is_mac:
        inside, outside = mac(inside).to_bytes(6, "big"), mac(str(outside)).to_bytes(6, "big")
    sent = sliced.ask("c0", flow_mod(wanted, make(inside), output(1)))
    assert [one.actions for one in sent] == [(make(inside), output(1))]
    assert not sliced.ask("c0", flow_mod(wanted, make(outside), output(1)))
    error = only_error(sliced, "c0")
    assert (error.type, error.code) == (OFPET.BAD_ACTION, OFPBAC.BAD_ARGUMENT)


def _one_of(space: dict[str, Any]) -> dict[str, int]:
    """Return one header of a rule's."""
    found = {}
    for name, values in space.items():
        value = values[0] if isinstance(values, list | tuple) else values
        if name == "dl_type":
            value = 0x0800
        elif name.startswith("dl_") and isinstance(value, str):
            value = mac(value)
        elif isinstance(value, str):
            value = 0x0A000001
        found[name] = value >> 2 if name == "nw_tos" else value
    return found


def test_action_strip_vlan() -> None:
    both = [FlowspaceRule(1, "c0", None, parse_rule_match({"dl_vlan": [5, "untagged"]}))]
    (sent,) = Sliced(both, names=("c0",)).ask(
        "c0", flow_mod(match(dl_vlan=5), ActionStripVlan(), output(1))
    )
    assert sent.actions == (ActionStripVlan(), output(1))
    tagged = Sliced([FlowspaceRule(1, "c0", None, parse_rule_match({"dl_vlan": 5}))], names=("c0",))
    tagged.ask("c0", flow_mod(match(dl_vlan=5), ActionStripVlan(), output(1)))
    error = only_error(tagged, "c0")
    assert error.type == OFPET.BAD_ACTION


def test_several_changes_of_a_header_are_taken_together() -> None:
    """FlowVisor looked at each alone: two that are harmless alone reached a foreign header."""
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"dl_vlan": 5, "dl_src": MACS_0[0]})),
        FlowspaceRule(2, "c0", None, parse_rule_match({"dl_vlan": 6, "dl_src": MACS_0[0]})),
        FlowspaceRule(3, "c0", None, parse_rule_match({"dl_vlan": 5, "dl_src": MACS_0[1]})),
    ]
    sliced = Sliced(rules, names=("c0",))
    start = match(dl_vlan=5, dl_src=mac(MACS_0[0]))
    other = mac(MACS_0[1]).to_bytes(6, "big")
    assert sliced.ask("c0", flow_mod(start, ActionSetVlanVid(6), output(1)))
    assert sliced.ask("c0", flow_mod(start, ActionSetDlSrc(other), output(1)))
    sliced.ask("c0", flow_mod(start, ActionSetVlanVid(6), ActionSetDlSrc(other), output(1)))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_ARGUMENT)


def test_outputs_to_ports_of_others_are_refused() -> None:
    sliced = Sliced()
    for number in (1, 77, int(OFPP.NORMAL), int(OFPP.LOCAL)):
        sliced.ask("c0", flow_mod(own(), output(number)))
        refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_OUT_PORT)


# ---- statistics


def port_stats(*numbers: int) -> tuple[PortStats10, ...]:
    return tuple(PortStats10(number, *range(12)) for number in numbers)


def test_stats_port_stats() -> None:
    sliced = Sliced()
    for name, ports in (("c0", [0, 2]), ("c1", [1])):
        (asked,) = sliced.ask(name, StatsRequest(int(OFPST.PORT), 0, PortStatsRequest10(NONE_PORT)))
        assert isinstance(asked, StatsRequest)
        sliced.answer(StatsReply(int(OFPST.PORT), 0, port_stats(0, 1, 2, 4)), sliced.last_xid())
        (reply,) = sliced[name].news()
        assert [one.port_no for one in reply.body] == ports


def test_stats_queue_stats_and_the_empty_answer() -> None:
    """R15: FlowVisor left out answers without a line."""
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"in_port": 2}), queues=frozenset({1})),
        FlowspaceRule(2, "c1", None, parse_rule_match({"in_port": 1})),
    ]
    sliced = Sliced(rules)
    queues = tuple(QueueStats10(*pair, 0, 0, 0) for pair in ((0, 0), (0, 1), (2, 1), (4, 2)))
    for name, expected in (("c0", [(2, 1)]), ("c1", [])):
        sliced.ask(name, StatsRequest(int(OFPST.QUEUE), 0, QueueStatsRequest10(0xFFFC, 0xFFFFFFFF)))
        sliced.answer(StatsReply(int(OFPST.QUEUE), 0, queues), sliced.last_xid())
        (reply,) = sliced[name].news()
        assert [(one.port_no, one.queue_id) for one in reply.body] == expected


def test_r15_statistics_with_nothing_in_them_are_left_out_where_that_is_asked_for() -> None:
    """The suite's own behaviour, which a setting keeps."""
    rules = [FlowspaceRule(1, "c0", None, parse_rule_match({"in_port": 2}))]
    sliced = Sliced(rules, names=("c0",))
    aggregate = flow_request(int(OFPST.AGGREGATE), match())
    for answers_empty, expected in ((True, 2), (False, 0)):
        if not answers_empty:
            sliced.datapath.leave_out_empty_answers()
        sliced.now += 10
        sliced.ask("c0", StatsRequest(int(OFPST.QUEUE), 0, QueueStatsRequest10(0xFFFC, 0xFFFFFFFF)))
        found = (QueueStats10(0, 0, 0, 0, 0),)
        sliced.answer(StatsReply(int(OFPST.QUEUE), 0, found), sliced.last_xid())
        sliced.ask("c0", aggregate)
        sliced.answer(StatsReply(int(OFPST.FLOW), 0, ()), sliced.last_xid())
        assert len(sliced["c0"].news()) == expected


def test_r15_the_window_in_which_statistics_serve_all_tenants_is_settable() -> None:
    for window, asked in ((5.0, [1, 0, 0, 1]), (0.0, [1, 1, 1, 1])):
        sliced = Sliced()
        sliced.datapath._stats._window = window
        found = []
        for _ in range(4):
            news = sliced.ask("c0", flow_request(int(OFPST.FLOW), match()))
            found.append(len(news))
            if news:
                sliced.answer(StatsReply(int(OFPST.FLOW), 0, ()), sliced.last_xid())
            sliced.now += 2
        assert found == asked


def test_stats_table_stats_tell_the_slices_own_entries_and_quota() -> None:
    sliced = Sliced(limits={"c0": SliceLimits(flow_entries=8)})
    sliced.ask("c0", flow_mod(own(), output(2)))
    sliced.ask("c0", StatsRequest(int(OFPST.TABLE)))
    table = TableStats10(0, b"t".ljust(32, b"\0"), 0, 1000, 55, 1, 1)
    sliced.answer(StatsReply(int(OFPST.TABLE), 0, (table,)), sliced.last_xid())
    (reply,) = sliced["c0"].news()
    assert [(one.max_entries, one.active_count) for one in reply.body] == [(8, 1)]


def flow_request(kind: int, wire_match: Any, out_port: int = NONE_PORT) -> StatsRequest:
    return StatsRequest(kind, 0, FlowStatsRequest10(wire_match, 0xFF, out_port))


def with_three_flows() -> tuple[Sliced, list[FlowStats10]]:
    """Return a switch with two flows of c0 and one of c1, and what it says of its entries."""
    sliced = Sliced()
    made = sliced.ask("c0", flow_mod(own(dl_type=0x0800), output(2), cookie=5))
    made += sliced.ask("c0", flow_mod(own(dl_type=0x0806), output(3), cookie=6))
    foreign = match(in_port=1, dl_src=mac(MACS_1[0]))
    made += sliced.ask("c1", flow_mod(foreign, output(3), cookie=5))
    told = [
        FlowStats10(0, one.match, 1, 0, one.priority, 0, 0, one.cookie, 10 + at, 100, one.actions)
        for at, one in enumerate(made)
    ]
    return sliced, told


def test_flowstats_flow_stats() -> None:
    sliced, told = with_three_flows()
    (asked,) = sliced.ask("c0", flow_request(int(OFPST.FLOW), match()), xid=42)
    assert ternary(asked.body.match).mask == 0
    sliced.answer(StatsReply(int(OFPST.FLOW), 0, tuple(told)), sliced.last_xid())
    (reply,) = sliced["c0"].got
    assert reply.xid == 42
    assert [(one.cookie, one.packet_count) for one in reply.message.body] == [(5, 10), (6, 11)]
    assert [one.match for one in reply.message.body] == [
        own(dl_type=0x0800), own(dl_type=0x0806)
    ]  # fmt: skip


def test_flowstats_fragments_and_the_cache() -> None:
    sliced, told = with_three_flows()
    sliced.ask("c0", flow_request(int(OFPST.FLOW), match()))
    seen = sliced.last_xid()
    sliced.answer(StatsReply(int(OFPST.FLOW), 1, tuple(told[:1])), seen)
    assert not sliced["c0"].news()
    sliced.answer(StatsReply(int(OFPST.FLOW), 0, tuple(told[1:])), seen)
    (reply,) = sliced["c0"].news()
    assert len(reply.body) == 2
    assert not sliced.ask("c0", flow_request(int(OFPST.FLOW), own())), "from what is known"
    assert len(sliced["c0"].news()[0].body) == 2
    assert not sliced.ask("c0", flow_request(int(OFPST.FLOW), own(), out_port=3))
    assert [one.cookie for one in sliced["c0"].news()[0].body] == [6]
    sliced.now += 1
    assert sliced.ask("c0", flow_request(int(OFPST.FLOW), own())), "asked again after the window"


def test_flowstats_aggregate() -> None:
    sliced, told = with_three_flows()
    kind = int(OFPST.AGGREGATE)
    sliced.ask("c0", flow_request(kind, match()))
    sliced.answer(StatsReply(int(OFPST.FLOW), 0, tuple(told)), sliced.last_xid())
    sliced.ask("c0", flow_request(kind, own(dl_type=0x0800)))
    sliced.ask("c1", flow_request(kind, own(dl_type=0x0800)))
    assert [one.body for one in sliced["c0"].news()] == [
        AggregateStats(21, 200, 2), AggregateStats(10, 100, 1)
    ]  # fmt: skip
    assert [one.body for one in sliced["c1"].news()] == [AggregateStats(0, 0, 0)]


# ---- limits


def test_flowlimit_slice_limit() -> None:
    sliced = Sliced(limits={"c0": SliceLimits(flow_entries=3)})
    for kind in (1, 2, 3):
        assert sliced.ask("c0", flow_mod(own(dl_type=0x0900 + kind), output(2)))
    sliced.ask("c0", flow_mod(own(dl_type=0x0904), output(2)))
    refused(sliced, "c0", OFPET.FLOW_MOD_FAILED, OFPFMFC.EPERM)
    assert sliced.datapath.sliced.installed.count("c0") == 3


def test_flowlimit_error_limit() -> None:
    sliced = Sliced(limits={"c0": SliceLimits(flow_entries=3)})
    asked = flow_mod(own(), output(2))
    sliced.ask("c0", asked, xid=31)
    offending = sliced.raw[-1]
    sliced.answer(
        Error(int(OFPET.FLOW_MOD_FAILED), 0, offending), int.from_bytes(offending[4:8], "big")
    )
    (error,) = sliced["c0"].got
    assert error.xid == 31
    assert error.message.data == MESSAGES.encode(31, asked), "R2: its own message, not ours"
    assert sliced.datapath.sliced.installed.count("c0") == 0
    assert [one.command for one in sliced.news()] == [4], "what is left of it is taken back"


def test_ratelimit_rate_limit() -> None:
    sliced = Sliced(limits={"c0": SliceLimits(messages_per_s=3)})
    for kind in (1, 2, 3):
        assert sliced.ask("c0", flow_mod(own(dl_type=0x0900 + kind), output(2)))
    sliced.ask("c0", flow_mod(own(), output(2)))
    refused(sliced, "c0", OFPET.BAD_REQUEST, OFPBRC.EPERM)
    assert sliced.ask("c1", flow_mod(match(in_port=1, dl_src=mac(MACS_1[0])), output(3)))
    sliced.now += 1
    assert sliced.ask("c0", flow_mod(own(), output(2)))


def test_r11_packet_ins_are_limited() -> None:
    sliced = Sliced(limits={"c0": SliceLimits(packet_ins_per_s=5)})
    for _ in range(20):
        sliced.packet_in(frame(MACS_0[0]), 0)
        sliced.packet_in(frame(MACS_1[0]), 1)
    assert len(sliced["c0"].news()) == 5
    assert len(sliced["c1"].news()) == 20


# ---- the defects of FlowVisor


def test_r3_errors_of_packet_outs_find_their_tenant() -> None:
    sliced = Sliced()
    asked = packet_out(frame(MACS_0[0]), output(0))
    sliced.ask("c0", asked, xid=77)
    sliced.answer(
        Error(int(OFPET.BAD_REQUEST), int(OFPBRC.BUFFER_UNKNOWN), sliced.raw[-1][:64]),
        sliced.last_xid(),
    )
    (error,) = sliced["c0"].got
    assert (error.xid, error.message.data) == (77, MESSAGES.encode(77, asked))
    assert not sliced["c1"].news()


def test_r4_one_flow_removed_for_one_flow_with_the_sum_of_what_was_counted() -> None:
    sliced = Sliced()
    made = sliced.ask("c0", flow_mod(match(), output(CONTROLLER), cookie=9, idle=10, flags=1))
    assert len(made) == 6
    sliced.now += 10
    for one in made:
        sliced.answer(FlowRemoved10(one.match, one.cookie, one.priority, 0, 10, 0, 10, 2, 120))
    (removed,) = sliced["c0"].news()
    assert isinstance(removed, FlowRemoved10)
    assert (removed.cookie, removed.priority, removed.reason) == (9, 1000, 0)
    assert (removed.packet_count, removed.byte_count) == (12, 720)
    assert removed.match == match()


def test_r4_a_deleted_flow_is_reported_once_when_all_of_it_has_gone() -> None:
    sliced = Sliced()
    made = sliced.ask("c0", flow_mod(match(), output(CONTROLLER), cookie=9, flags=1))
    deleted = sliced.ask("c0", flow_mod(match(), command=3))
    assert {one.command for one in deleted} == {4}
    assert not sliced["c0"].news()
    for one in made:
        sliced.answer(FlowRemoved10(one.match, one.cookie, one.priority, 2, 1, 0, 0, 1, 60))
    (removed,) = sliced["c0"].news()
    assert (removed.reason, removed.packet_count, removed.cookie) == (2, 6, 9)


def test_r8_check_overlap_is_kept_within_the_slice() -> None:
    sliced = Sliced()
    sliced.ask("c0", flow_mod(match(), output(2), priority=7))
    flags = int(OFPFF.CHECK_OVERLAP)
    sliced.ask("c0", flow_mod(own(), output(2), priority=7, flags=flags))
    refused(sliced, "c0", OFPET.FLOW_MOD_FAILED, OFPFMFC.OVERLAP)
    assert sliced.ask(
        "c1", flow_mod(match(in_port=1, dl_src=mac(MACS_1[0])), priority=7, flags=flags)
    )


def test_r10_frames_of_nobody_are_dropped_in_the_switch_and_counted() -> None:
    sliced = Sliced()
    sliced.packet_in(frame("00:00:00:00:00:99"), 1)
    (drop,) = sliced.news()
    assert drop.actions == ()
    assert sliced.datapath.frames.unowned == 1
    assert not any(tenant.news() for tenant in sliced.tenants.values())


def test_r10_frames_that_the_switch_drops_until_that_is_idle_are_counted_with_it() -> None:
    sliced = Sliced()
    sliced.packet_in(frame("00:00:00:00:00:99"), 1)
    (drop,) = sliced.news()
    sliced.answer(FlowRemoved10(drop.match, 0, drop.priority, 0, 3, 0, 1, 40, 2400))
    assert sliced.datapath.unowned(sliced.now) == 41
    sliced.answer(FlowRemoved10(drop.match, 0, drop.priority, 0, 3, 0, 1, 40, 2400))
    assert sliced.datapath.unowned(sliced.now) == 41, "of one that is not known"


def test_r12_what_is_done_with_fragments_is_nobodys_to_change() -> None:
    sliced = Sliced()
    assert not sliced.ask("c0", SetConfig(1, 200))
    refused(sliced, "c0", OFPET.BAD_REQUEST, OFPBRC.EPERM)
    assert sliced.ask("c0", SetConfig(0, 200)) == [SetConfig(0, 200)]
    assert sliced.ask("c1", SetConfig(0, 150)) == [], "another wants more"
    sliced.ask("c1", GetConfigRequest())
    assert sliced["c1"].news() == [GetConfigReply(0, 150)]


def test_a_buffered_frame_is_cut_to_what_its_slice_asked_for() -> None:
    sliced = Sliced()
    sliced.ask("c0", SetConfig(0, 64))
    long = frame(MACS_0[0], body=bytes(500))
    sliced.packet_in(long, 0, BUFFER)
    sliced.packet_in(long, 0)
    assert [len(one.data) for one in sliced["c0"].news()] == [64, len(long)]


def test_r13_frames_are_marked_also_those_that_are_sent_by_packet_out() -> None:
    for mode, value, mark in (
        (BandwidthMode.VLAN_PCP, 5, ActionSetVlanPcp(5)),
        (BandwidthMode.IP_TOS, 8, ActionSetNwTos(8)),
    ):
        sliced = Sliced(bandwidth=BandwidthShare(mode, value))
        (sent,) = sliced.ask("c0", packet_out(frame(MACS_0[0]), output(FLOOD)))
        assert sent.actions == (mark, output(0), output(2), output(3))
        (sent,) = sliced.ask("c0", flow_mod(own(), output(2)))
        assert sent.actions == (mark, output(2))


def test_queues_hold_a_slice_to_its_share() -> None:
    sliced = Sliced(bandwidth=BandwidthShare(BandwidthMode.QUEUE, 4))
    (sent,) = sliced.ask("c0", packet_out(frame(MACS_0[0]), output(FLOOD)))
    assert sent.actions == (ActionEnqueue(0, 4), ActionEnqueue(2, 4), ActionEnqueue(3, 4))
    forced = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"in_port": [0, 1]}), force_queue=2,
                      queues=frozenset({2, 3}))
    ]  # fmt: skip
    sliced = Sliced(forced, names=("c0",))
    (sent,) = sliced.ask("c0", flow_mod(match(in_port=0), output(1)))
    assert sent.actions == (ActionEnqueue(1, 2),)
    (sent,) = sliced.ask("c0", flow_mod(match(in_port=1), ActionEnqueue(0, 3)))
    assert sent.actions == (ActionEnqueue(0, 3),)
    sliced.ask("c0", flow_mod(match(in_port=1), ActionEnqueue(0, 9)))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_QUEUE)


def test_r16_several_controllers_and_a_monitor_that_only_looks_on() -> None:
    sliced = Sliced()
    second, monitor = sliced.join("c0"), sliced.join("c0", is_monitor=True)
    sliced.packet_in(frame(MACS_0[0]), 0, BUFFER)
    assert [len(one.news()) for one in (sliced["c0"], second, monitor)] == [1, 1, 1]
    assert sliced.ask(second, flow_mod(own(), output(2)))
    assert not sliced.ask(monitor, flow_mod(own(), output(2)))
    (error,) = monitor.news()
    assert (error.type, error.code) == (OFPET.BAD_REQUEST, OFPBRC.EPERM)
    sliced.ask(monitor, FeaturesRequest())
    assert [type(one) for one in monitor.news()] == [FeaturesReply10]


def test_a_slice_that_gains_and_loses_ports_hears_of_it_once_and_keeps_its_connection() -> None:
    from horizon_ryu.core.slicing.flowspace import Flowspace
    from horizon_ryu.wire.ternary import HEADER_10

    sliced = Sliced()
    sliced.ask("c1", flow_mod(match(), output(3), cookie=4))
    rules = [*rules_of("c0", [0, 2], MACS_0, 1), *rules_of("c1", [2, 3], MACS_1, 7)]
    sliced.datapath.set_flowspace(Flowspace(HEADER_10, rules).on(0), sliced.now)
    told = {
        name: [(one.reason, one.desc.port_no) for one in sliced[name].news()]
        for name in ("c0", "c1")
    }
    assert told == {"c0": [(1, 3)], "c1": [(1, 1), (0, 2)]}
    sent = sliced.news()
    assert {(one.command, ternary(one.match)) for one in sent} == {
        *((0, ternary(match(in_port=2, dl_src=mac(address)))) for address in MACS_1),
        *((4, ternary(match(in_port=1, dl_src=mac(address)))) for address in MACS_1),
    }


def test_the_id_that_no_buffer_has_is_no_buffer() -> None:
    sliced = Sliced()
    (sent,) = sliced.ask("c0", flow_mod(own(), output(2), buffer_id=OFP_NO_BUFFER))
    assert sent.buffer_id == OFP_NO_BUFFER


def test_all_goes_to_every_port_of_the_slice_also_those_closed_for_floods() -> None:
    sliced = Sliced()
    bit = int(OFPPC.NO_FLOOD)
    sliced.ask("c0", PortMod10(2, port(2).hw_addr, bit, bit, 0))
    (sent,) = sliced.ask("c0", packet_out(frame(MACS_0[0]), output(ALL)))
    assert [action.port for action in sent.actions] == [0, 2, 3]


def test_an_entry_outlives_the_port_that_it_sends_to_as_in_a_switch() -> None:
    sliced = Sliced()
    sliced.ask("c0", flow_mod(own(), output(2)))
    sliced.answer(PortStatus10(1, port(2)))
    assert not sliced.news()
    assert len(sliced.datapath.sliced.table("c0")) == 1


def test_a_flood_reaches_a_port_that_comes_and_leaves_out_one_that_goes() -> None:
    sliced = Sliced()
    sliced.ask("c0", flow_mod(own(), output(FLOOD)))
    sliced.answer(PortStatus10(1, port(2)))
    (changed,) = sliced.news()
    assert (changed.command, changed.actions) == (2, (output(3),))
    sliced.answer(PortStatus10(0, port(2)))
    (changed,) = sliced.news()
    assert (changed.command, changed.actions) == (2, (output(2), output(3)))


def test_a_tenant_hears_of_entries_that_it_loses_with_its_flowspace() -> None:
    from horizon_ryu.core.slicing.flowspace import Flowspace
    from horizon_ryu.wire.ternary import HEADER_10

    sliced = Sliced()
    sliced.ask("c1", flow_mod(match(in_port=1, dl_src=mac(MACS_1[0])), cookie=4, flags=1))
    rules = [*rules_of("c0", [0, 2], MACS_0, 1), *rules_of("c1", [3], MACS_1, 7)]
    sliced.datapath.set_flowspace(Flowspace(HEADER_10, rules).on(0), sliced.now)
    removed = [one for one in sliced["c1"].news() if isinstance(one, FlowRemoved10)]
    assert [(one.cookie, one.reason) for one in removed] == [(4, 2)]
