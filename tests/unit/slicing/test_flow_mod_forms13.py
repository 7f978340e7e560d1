"""Flow-mods of 1.3 that differ in addresses alone: the short way does what the long one does."""

from __future__ import annotations

import random
import struct

import pytest

from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.slicer import flow_mod_forms13
from horizon_ryu.wire.error_codes13 import OFPET
from horizon_ryu.wire.of13.asynchronous import PortStatus13
from horizon_ryu.wire.ofp13 import OFP_NO_BUFFER, OFPG, OFPP, OFPPR
from horizon_ryu.wire.symmetric import Error
from unit.slicing.both_ways import BothWays, counted
from unit.slicing.sliced13 import TEN_RULES_13, Sliced13, port13

_HEAD = struct.Struct("!BBHI")
_BODY = struct.Struct("!QQBBHHHIIIH2x")
_ADDRESSES = (bytes((0, 0, 0, 0, 0, 2)), bytes((0, 1, 0, 0, 0, 2)), bytes((0, 0, 0, 0, 0, 1)))
_OWN = {"c0": _ADDRESSES[:2], "c1": _ADDRESSES[2:]}
_PORTS = {"c0": (4, 2, 3), "c1": (1, 3)}
_IN_PORT, _META, _DST, _SRC, _TYPE, _VLAN, _PROTO, _NW_DST, _TCP = 0, 2, 3, 4, 5, 6, 10, 12, 14
_SHAPES = (
    (_IN_PORT, _SRC),
    (_IN_PORT, _DST, _SRC),
    (_SRC, _IN_PORT, _DST),
    (_IN_PORT, _SRC, _TYPE, _NW_DST),
    (_TYPE, _NW_DST, _IN_PORT, _SRC),
    (_SRC, _TYPE, _PROTO, _TCP),
    (_IN_PORT, _SRC, _VLAN),
    (_IN_PORT, _META, _SRC),
    (_SRC, _TCP),
    (_SRC, _SRC),
    (),
)
_OVERLAPPING = [
    FlowspaceRule(1, "c0", None, parse_rule_match({"in_port": [4, 1], "dl_vlan": [1, 2]}), 300),
    FlowspaceRule(2, "c1", None, parse_rule_match({"in_port": [1, 2]}), 200),
    FlowspaceRule(3, "c0", None, parse_rule_match({"in_port": 3}), 100),
]


def oxm(rng: random.Random, name: str, number: int, masked: bool) -> bytes:
    """Return a field, mostly with a value that is the slice's, and sometimes with a wrong one."""
    ports = _PORTS[name] if rng.random() < 0.9 else range(6)
    values: dict[int, bytes] = {
        _IN_PORT: rng.choice(ports).to_bytes(4, "big"),
        _META: rng.choice((1, 7, 1 << 60)).to_bytes(8, "big"),
        _DST: rng.randbytes(6),
        _SRC: rng.choice(_OWN[name] if rng.random() < 0.9 else _ADDRESSES),
        _TYPE: rng.choice((b"\x08\x00", b"\x08\x00", b"\x86\xdd")),
        _VLAN: rng.choice((0x1001, 0x1002, 0, 0xF001)).to_bytes(2, "big"),
        _PROTO: rng.choice((b"\x06", b"\x06", b"\x11")),
        _NW_DST: rng.randbytes(4),
        _TCP: rng.randbytes(2),
    }
    value = values[number]
    mask = rng.choice((b"\xff", b"\xff", b"\xf0", b"\0")) * len(value) if masked else b""
    head = 0x8000 << 16 | number << 9 | masked << 8 | len(value + mask)
    return head.to_bytes(4, "big") + value + mask


def match(rng: random.Random, name: str, shape: tuple[int, ...], masked: int) -> bytes:
    """Return a match whose fields, in this order, have values; ``masked`` is which has a mask."""
    fields = b"".join(oxm(rng, name, number, at == masked) for at, number in enumerate(shape))
    size = 4 + len(fields)
    return struct.pack("!HH", 1, size) + fields + bytes(-size % 8)


