"""Control socket of the engine: what is configured and asked over it, and what breaks nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.errors import Conflict
from horizon_ryu.core.slicing.control_frames import control_frame
from horizon_ryu.slicer import control
from horizon_ryu.slicer.configuration import SlicerConfiguration, parse_configuration
from horizon_ryu.slicer.control import ControlServer, lock
from horizon_ryu.slicer.engine import SlicerEngine
from horizon_ryu.slicer.kept_document import KeptDocument
from horizon_ryu.wire.versions import OPENFLOW_10


class Caller:
    """A client of the socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def frame(self) -> dict[str, Any]:
        size = int.from_bytes(await self.reader.readexactly(4), "big")
        found: dict[str, Any] = json.loads(await self.reader.readexactly(size))
        return found

    async def call(self, op: Any, **fields: Any) -> dict[str, Any]:
        self.writer.write(control_frame({"id": 7, "op": op, **fields}))
        answer = await self.frame()
        assert answer["id"] == 7
        return answer


Connect = Callable[[], Coroutine[Any, Any, Caller]]


def served(
    folder: Path, check: Callable[[SlicerEngine, ControlServer, Connect], Coroutine[Any, Any, None]]
) -> list[bool]:
    """Run ``check`` with an engine that is served; return whether it was stopped."""
    stopped: list[bool] = []

    async def run() -> None:
        engine = SlicerEngine("test")
        server = ControlServer(engine, "here:1", lambda: stopped.append(True))
        listening = await server.listen(folder / "control")

        async def connect() -> Caller:
            return Caller(*await asyncio.open_unix_connection(folder / "control"))

        try:
            await check(engine, server, connect)
        finally:
            listening.close()

    asyncio.run(run())
    return stopped


def document(version: int, *names: str) -> dict[str, Any]:
    return {"version": version, "slices": [{"name": name, "controllers": []} for name in names]}


def test_a_document_is_worked_by_whole_and_none_that_is_older(tmp_path: Path) -> None:
    async def check(engine: SlicerEngine, _server: ControlServer, connect: Connect) -> None:
        caller = await connect()
        done = await caller.call("configure", document=document(3, "a"))
        assert done["result"] == {"version": 3, "switches": {}}
        again = await caller.call("configure", document=document(3, "a"))
        assert again["result"]["version"] == 3
        for other in (document(3, "b"), document(2, "a")):
            assert (await caller.call("configure", document=other))["error"]["kind"] == "conflict"
        wrong = {**document(4, "a"), "slices": [{"name": "a", "controllers": [{"url": "x"}]}]}
        refused = (await caller.call("configure", document=wrong))["error"]
        assert refused["loc"] == ["slices", 0, "controllers", 0, "url"]
        assert list(engine.configuration().slices) == ["a"]
        status = (await caller.call("status"))["result"]
        assert (status["version"], status["switches"], status["listen"]) == (3, {}, "here:1")

    served(tmp_path, check)


def test_what_is_asked_of_a_slice_that_there_is_is_told(tmp_path: Path) -> None:
    async def check(_engine: SlicerEngine, _server: ControlServer, connect: Connect) -> None:
        caller = await connect()
        await caller.call("configure", document=document(1, "a"))
        for op in ("stats", "entries", "topology"):
            assert (await caller.call(op, slice="a"))["result"]["slice"] == "a"
            for name in ("b", 5, None):
                assert (await caller.call(op, slice=name))["error"]["kind"] == "not_found"

    served(tmp_path, check)


@pytest.mark.parametrize("op", [None, 5, ["status"], "restart", "__class__"])
def test_an_operation_that_there_is_not_is_refused(tmp_path: Path, op: Any) -> None:
    async def check(_engine: SlicerEngine, _server: ControlServer, connect: Connect) -> None:
        caller = await connect()
        assert (await caller.call(op))["error"]["loc"] == ["op"]
        assert "result" in await caller.call("status")

    served(tmp_path, check)


@pytest.mark.parametrize(
    "data", [b"\xff\xff\xff\xff", b"\0\0\0\x02[]", b"\0\0\0\x01{", b"\0\0\0\0"]
)
def test_what_is_no_frame_ends_its_own_connection_alone(tmp_path: Path, data: bytes) -> None:
    async def check(_engine: SlicerEngine, server: ControlServer, connect: Connect) -> None:
        good, bad = await connect(), await connect()
        await good.call("status")
        bad.writer.write(data)
        assert await bad.reader.read() == b""
        server.tell("switch_connected", {"dpid": "1"})
        told = await good.frame()
        assert told == {"event": "switch_connected", "about": {"dpid": "1"}}

    served(tmp_path, check)


def test_it_is_stopped_by_whoever_may_open_its_socket_which_is_its_owner(tmp_path: Path) -> None:
    async def check(_engine: SlicerEngine, _server: ControlServer, connect: Connect) -> None:
        assert (tmp_path / "control").stat().st_mode & 0o777 == 0o600
        assert (await (await connect()).call("stop"))["result"] == {}
        await asyncio.sleep(0)

    assert served(tmp_path, check) == [True]


