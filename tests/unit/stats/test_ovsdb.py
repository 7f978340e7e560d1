"""CPU and memory from what Open vSwitch's database answers."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar

import pytest

from horizon_ryu.switch_stats import ovsdb
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


ODD = [{"rows": [{"statistics": ["map", [["process_ovs-vswitchd", 7]]]}]}, {"rows": []}]
"""Figures that are no text."""


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
    "told", [None, [], [{}], [{"rows": []}, {}], {"error": "x"}, answer(1, False), "text", 5, ODD]
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


class Somebody(socketserver.BaseRequestHandler):
    """What answers where a database should be: ``says`` again and again, then what was asked."""

    says: ClassVar[tuple[bytes, ...]] = ()
    is_endless = False

    def handle(self) -> None:
        asked = json.loads(self.request.recv(65_536))
        answered = {"id": asked["id"], "error": None, "result": answer(1000)}
        with suppress(OSError):
            for piece in self.says:
                self.request.sendall(piece)
            while self.is_endless:
                self.request.sendall(b" " * 65_536)
            if self.says:
                self.request.sendall(json.dumps(answered).encode())
            self.request.recv(1)


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(ovsdb, "DEADLINE_MS", 200)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Somebody) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever).start()
        yield f"tcp:127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_database_that_asks_something_itself_is_read(
    somebody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = (b'{"id":"echo","method":"echo","params":[]} {"id":', b'"echo","result":[]}')
    monkeypatch.setattr(Somebody, "says", says)
    monkeypatch.setattr(ovsdb, "DEADLINE_MS", 60_000)
    assert ovsdb.read(somebody) == answer(1000)


@pytest.mark.parametrize("is_endless", [False, True], ids=["silent", "endless"])
def test_one_without_an_answer_holds_its_thread_no_longer_than_the_deadline(
    somebody: str, is_endless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Somebody, "is_endless", is_endless)
    assert ovsdb.read(somebody) is None
