"""Client of the slicer's engine: answers, errors, events, and an engine that comes and goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.errors import Conflict, EngineAway, HorizonError, InvalidInput, NotFound
from horizon_ryu.slices.engine_client import EngineClient
from horizon_ryu.supervision import Supervisor
from unit.slices.engine_socket import Answer, EngineSocket
from xen_bridge.runtime.green import GreenRuntime

SECONDS = 20.0


class Called:
    """A client, and the engines that the test lets come and go at its socket."""

    def __init__(self, folder: Path) -> None:
        self.runtime = GreenRuntime()
        self.failed: list[str] = []
        self.supervisor = Supervisor(self.runtime, time.monotonic, self.failed.append)
        self.path = folder / "control"
        self.client = EngineClient(self.runtime, self.supervisor, self.path, SECONDS)
        self.engines: list[EngineSocket] = []
        self.client.start()

    def engine(self, answer: Answer) -> EngineSocket:
        """Have an engine, and wait for the client to find it."""
        found = self.begin(answer)
        self.wait_until(lambda: self.client.is_connected)
        return found

    def begin(self, answer: Answer) -> EngineSocket:
        """Have an engine."""
        found = EngineSocket(self.path, answer)
        self.engines.append(found)
        return found

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Let the client's task run until something is so."""
        until = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < until
            self.runtime.sleep(0.01)

    def close(self) -> None:
        """End all."""
        self.client.close()
        for one in self.engines:
            if self.path.exists():
                one.close()


@pytest.fixture
def called(tmp_path: Path) -> Iterator[Called]:
    found = Called(tmp_path)
    yield found
    found.close()


def echo(request: dict[str, Any]) -> dict[str, Any]:
    return {"result": request}


def test_what_the_engine_answers_is_returned(called: Called) -> None:
    called.engine(echo)
    assert called.client.call("stats", slice="red")["slice"] == "red"
    assert called.client.peer_pid is not None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"detail": "no", "loc": ["slices", 0, "name"]}, InvalidInput),
        ({"detail": "no", "kind": "conflict"}, Conflict),
        ({"detail": "no", "kind": "not_found"}, NotFound),
        ({"detail": "no"}, EngineAway),
    ],
)
def test_each_error_of_the_engine_has_its_kind(
    called: Called, error: dict[str, Any], kind: type[HorizonError]
) -> None:
    called.engine(lambda _request: {"error": error})
    with pytest.raises(kind, match="no"):
        called.client.call("configure", document={})


def test_a_question_to_an_engine_that_is_away_is_refused_at_once(called: Called) -> None:
    called.wait_until(lambda: "control" in called.client.reason)
    with pytest.raises(EngineAway, match="control"):
        called.client.call("status")


def test_a_change_waits_for_an_engine_that_is_only_just_starting(called: Called) -> None:
    waiting = called.runtime.queue(1)
    called.runtime.spawn(lambda: waiting.put(called.client.call("configure", document={})))
    called.runtime.sleep(0.01)
    called.begin(echo)
    assert waiting.get(SECONDS)["op"] == "configure"


def test_a_call_ends_with_the_connection_and_the_next_engine_is_found(called: Called) -> None:
    met: list[bool] = []
    called.client.on_connect(lambda: met.append(True))
    first = called.engine(lambda _request: None)
    with pytest.raises(EngineAway, match="closed the connection"):
        called.client.call("status")
    first.close()
    called.engine(echo)
    called.wait_until(lambda: len(met) >= 2)
    assert called.client.call("status")["op"] == "status"


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff", b"\0\0\0\3[1]", b"\0\0\0\4nope"])
def test_frames_that_are_none_end_the_connection_and_nothing_else(
    called: Called, garbage: bytes
) -> None:
    answers: list[Any] = [garbage]
    engine = called.engine(lambda request: answers.pop() if answers else echo(request))
    with pytest.raises(EngineAway):
        called.client.call("status")
    called.wait_until(lambda: engine.accepted == 2 and called.client.is_connected)
    assert called.client.call("status")["op"] == "status"


def test_a_listener_that_fails_keeps_no_other_from_hearing(called: Called) -> None:
    heard: list[tuple[str, Mapping[str, Any]]] = []

    def fails(_event: str, _about: Mapping[str, Any]) -> None:
        raise RuntimeError("a fault of ours")

    called.client.listen(fails)
    called.client.listen(lambda event, about: heard.append((event, about)))
    engine = called.engine(echo)
    engine.tell("switch_connected", dpid=1)
    called.wait_until(lambda: heard)
    assert heard == [("switch_connected", {"dpid": 1})]
    assert called.failed
    assert called.client.call("status")["op"] == "status"
