from __future__ import annotations

from collections.abc import Callable

from horizon_ryu.openflow.admission import ConnectionAdmission
from horizon_ryu.openflow.context import ConnectionLimits

DPID = 7


class Visitor:
    """A connection that does as told when it is challenged."""

    def __init__(self, alive: bool = True, goes: bool = True) -> None:
        self.alive = alive
        self.goes = goes
        self.challenges = 0
        self.aborted: list[str] = []
        self.meanwhile: Callable[[], None] | None = None

    def answers(self, seconds: float) -> bool:
        self.challenges += 1
        if self.meanwhile is not None:
            self.meanwhile()
        return self.alive

    def abort(self, reason: str) -> None:
        self.aborted.append(reason)

    def wait_gone(self, seconds: float) -> bool:
        return self.goes


def door() -> ConnectionAdmission:
    return ConnectionAdmission(ConnectionLimits(connections=3, connections_per_address=2))


def test_limits_per_address_and_in_all() -> None:
    entrance = door()
    first = entrance.enter("10.0.0.1")
    assert first
    assert entrance.enter("10.0.0.1")
    assert not entrance.enter("10.0.0.1")
    assert entrance.enter("10.0.0.2")
    assert not entrance.enter("10.0.0.3")
    assert entrance.total == 3
    first.leave()
    assert entrance.enter("10.0.0.3")


def test_the_first_connection_stays_while_it_answers() -> None:
    entrance, first, second = door(), Visitor(), Visitor()
    assert entrance.claim(DPID, first)
    assert not entrance.claim(DPID, second)
    assert first.challenges == 1
    assert first.aborted == []


def test_a_dead_first_connection_is_closed_before_the_second_is_in() -> None:
    entrance, first, second = door(), Visitor(alive=False), Visitor()
    entrance.claim(DPID, first)
    assert entrance.claim(DPID, second)
    assert first.aborted == ["challenge_failed"]
    entrance.release(DPID, first)
    assert not entrance.claim(DPID, Visitor())
    assert second.challenges == 1


def test_who_cannot_be_closed_keeps_its_place() -> None:
    entrance, first = door(), Visitor(alive=False, goes=False)
    entrance.claim(DPID, first)
    assert not entrance.claim(DPID, Visitor())


def test_a_third_that_comes_during_a_challenge_is_refused_at_once() -> None:
    entrance, first, third = door(), Visitor(alive=False), Visitor()
    entrance.claim(DPID, first)
    answers = []

    def third_comes() -> None:
        entrance.release(DPID, first)
        answers.append(entrance.claim(DPID, third))

    first.meanwhile = third_comes
    assert entrance.claim(DPID, Visitor())
    assert answers == [False]
    assert first.challenges == 1


def test_claiming_twice_is_claiming_once() -> None:
    entrance, only = door(), Visitor()
    assert entrance.claim(DPID, only)
    assert entrance.claim(DPID, only)
    assert only.challenges == 0
    entrance.release(DPID, only)
    assert entrance.claim(DPID, Visitor(alive=False))
