from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ryu.ofproto import ofproto_v1_3

from fuzz.wire import IN_PORT, MAC, NICIRA, match13, nicira, oxm, tlv
from horizon_ryu.wire.guard import openflow10, openflow13
from horizon_ryu.wire.guard.oxm import walk_field, walk_match
from horizon_ryu.wire.guard.violation import Reason, Violation
from horizon_ryu.wire.guard.walk import at_least, exactly, length_prefixed_list, tlv_list

BODIES = [
    *openflow10.OPENFLOW10.bodies.values(),
    *openflow13.OPENFLOW13.bodies.values(),
    openflow10.ACTIONS,
    openflow13.ACTIONS,
    openflow13.INSTRUCTIONS,
]


@given(st.sampled_from(BODIES), st.binary(max_size=256))
def test_walkers_take_any_bytes_and_raise_nothing_but_violations(walk: object, data: bytes) -> None:
    assert callable(walk)
    try:
        walk(data, 0, len(data))
    except Violation as violation:
        assert violation.reason in Reason  # noqa: PT017


@given(st.integers(0, 40), st.integers(0, 40))
def test_entry_length_must_be_within_bounds_and_aligned(length: int, size: int) -> None:
    walk = length_prefixed_list("entry", 0, 8, at_least(8, "entry"))
    data = struct.pack("!H", length).ljust(size, b"\0")[:size]
    valid = size == 0 or (length >= 8 and length % 8 == 0 and length == size)
    if valid:
        walk(data, 0, size)
    elif length and size > length and length % 8 == 0:
        return
    else:
        with pytest.raises(Violation):
            walk(data, 0, size)


def test_elements_of_unknown_kind_are_refused_unless_somebody_takes_them() -> None:
    strict = tlv_list("element", {1: exactly(8, "element")})
    strict(tlv(1, bytes(4)), 0, 8)
    with pytest.raises(Violation) as caught:
        strict(tlv(2, bytes(4)), 0, 8)
    assert caught.value.reason == Reason.KIND


def test_too_many_elements_are_refused() -> None:
    walk = tlv_list("element", {}, other=at_least(4, "element"), least=4, step=4, most=3)
    walk(tlv(9) * 3, 0, 12)
    with pytest.raises(Violation) as caught:
        walk(tlv(9) * 4, 0, 16)
    assert caught.value.reason == Reason.EXCESS


def _ryu_fields() -> list[tuple[str, int | tuple[int, int], int]]:
    return [(field.name, field.num, field.type.size) for field in ofproto_v1_3.oxm_types]


def _field(number: int | tuple[int, int], value: bytes, mask: bytes = b"") -> bytes:
    if isinstance(number, int):
        return oxm(number & 0x7F, value, mask, oxm_class=number >> 7)
    experimenter, kind = number
    if kind < 0x10000:
        head = struct.pack("!IH", experimenter, kind)
        kind = 0xFFFF << 7
    else:
        head = struct.pack("!I", experimenter)
    return oxm(kind & 0x7F, head + value, mask, oxm_class=0xFFFF)


@pytest.mark.parametrize(("name", "number", "size"), _ryu_fields())
def test_every_field_that_ryu_knows_has_its_size_here(
    name: str, number: int | tuple[int, int], size: int
) -> None:
    """Ryu raises in the middle of a message when a field it knows has another size."""
    good = _field(number, bytes(size))
    assert walk_field(good, 0, len(good)) == len(good)
    masked = _field(number, bytes(size), bytes(size))
    assert walk_field(masked, 0, len(masked)) == len(masked)
    for wrong in (size - 1, size + 1):
        bad = _field(number, bytes(wrong))
        with pytest.raises(Violation):
            walk_field(bad, 0, len(bad))


def test_match_bounds() -> None:
    match = match13(IN_PORT, oxm(3, MAC))
    assert walk_match(match, 0, len(match)) == len(match)
    for size in range(len(match)):
        with pytest.raises(Violation):
            walk_match(match[:size], 0, size)
    with pytest.raises(Violation):
        walk_match(match13(*[IN_PORT] * 300), 0, 4000)


def test_match_of_the_kind_of_old_versions() -> None:
    with pytest.raises(Violation) as caught:
        walk_match(tlv(0, bytes(4)), 0, 8)
    assert caught.value.reason == Reason.KIND


@pytest.mark.parametrize("walk", [openflow10.ACTIONS, openflow13.ACTIONS])
@pytest.mark.parametrize("action", NICIRA, ids=lambda action: str(action[9]))
def test_nicira_actions(walk: object, action: bytes) -> None:
    assert callable(walk)
    walk(action, 0, len(action))


def test_connection_tracking_inside_itself_cannot_exhaust_the_stack() -> None:
    action = nicira(35, bytes(14))
    for _ in range(100):
        action = nicira(35, bytes(14) + action)
    with pytest.raises(Violation) as caught:
        openflow13.ACTIONS(action, 0, len(action))
    assert caught.value.reason == Reason.KIND
