"""Stations that fall silent are asked, and go if they stay silent."""

from __future__ import annotations

from horizon_ryu.core.discovery.host_ageing import ASKED, BATCH, AgeLimits, HostAgeing

LIMITS = AgeLimits(idle=300.0, pause=1.0)


def key(number: int) -> bytes:
    return number.to_bytes(6, "big")


def run(ageing: HostAgeing, start: float, end: float) -> tuple[list[bytes], list[bytes]]:
    """Return who was asked and who went from ``start`` to ``end``."""
    asked: list[bytes] = []
    gone: list[bytes] = []
    now = start
    while now < end:
        gone += ageing.gone(now)
        asked += ageing.to_ask(now)
        due = ageing.next_due()
        now = max(now + 0.001, end if due is None else due)
    return asked, gone


def test_a_station_that_is_heard_is_never_asked() -> None:
    ageing = HostAgeing(LIMITS)
    for second in range(0, 3000, 200):
        ageing.heard(key(1), second)
        assert run(ageing, second, second + 199.0) == ([], [])


def test_a_silent_one_is_asked_and_goes() -> None:
    ageing = HostAgeing(LIMITS)
    ageing.heard(key(1), 0.0)
    assert run(ageing, 0.0, 299.0) == ([], [])
    assert run(ageing, 299.0, 310.0) == ([key(1)] * ASKED, [key(1)])
    assert ageing.next_due() is None


def test_an_answer_keeps_it_for_another_while() -> None:
    ageing = HostAgeing(LIMITS)
    ageing.heard(key(1), 0.0)
    run(ageing, 0.0, 301.5)
    ageing.heard(key(1), 301.5)
    assert run(ageing, 301.5, 601.0) == ([], [])


def test_a_thousand_silent_ones_are_asked_in_batches_and_all_go() -> None:
    ageing = HostAgeing(LIMITS)
    for number in range(1000):
        ageing.heard(key(number), 0.0)
    first = ageing.to_ask(300.0)
    assert len(first) == BATCH
    assert ageing.to_ask(300.1) == []
    _, gone = run(ageing, 300.2, 400.0)
    assert sorted(gone) == sorted(map(key, range(1000)))


def test_who_is_forgotten_is_asked_no_more() -> None:
    ageing = HostAgeing(LIMITS)
    ageing.heard(key(1), 0.0)
    ageing.forget(key(1))
    assert run(ageing, 0.0, 400.0) == ([], [])
