"""The process that runs a network: ``python3 -m topologies.network``, driven by ``driver.py``.

Requests come on standard input, answers go to standard output, one JSON object a line:
``{"id": 7, "op": "link", "dpid": 1, "port": 2, "up": false}`` is answered with
``{"id": 7, "result": …}`` or ``{"id": 7, "error": "…"}``; ``{"progress": "…"}`` may come before.
The end of the input, SIGTERM and SIGINT take the network down, whatever is under way: what
drives us may die at any time.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

from topologies.emulation import Emulation, EmulationSettings
from topologies.errors import NetworkError
from topologies.graphs import Graph, GraphError
from topologies.jobs import Jobs, ping_all

Request = Mapping[str, Any]


class Server:
    """Carries out requests, one at a time."""

    def __init__(self, answers: IO[str]) -> None:
        self._answers = answers
        self._emulation: Emulation | None = None
        self._jobs = Jobs(self._pid_of)
        self._operations: Mapping[str, Callable[[Request], Any]] = {
            "start": self._start,
            "pingall": self._pingall,
            "exec": self._exec,
            "spawn": lambda request: self._jobs.spawn(request["host"], request["command"]),
            "output": lambda request: self._jobs.words(request["job"]),
            "finish": self._finish,
            "link": self._link,
            "switch": self._switch,
            "ofctl": self._ofctl,
            "limit": self._limit,
            "stop": lambda _: self.close(),
        }

    def answer(self, line: str) -> None:
        """Carry out the request in ``line`` and say how it went."""
        number = None
        try:
            request = json.loads(line)
            number = request["id"]
            answer = {"result": self._operations[request["op"]](request)}
        except (NetworkError, GraphError) as error:
            answer = {"error": str(error)}
        except (ValueError, KeyError, TypeError) as error:
            answer = {"error": f"not a request: {error!r}"}
        self._write({"id": number, **answer})

    def _write(self, message: Mapping[str, Any]) -> None:
        self._answers.write(json.dumps(message) + "\n")
        self._answers.flush()

    def _running(self) -> Emulation:
        if self._emulation is None:
            raise NetworkError("no network is running")
        return self._emulation

    def _pid_of(self, host: str) -> int:
        return self._running().pid_of(host)

    def _start(self, request: Request) -> dict[str, Any]:
        if self._emulation is not None:
            raise NetworkError("a network is running already")
        versions = {int(dpid): tuple(names) for dpid, names in request["versions"].items()}
        settings = EmulationSettings(tuple(request["controllers"]), versions, request["prefix"])
        self._emulation = emulation = Emulation(Graph.from_dict(request["graph"]), settings)
        try:
            emulation.start(lambda text: self._write({"progress": text}))
        except NetworkError:
            self.close()
            raise
        return {"datapath": emulation.datapath, "bridges": list(emulation.names.bridge.values())}

    def _pingall(self, request: Request) -> list[tuple[str, str]]:
        graph = self._running().graph
        pids = {name: self._pid_of(name) for name in request["hosts"]}
        return ping_all(pids, {name: graph.host(name).ip for name in pids}, request["wait"])

    def _exec(self, request: Request) -> tuple[int, str]:
        return self._jobs.finish(
            self._jobs.spawn(request["host"], request["command"]), request["seconds"]
        )

    def _finish(self, request: Request) -> tuple[int, str]:
        return self._jobs.finish(request["job"], request["seconds"], request["signal"])

    def _link(self, request: Request) -> None:
        self._running().set_cable(request["dpid"], request["port"], request["up"])

    def _switch(self, request: Request) -> None:
        self._running().set_switch(request["dpid"], request["up"])

    def _ofctl(self, request: Request) -> str:
        return self._running().ofctl(request["dpid"], request["command"], *request["arguments"])

    def _limit(self, request: Request) -> None:
        self._running().limit_entries(request["dpid"], request["limit"])

    def close(self) -> None:
        """Take the network down; nothing when there is none."""
        self._jobs.close()
        emulation, self._emulation = self._emulation, None
        if emulation is not None:
            emulation.close()


def _read(lines: IO[str], requests: queue.SimpleQueue[str]) -> None:
    """Pass on each line; at the end, break off what the main thread is doing."""
    for line in lines:
        requests.put(line)
    os.kill(os.getpid(), signal.SIGTERM)
    # A signal that comes just before the main thread begins to wait for a request does not
    # interrupt the wait; an empty request does, and the signal is then handled.
    requests.put("")


def _leave(signum: int, _: object) -> None:
    raise SystemExit(0)


def _private_output() -> IO[str]:
    """Keep standard output for answers alone: what libraries print goes where errors go."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def main() -> None:
    """Serve until told to leave."""
    if os.geteuid() != 0:
        print("topologies.network: needs root", file=sys.stderr)
        raise SystemExit(1)
    server = Server(_private_output())
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, _leave)
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin, requests), daemon=True).start()
    try:
        while True:
            server.answer(requests.get())
    except BrokenPipeError:
        pass
    finally:
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        server.close()


if __name__ == "__main__":
    main()
