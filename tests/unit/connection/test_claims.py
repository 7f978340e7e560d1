"""Pins of dpids, and what is told of who claims one."""

from __future__ import annotations

import pytest

from horizon_ryu.core.dpid_claims import DpidClaim, DpidPins, read_pins
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.openflow.claims import REPEATED_AFTER, ClaimAlarms

ONE, TWO = "a" * 64, "b" * 64
LOC = ("guard", "certificates")


def test_no_pins_bind_nobody() -> None:
    pins = read_pins((), LOC)
    assert not pins
    assert pins.permits(1, None)


def test_a_pinned_dpid_takes_its_certificates_alone_and_these_no_other_dpid() -> None:
    pins = DpidPins({1: frozenset({ONE}), 2: frozenset({ONE, TWO})})
    assert pins.permits(1, ONE)
    assert not pins.permits(1, TWO)
    assert not pins.permits(1, None)
    assert pins.permits(2, TWO)
    assert not pins.permits(3, TWO), "the certificate of a switch is no other switch's"
    assert pins.permits(3, None)
    assert pins.permits(3, "c" * 64)


def test_pins_are_read_as_openssl_prints_fingerprints() -> None:
    printed = ":".join(["AB"] * 32)
    pins = read_pins((f"0000000000000001 = {printed}", f"1={ONE}"), LOC)
    assert pins.permits(1, "ab" * 32)
    assert pins.permits(1, ONE)
    assert not pins.permits(1, TWO)


@pytest.mark.parametrize("text", ["1", "1=", "1=abc", f"x={ONE}", f"={ONE}", f"1={'g' * 64}"])
def test_a_pin_that_is_none_is_named(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_pins((f"1={ONE}", text), LOC)
    assert refused.value.loc == (*LOC, 1)


def test_claims_are_told_once_in_a_while_and_bounded() -> None:
    now, told = [0.0], []
    alarms = ClaimAlarms(told.append, lambda: now[0])
    claim = DpidClaim(7, "192.0.2.1", "192.0.2.2", "dpid_in_use")
    for _ in range(1000):
        alarms.claimed(claim)
    assert told == [claim]
    assert alarms.untold == 999
    now[0] = REPEATED_AFTER
    alarms.claimed(claim)
    assert told == [claim, claim]
    for dpid in range(10_000):
        alarms.claimed(DpidClaim(dpid, "192.0.2.1", None, "dpid_not_allowed"))
    assert len(told) < 50