def test_one_folder_has_one_engine(tmp_path: Path) -> None:
    first = lock(tmp_path / "slicer")
    assert first is not None
    assert lock(tmp_path / "slicer") is None
    first.close()
    again = lock(tmp_path / "slicer")
    assert again is not None
    again.close()


def test_the_engine_serves_others_while_a_configuration_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_meanwhile = threading.Event()
    waited: list[bool] = []

    def read(given: Any, takes_tls: bool) -> SlicerConfiguration:
        waited.append(served_meanwhile.wait(10.0))
        return parse_configuration(given, takes_tls)

    monkeypatch.setattr(control, "parse_configuration", read)

    async def check(engine: SlicerEngine, _server: ControlServer, connect: Connect) -> None:
        one, other = await connect(), await connect()
        configuring = asyncio.ensure_future(one.call("configure", document=document(3, "a")))
        assert (await other.call("status"))["result"]["version"] == 0
        served_meanwhile.set()
        assert (await configuring)["result"]["version"] == 3
        assert "a" in engine.configuration().slices

    served(tmp_path, check)
    assert waited == [True]


def test_an_error_of_ours_is_answered_and_counted_and_the_client_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: SlicerEngine, *_given: object) -> None:
        raise KeyError("gone")

    async def check(engine: SlicerEngine, _server: ControlServer, connect: Connect) -> None:
        caller = await connect()
        monkeypatch.setattr(SlicerEngine, "configure", broken)
        refused = await asyncio.wait_for(caller.call("configure", document=document(3, "a")), 20)
        assert refused["error"]["kind"] == "fault"
        assert "KeyError" in refused["error"]["detail"]
        assert (await caller.call("status"))["result"]["faults"] == 1
        assert engine.faults == 1

    served(tmp_path, check)


def test_a_document_that_failed_may_be_given_again_in_another_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: SlicerEngine, *_given: object) -> None:
        raise KeyError("gone")

    async def check(_engine: SlicerEngine, _server: ControlServer, connect: Connect) -> None:
        caller = await connect()
        await caller.call("configure", document=document(3, "a"))
        with monkeypatch.context() as patched:
            patched.setattr(SlicerEngine, "configure", broken)
            failed = await asyncio.wait_for(caller.call("configure", document=document(4, "b")), 20)
            assert "error" in failed
        repeated = await caller.call("configure", document=document(3, "a"))
        assert repeated["result"]["version"] == 3, "what is worked by is still the one before"

    served(tmp_path, check)


def test_what_is_wrong_with_the_engine_is_told_to_whoever_looks_after_it(tmp_path: Path) -> None:
    async def check(engine: SlicerEngine, _server: ControlServer, connect: Connect) -> None:
        caller = await connect()
        assert (await caller.call("status"))["result"]["problems"] == []
        engine.take_over(tmp_path / "no folder" / "tables")
        engine.fault(RuntimeError("of ours"))
        failed, unwritten = (await caller.call("status"))["result"]["problems"]
        assert "of ours" in failed
        assert "disk" in unwritten

    served(tmp_path, check)


def test_a_socket_that_somebody_removes_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "LOOK_SECONDS", 0.01)

    async def check(_engine: SlicerEngine, server: ControlServer, _connect: Connect) -> None:
        path = tmp_path / "folder" / "again"
        path.parent.mkdir()
        keeping = asyncio.create_task(server.keep(path, await server.listen(path)))
        shutil.rmtree(path.parent)
        async with asyncio.timeout(20):
            while not path.is_socket():
                await asyncio.sleep(0.01)
        keeping.cancel()
        caller = Caller(*await asyncio.open_unix_connection(path))
        assert (await caller.call("status"))["result"]["version"] == 0

    served(tmp_path, check)


def test_a_configuration_that_cannot_be_worked_out_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check(engine: SlicerEngine, _server: ControlServer, connect: Connect) -> None:
        caller = await connect()
        await caller.call("configure", document=document(3, "a"))
        before = engine.flowspace_on(1, OPENFLOW_10)
        with monkeypatch.context() as broken:
            broken.setattr(SlicerConfiguration, "flowspace", _fails)
            failed = await caller.call("configure", document=document(4, "b"))
        assert failed["error"]["kind"] == "fault"
        assert engine.configuration().version == 3
        assert engine.flowspace_on(1, OPENFLOW_10).whole is before.whole

    served(tmp_path, check)


def _fails(*_args: object) -> None:
    raise RuntimeError("of ours")


# ---- what is kept


def kept_server(folder: Path, engine: SlicerEngine) -> ControlServer:
    return ControlServer(engine, "here:1", lambda: None, KeptDocument(folder / "slices"))


