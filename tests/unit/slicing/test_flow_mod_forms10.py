"""Flow-mods that differ in addresses alone: the short way does what the long one does."""

from __future__ import annotations

import random
import struct

import pytest

from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.slicer import flow_mod_forms10
from horizon_ryu.wire.of10.asynchronous import PortStatus10
from horizon_ryu.wire.of10.controller import PortMod10
from horizon_ryu.wire.ofp10 import OFP_NO_BUFFER, OFPFW, OFPP, OFPPC, OFPPR
from unit.slicing.both_ways import BothWays, counted
from unit.slicing.sliced10 import TEN_RULES, Sliced, port

_FLOW_MOD = struct.Struct("!BBHI")
_TAIL = struct.Struct("!QHHHHIHH")
_ADDRESSES = (bytes((0, 0, 0, 0, 0, 2)), bytes((0, 1, 0, 0, 0, 2)), bytes((0, 0, 0, 0, 0, 1)))
_OWN = {"c0": _ADDRESSES[:2], "c1": _ADDRESSES[2:]}
_PORTS = {"c0": (0, 2, 3), "c1": (1,)}
_OUTPUTS = tuple(struct.pack("!HHHH", 0, 8, to, 0) for to in (0, 1, 2, 3, OFPP.FLOOD, OFPP.IN_PORT))
_SET_SOURCE = struct.pack("!HH6s6x", 4, 16, _ADDRESSES[0])
_NO_FLOOD = int(OFPPC.NO_FLOOD)
_SHAPES = (
    OFPFW.ALL & ~OFPFW.IN_PORT & ~OFPFW.DL_SRC,
    OFPFW.ALL & ~OFPFW.IN_PORT & ~OFPFW.DL_SRC & ~OFPFW.DL_DST & ~OFPFW.DL_VLAN,
    OFPFW.ALL & ~OFPFW.IN_PORT & ~OFPFW.DL_VLAN & ~OFPFW.DL_VLAN_PCP,
    OFPFW.ALL & ~OFPFW.IN_PORT & ~OFPFW.DL_SRC & ~OFPFW.DL_VLAN_PCP,
    OFPFW.ALL & ~OFPFW.DL_SRC & ~OFPFW.DL_TYPE & ~OFPFW.NW_PROTO & ~OFPFW.TP_DST,
    OFPFW.ALL & ~OFPFW.IN_PORT & ~OFPFW.DL_SRC & ~OFPFW.DL_TYPE & ~OFPFW.NW_TOS & ~0x3F00,
    0,
)
_OVERLAPPING = [
    FlowspaceRule(1, "c0", None, parse_rule_match({"in_port": [0, 1], "dl_vlan": [1, 2]}), 300),
    FlowspaceRule(2, "c1", None, parse_rule_match({"in_port": [1, 2]}), 200),
    FlowspaceRule(3, "c0", None, parse_rule_match({"in_port": 3}), 100),
]


def fields(rng: random.Random, name: str) -> bytes:
    """Return the fields of a match, mostly of a slice's; those that are left out say whatever."""
    is_own = rng.random() < 0.9
    return struct.pack(
        "!H6s6sHBxHBBxxIIHH",
        rng.choice(_PORTS[name]) if is_own else rng.randrange(4),
        rng.choice(_OWN[name]) if is_own else rng.choice(_ADDRESSES),
        rng.randbytes(6),
        rng.choice((1, 1, 2, 0xFFFF, 0x1001)),
        rng.randrange(8),
        rng.choice((0x0800, 0x0806, 0x86DD)),
        rng.choice((0, 4, 7)),
        rng.choice((1, 6, 50)),
        rng.getrandbits(32),
        rng.getrandbits(32),
        rng.getrandbits(16),
        rng.choice((80, 443)),
    )


def form(rng: random.Random) -> tuple[bytes, bytes]:
    """Return what some flow-mods have in common: before their fields, and behind them."""
    actions = rng.choice((b"", *_OUTPUTS, *_OUTPUTS, _SET_SOURCE + _OUTPUTS[2]))
    tail = _TAIL.pack(
        rng.randrange(2),
        0 if rng.random() < 0.9 else rng.randrange(5),
        rng.choice((0, 10)),
        rng.choice((0, 0, 30)),
        rng.choice((1, 1000)),
        OFP_NO_BUFFER,
        OFPP.NONE,
        rng.choice((0, 0, 0, 1, 2)),
    )
    return int(rng.choice(_SHAPES)).to_bytes(4, "big"), tail + actions


def flow_mod(rng: random.Random, name: str, forms: list[tuple[bytes, bytes]], xid: int) -> bytes:
    """Return a flow-mod of one of a few forms, or of any, for whatever frames."""
    wildcards, rest = rng.choice(forms) if rng.random() < 0.9 else form(rng)
    return _FLOW_MOD.pack(1, 14, 48 + len(rest), xid) + wildcards + fields(rng, name) + rest


def change(rng: random.Random, both: BothWays, rules: list[FlowspaceRule]) -> None:
    """Change something that flow-mods depend on, in both alike."""
    number, what = rng.randrange(4), rng.randrange(3)
    config, left = rng.choice((0, _NO_FLOOD)), rng.randrange(len(rules))
    if what == 2:
        both.set_rules([rule for at, rule in enumerate(rules) if at != left])
        return
    for one in both:
        if what == 0:
            address = port(number).hw_addr
            one.ask("c0", PortMod10(number, address, config, _NO_FLOOD, 0))
        else:
            one.answer(PortStatus10(OFPPR.MODIFY, port(number)))


@pytest.mark.parametrize("rules", [TEN_RULES, _OVERLAPPING], ids=["apart", "overlapping"])
@pytest.mark.parametrize("seed", range(4))
def test_the_short_way_does_what_the_long_one_does(
    seed: int, rules: list[FlowspaceRule], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_mod_forms10, "MOST_FORMS", 64)
    rng = random.Random(seed)
    forms = [form(rng) for _ in range(5)]
    both = BothWays(Sliced(rules), Sliced(rules))
    for xid in range(500):
        if rng.random() < 0.005:
            change(rng, both, rules)
        name = rng.choice(("c0", "c1"))
        both.ask(name, flow_mod(rng, name, forms, xid), 100.0 + xid)
        both.forget()
    both.compare_entries()
    assert sum(both.taken) > 20


def test_long_flow_mods_are_not_remembered() -> None:
    """A tenant that writes long ones without end would fill the memory."""
    sliced = Sliced()
    taken = counted(sliced)
    rng = random.Random(1)
    actions = _OUTPUTS[2] * 40
    tail = _TAIL.pack(0, 0, 0, 0, 1, OFP_NO_BUFFER, OFPP.NONE, 0)
    about = int(_SHAPES[0]).to_bytes(4, "big")
    match = struct.pack("!H6s", 2, _ADDRESSES[0])
    for xid in range(3):
        head = _FLOW_MOD.pack(1, 14, 72 + len(actions), xid)
        message = head + about + match + rng.randbytes(28) + tail + actions
        sliced.datapath.from_tenant(sliced["c0"], message, sliced.now)
    assert taken == [False] * 3
    assert len(sliced.raw) >= 3