def instructions(rng: random.Random) -> bytes:
    """Return what is done: mostly an output, sometimes what depends on the match or on others."""
    output = struct.pack("!HHIH6x", 0, 16, rng.choice((1, 2, 3, 4, OFPP.CONTROLLER)), 0xFFFF)
    other = rng.choice(
        (
            struct.pack("!HHIH6x", 0, 16, OFPP.FLOOD, 0),
            struct.pack("!HHIH6x", 0, 16, OFPP.IN_PORT, 0),
            struct.pack("!HHI6s2x", 25, 16, 0x80000000 | _SRC << 9 | 6, _ADDRESSES[0]) + output,
            struct.pack("!HHI", 22, 8, 9),
        )
    )
    actions = output if rng.random() < 0.8 else other
    applied = struct.pack("!HH4x", 4, 8 + len(actions)) + actions
    return rng.choice((applied, applied, applied + struct.pack("!HHB3x", 1, 8, 3), b""))


Form = tuple[bytes, tuple[int, ...], int, bytes]


def form(rng: random.Random) -> Form:
    """Return what some flow-mods have in common: body, fields, which is masked, instructions."""
    shape = rng.choice(_SHAPES)
    body = _BODY.pack(
        *(rng.randrange(2), 0, rng.choice((0, 0, 0, 1, 99))),
        *(0 if rng.random() < 0.9 else rng.randrange(6), rng.choice((0, 10)), 0, 5),
        *(OFP_NO_BUFFER, OFPP.ANY, OFPG.ANY, rng.choice((0, 0, 0, 1, 2, 4, 64))),
    )
    masked = rng.randrange(len(shape)) if shape and rng.random() < 0.3 else -1
    return body, shape, masked, instructions(rng)


_COMMON: Form = (
    _BODY.pack(1, 0, 0, 0, 10, 0, 5, OFP_NO_BUFFER, OFPP.ANY, OFPG.ANY, 1),
    (_IN_PORT, _DST, _SRC),
    -1,
    struct.pack("!HH4xHHIH6x", 4, 24, 0, 16, 3, 0xFFFF),
)
"""What a learning switch writes."""


def flow_mod(rng: random.Random, name: str, forms: list[Form], xid: int) -> bytes:
    body, shape, masked, program = rng.choice(forms) if rng.random() < 0.9 else form(rng)
    whole = body + match(rng, name, shape, masked) + program
    return _HEAD.pack(4, 14, 8 + len(whole), xid) + whole


def change(rng: random.Random, both: BothWays, rules: list[FlowspaceRule]) -> None:
    """Change something that flow-mods depend on, in both alike."""
    number, left, is_port = rng.randrange(1, 5), rng.randrange(len(rules)), rng.random() < 0.5
    if not is_port:
        both.set_rules([rule for at, rule in enumerate(rules) if at != left])
        return
    for one in both:
        one.answer(PortStatus13(int(OFPPR.MODIFY), port13(number)))


@pytest.mark.parametrize("rules", [TEN_RULES_13, _OVERLAPPING], ids=["apart", "overlapping"])
@pytest.mark.parametrize("seed", range(4))
def test_the_short_way_does_what_the_long_one_does(
    seed: int, rules: list[FlowspaceRule], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_mod_forms13, "MOST_FORMS", 64)
    rng = random.Random(seed)
    forms = [*(form(rng) for _ in range(8)), _COMMON]
    both = BothWays(Sliced13(rules), Sliced13(rules))
    for xid in range(800):
        if rng.random() < 0.005:
            change(rng, both, rules)
        name = rng.choice(("c0", "c1"))
        both.ask(name, flow_mod(rng, name, forms, xid), 100.0 + xid)
        if both.short.raw and rng.random() < 0.05:
            # What the switch refuses is taken back, in whichever way it was added.
            for one in both:
                one.answer(Error(int(OFPET.FLOW_MOD_FAILED), 1, b""), one.last_xid())
            both.compare()
        both.forget()
    both.compare_entries()
    assert sum(both.taken) > 20


def test_long_flow_mods_are_not_remembered() -> None:
    """A tenant that writes long ones without end would fill the memory."""
    sliced = Sliced13()
    taken = counted(sliced)
    rng = random.Random(1)
    actions = struct.pack("!HHIH6x", 0, 16, 2, 0) * 12
    program = struct.pack("!HH4x", 4, 8 + len(actions)) + actions
    body = _BODY.pack(0, 0, 0, 0, 0, 0, 5, OFP_NO_BUFFER, OFPP.ANY, OFPG.ANY, 0)
    for xid in range(3):
        whole = body + match(rng, "c0", _SHAPES[1], -1) + program
        message = _HEAD.pack(4, 14, 8 + len(whole), xid) + whole
        sliced.datapath.from_tenant(sliced["c0"], message, 1.0)
    assert len(message) > flow_mod_forms13.MOST_BYTES
    assert not any(taken)
