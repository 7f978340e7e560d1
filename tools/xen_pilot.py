"""A pilot of real Xen hosts: a controller's REST API, the events it told, guests of the lab."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import websocket

from tools.controller_process import ControllerProcess
from tools.work_clock import WorkClock, wait_for_work
from topologies.lab.keys import guest_address
from topologies.lab.lab import AGENT_SECONDS, XenLab, guest
from xen_bridge.command import AGENT_PORT
from xen_bridge.protocol import document_schema

SECONDS = 300.0
"""For one request: an emulated host takes its time."""
ENDED = ("destroyed", "shutoff")
"""States of a domain that has to start anew."""
PAUSE = 0.5
"""Seconds between two questions: each takes an emulated host's time from what is waited for."""


class Pilot:
    """The REST API of a controller, as a pilot uses it, and the events that it heard."""

    def __init__(self, controller: ControllerProcess, lab: XenLab) -> None:
        self.controller = controller
        self.lab = lab
        self.events: list[dict[str, Any]] = []
        self._expected: list[tuple[str, str]] = []
        self._work = WorkClock(self._pids)
        url = controller.url.replace("http:", "ws:") + "/v1/events"
        self._socket = websocket.create_connection(url, 30)
        self._socket.settimeout(None)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _pids(self) -> list[int]:
        machines = [one.pid for one in self.lab.machines]
        return [self.controller.pid, *(pid for pid in machines if pid is not None)]

    def wait(
        self, condition: Callable[[], Any], seconds: float, what: str, pause: float = PAUSE
    ) -> Any:
        """Return the first true value of ``condition``, asked for again after each ``pause``.

        AssertionError when both hosts and the controller have worked for ``seconds`` in vain: on a
        busy machine that takes longer.
        """
        return wait_for_work(condition, self._work, seconds, what, pause=pause)

    def _listen(self) -> None:
        try:
            while text := self._socket.recv():
                self.events.append(json.loads(text))
        except (websocket.WebSocketException, OSError):
            return

    def register(self) -> None:
        """Have the controller know both hosts; AssertionError unless both are there."""
        for machine in self.lab.machines:
            body = {
                "name": machine.name,
                "url": self.lab.url(machine.name),
                "node_pk": self.lab.identity(machine.name).node_pk,
            }
            answer = self.done("POST", "/xen/hosts", body)
            if answer["state"] != "connected":
                raise AssertionError(f"{machine.name} is {answer['state']}: {answer['reason']}")

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        self._listener.join(10)

    def ask(
        self, method: str, path: str, body: Any = None, accept: str = "application/json"
    ) -> Any:
        """Return the status and the answer; errors too."""
        request = urllib.request.Request(
            f"{self.controller.url}/v1{path}",
            None if body is None else json.dumps(body).encode(),
            {"Accept": accept, **({} if body is None else {"Content-Type": "application/json"})},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, _read(answer)
        except urllib.error.HTTPError as error:
            return error.code, _read(error)

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer; AssertionError, with what was wrong, for an error.

        A host that was too busy for a look counts as away for a moment; nothing was tried then,
        so it is waited for and asked again.
        """
        status, answer = self.ask(method, path, body)
        if status == HTTPStatus.FAILED_DEPENDENCY and ": away for " in answer["detail"]:
            self.wait_connected(answer["host"])
            status, answer = self.ask(method, path, body)
        if status >= HTTPStatus.BAD_REQUEST:
            raise AssertionError(f"{method} {path}: {status} {answer}")
        return answer

    def get(self, path: str) -> Any:
        """Return what is read; AssertionError for an error."""
        return self.done("GET", path)

    def state(self, host: str) -> str:
        """Return whether a host is there, as the controller knows it."""
        return str(self.get(f"/xen/hosts/{host}")["state"])

    def wait_connected(self, host: str, seconds: float = 60) -> None:
        """Return when a host is there: one that is emulated may for a while be too slow."""
        self.wait(lambda: self.state(host) == "connected", seconds, f"{host} is there")

    def set(self, host: str, domain: str, **changes: Any) -> Any:
        """Change a domain, return it; AssertionError for an error.

        One that is to end has its agent answer first, if that is expected.
        """
        if changes.get("state") in ENDED:
            self.wait_expected(host, domain)
        return self.done("PATCH", f"/xen/hosts/{host}/domains/{domain}", changes)

    def measure(self, host: str, domain: str | None = None, **gatherers: Any) -> Any:
        """Return what gatherers measured; AssertionError for an error."""
        if domain is not None:
            self.wait_expected(host, domain)
        body = {"gatherers": gatherers} | ({} if domain is None else {"domain": domain})
        return self.done("POST", f"/xen/hosts/{host}/measures", body)

    def heard(self, kind: str, **data: Any) -> list[dict[str, Any]]:
        """Return the events of a kind with these data."""
        return [
            event
            for event in list(self.events)
            if event["kind"] == kind
            and all(event["data"].get(name) == value for name, value in data.items())
        ]

    def wait_heard(self, kind: str, seconds: float = 60, **data: Any) -> None:
        """Return when such an event was heard."""
        self.wait(lambda: self.heard(kind, **data), seconds, f"{kind} {data} is told")

    def shares(self, host: str, seconds: int) -> dict[str, float]:
        """Return the mean processor percentage of each domain over ``seconds``, by xentop."""
        found = self.measure(host, xentop={"iterations": seconds, "interval": 1})
        told: dict[str, list[float]] = {}
        for iteration in found["xentop"]["iterations"]:
            for one in iteration["domains"]:
                told.setdefault(one["name"], []).append(one["cpu_percent"])
        return {name: sum(values) / len(values) for name, values in told.items()}

    # ---- guests

    def create(self, host: str, name: str, lans: tuple[str, ...] = ()) -> Any:
        """Instantiate a guest of the lab over REST, with addresses in ``lans`` if it has any."""
        wanted = {
            key: value
            for key, value in document_schema.to_json(guest(name, lans=lans)).items()
            if value is not None
        }
        wanted["interfaces"] = list(wanted["interfaces"])
        wanted["disks"] = list(wanted["disks"])
        return self.done("POST", f"/xen/hosts/{host}/domains", wanted)

    def wait_agent(self, host: str, name: str) -> None:
        """Return when the agent inside a guest answers."""

        machine, address = self.lab.machine(host), guest_address(name)

        def answers() -> bool:
            if not machine.reaches(address, AGENT_PORT):
                return False
            body = {"gatherers": {"memory": {}}, "domain": name}
            status, _answer = self.ask("POST", f"/xen/hosts/{host}/measures", body)
            return bool(status == HTTPStatus.OK)

        self.wait(answers, AGENT_SECONDS, f"the agent of {name} answers")
        if (host, name) in self._expected:
            self._expected.remove((host, name))

    def expect_agent(self, host: str, name: str) -> None:
        """Have :meth:`wait_agent` wait later for a guest that was started just now.

        It boots on a processor that Domain 0 does not use; what does not need it goes on meanwhile.
        """
        if (host, name) not in self._expected:
            self._expected.append((host, name))

    def wait_expected(self, host: str | None = None, name: str | None = None) -> None:
        """Return when the agents that are expected answer: all, those of a host, or that of one."""
        for one in tuple(self._expected):
            if host in (None, one[0]) and name in (None, one[1]):
                self.wait_agent(*one)

    def forget_expected(self) -> None:
        """Expect no agent any more: the guests are gone."""
        self._expected.clear()

    def knows(self, host: str, names: Iterable[str]) -> bool:
        """Tell whether the controller last saw all these guests run; the host is not asked."""
        nodes = {one["id"] for one in self.get("/nodes")["nodes"]}
        return {f"xen:{host}:{name}" for name in names} <= nodes

    def inside(self, host: str, name: str, command: str) -> str:
        """Run a command in a guest, once its agent answers if that is expected."""
        self.wait_expected(host, name)
        return self.lab.machine(host).run_in_guest(guest_address(name), command)

    def planes(self, host: str, name: str) -> str:
        """Return the state of a router's planes at a host; ``none`` if it has none there."""
        found = self.get(f"/xen/hosts/{host}/planes")["planes"]
        return next((str(one["state"]) for one in found if one["router"] == name), "none")

    def make_busy(self, host: str, name: str) -> None:
        """Have a guest's processor do nothing but count."""
        self.inside(host, name, "setsid sh -c 'while :; do :; done' >/dev/null 2>&1 &")

    def make_idle(self, host: str, name: str) -> None:
        """End what makes a guest busy."""
        self.inside(host, name, "pkill -f 'while :'")


def _read(answer: Any) -> Any:
    data = answer.read()
    kind = answer.headers.get("Content-Type", "")
    return json.loads(data) if data and "json" in kind else data
