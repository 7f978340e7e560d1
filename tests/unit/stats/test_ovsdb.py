"""CPU and memory from what Open vSwitch's database answers."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.switch_stats.node_measures import NO_LOAD, SwitchLoad
from horizon_ryu.switch_stats.ovsdb import OvsLoad, snapshot


def answer(cpu_ms: int, statistics: bool = True) -> Any:
    told = [
        ["cpu", "2"],
        ["memory", "8000,4000,3000,0,0"],
        ["process_ovs-vswitchd", f"500000,200,{cpu_ms},0,9000,9000"],
    ]
    return [
        {"rows": [{"statistics": ["map", told if statistics else []]}]},
        {"rows": [{"datapath_id": "00000000000000ab"}, {"datapath_id": ["set", []]}]},
    ]


class Database:
    def __init__(self) -> None:
        self.now = 100.0
        self.answer: Any = answer(1000)
        self.load = OvsLoad("unix:/nowhere", lambda: self.now, lambda _remote: self.answer)

    def pass_time(self, seconds: float, told: Any) -> SwitchLoad:
        self.now += seconds
        self.answer = told
        self.load.renew()
        return self.load.load(0xAB)


def test_the_share_of_a_processor_is_that_between_two_answers() -> None:
    database = Database()
    assert database.load.load(0xAB) == NO_LOAD
    assert database.pass_time(0, answer(1000)) == SwitchLoad(None, 2.5)
    assert database.pass_time(5, answer(3500)) == SwitchLoad(50.0, 2.5)
    assert database.load.load(0xCD) == NO_LOAD, "a switch of another machine"


def test_a_daemon_that_was_started_again_has_no_share_yet() -> None:
    database = Database()
    database.pass_time(0, answer(9000))
    assert database.pass_time(5, answer(10)) == SwitchLoad(None, 2.5)
    assert database.pass_time(5, answer(510)) == SwitchLoad(10.0, 2.5)


@pytest.mark.parametrize(
    "told", [None, [], [{}], [{"rows": []}, {}], {"error": "x"}, answer(1, False), "text", 5]
)
def test_what_is_not_told_is_not_known(told: Any) -> None:
    database = Database()
    assert database.pass_time(5, told) == NO_LOAD
    assert snapshot(told, 1.0).process is None


def test_no_database_no_load() -> None:
    load = OvsLoad("", lambda: 0.0, lambda _remote: answer(1))
    load.renew()
    assert load.load(0xAB) == NO_LOAD
    absent = OvsLoad("unix:/nowhere/db.sock")
    absent.renew()
    assert absent.load(0xAB) == NO_LOAD