def test_an_engine_goes_on_with_the_slices_of_the_one_before_until_newer_ones_come(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        first = kept_server(tmp_path, SlicerEngine("one"))
        await first._configure({"document": document(3, "a")})
        assert (tmp_path / "slices").stat().st_mode & 0o777 == 0o600
        engine = SlicerEngine("two")
        second = kept_server(tmp_path, engine)
        await second.resume()
        assert (engine.configuration().version, list(engine.configuration().slices)) == (3, ["a"])
        assert engine.is_configured.is_set()
        with pytest.raises(Conflict):
            await second._configure({"document": document(2, "b")})
        await second._configure({"document": document(3, "a")})
        await second._configure({"document": document(4, "b")})
        third = SlicerEngine("three")
        await kept_server(tmp_path, third).resume()
        assert list(third.configuration().slices) == ["b"]

    asyncio.run(run())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.chmod(0o644),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(b"[]"),
        lambda path: path.write_bytes(b'{"version": 3, "slices": [{"name": 5}]}'),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.rename(path.with_name("real")), path.symlink_to("real")),
        lambda path: (path.unlink(), os.mkfifo(path, 0o600)),
    ],
)
def test_kept_slices_that_are_no_good_are_told_of_and_waited_for(
    tmp_path: Path, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        first = kept_server(tmp_path, SlicerEngine("one"))
        await first._configure({"document": document(3, "a")})
        path = tmp_path / "slices"
        spoil(path)
        engine = SlicerEngine("two")
        await kept_server(tmp_path, engine).resume()
        assert not engine.is_configured.is_set()
        assert ("is not worked by" in caplog.text) == path.exists()

    asyncio.run(run())


def test_slices_that_cannot_be_kept_are_worked_by_and_that_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        engine = SlicerEngine("one")
        server = kept_server(tmp_path / "no folder", engine)
        assert (await server._configure({"document": document(3, "a")}))["version"] == 3
        (problem,) = (await server._status({}))["problems"]
        assert "cannot keep its slices" in problem
        (tmp_path / "no folder").mkdir()
        await server._configure({"document": document(4, "a")})
        assert (await server._status({}))["problems"] == []

    asyncio.run(run())


# ---- who is waited for


class HungLink:
    """A switch that confirms, or never does."""

    peer = "there:1"
    is_at_work = False

    def __init__(self, hangs: bool) -> None:
        self.datapath = self
        self._hangs = hangs
        self.reconfigured = 0

    def confirm(self, done: Callable[[], object]) -> None:
        if not self._hangs:
            done()

    def flush(self) -> None:
        """Send nothing."""

    def reconfigure(self) -> None:
        self.reconfigured += 1


def concerning(version: int, **dpids: list[str] | str) -> dict[str, Any]:
    slices = [
        {"name": name, "controllers": [], "flowspace": [{"id": at, "dpids": found, "ports": [at]}]}
        for at, (name, found) in enumerate(dpids.items(), 1)
    ]
    return {"version": version, "slices": slices}


def test_a_configuration_waits_for_the_switches_that_it_concerns_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        told: list[tuple[str, dict[str, Any]]] = []
        engine = SlicerEngine("one", lambda event, about: told.append((event, {**about})))
        server = kept_server(tmp_path, engine)
        good, hung = HungLink(False), HungLink(True)
        one, two = f"{1:016x}", f"{2:016x}"
        await server._configure({"document": concerning(1, a=[one], b=[two])})
        engine.switches.update({1: good, 2: hung})  # type: ignore[dict-item]
        # Forever: a test that waited for the hung one would never end.
        monkeypatch.setattr(control, "CONFIRM_SECONDS", 1e6)
        changed = concerning(2, a=[one], b=[two])
        changed["slices"][0]["bandwidth"] = {"mode": "ip_tos", "value": 8}
        done = await asyncio.wait_for(server._configure({"document": changed}), 60)
        assert done["switches"] == {one: "applied"}
        assert (good.reconfigured, hung.reconfigured) == (1, 1)
        monkeypatch.setattr(control, "CONFIRM_SECONDS", 0.01)
        for version, slices in ((3, {"a": "all", "b": [two]}), (4, {"a": [one, two], "b": [one]})):
            done = await server._configure({"document": concerning(version, **slices)})
            assert done["switches"][one] == "applied"
            assert "not confirmed" in done["switches"][two]
            ((event, about),) = [found for found in told if found[1].get("version") == version]
            assert (event, about["dpid"]) == ("switch_unconfirmed", two)
        engine.switches.clear()
        for task in list(server._asking):
            task.cancel()

    asyncio.run(run())


# ---- clients that do not read


def test_a_client_that_does_not_read_is_told_how_many_events_it_has_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MOST_UNSENT", 1 << 16)
    told = 4000

    async def check(_engine: SlicerEngine, server: ControlServer, connect: Connect) -> None:
        slow = await connect()
        assert "result" in await slow.call("status")
        for number in range(told):
            server.tell("something", {"number": number, "text": "x" * 500})
        monkeypatch.setattr(control, "LOOK_SECONDS", 0.01)
        other = await server.listen(tmp_path / "other")
        keeping = asyncio.create_task(server.keep(tmp_path / "other", other))
        got, lost = 0, 0
        async with asyncio.timeout(60):
            while got + lost < told:
                frame = await slow.frame()
                if frame["event"] == "events_lost":
                    lost += frame["about"]["count"]
                else:
                    assert frame["about"]["number"] == got + lost
                    got += 1
        keeping.cancel()
        assert lost
        assert got
        assert "result" in await slow.call("status"), "it is connected still"

    served(tmp_path, check)
