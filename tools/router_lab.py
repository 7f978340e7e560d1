"""Two hosts on one machine, a router that can move between them, a client and a server beside it.

``python -m tools.router_lab`` (``make router-lab``), as root, builds it and tells what to try::

    client ── lan0 ──┬── host one ──┬── lan1 ── server
                     └── host two ──┘

Each host is a network namespace with its own ``xen-bridge serve``; the router r1 is a domain of
``netns:///``, with an agent, so that its planes are separated. Nothing of it stays at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from tools.bridge_process import PROGRAM, BridgeProcess, start_all
from tools.controller_process import ControllerProcess
from tools.started import arguments, as_root, carry_out
from xen_bridge.server.routers import FILE as ROUTERS
from xen_bridge.server.routers import HOSTS_FILE, RouterList, check_router
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList

HOSTS = ("one", "two")
ROUTER = "r1"
LANS = ("10.0.1", "10.0.2")
MANAGEMENT = "198.18.0"
"""Of the range for laboratories (RFC 2544): nobody's network has it."""
PORT, AGENT_PORT = 7443, 7444
PROBE = Path(__file__).with_name("udp_probe.py")
PROBE_PORT = 7777
LONGEST_PROBE = 240.0
"""Seconds for a probe to end that was told to, on a machine that is busy with other things."""
_SCRIPT = """#!/bin/sh
ip link set lo up
ip address add {management}.11/24 dev eth0
ip address add {lans[0]}.1/24 dev eth1
ip address add {lans[1]}.1/24 dev eth2
{agent}
exec sleep 100000
"""


_AGENT = """{python} -m xen_bridge.command agent --host {management}.11 --port {port} \\
  --directory {folder} >>{folder}/log 2>&1 &"""


def ip(*words: str) -> None:
    """Run ``ip``; AssertionError with what it said."""
    done = subprocess.run(("ip", *words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class RouterLab:
    """All of it; a context manager. Files are in ``folder``.

    The planes of a router ``with_agent`` are separated.
    """

    def __init__(self, folder: Path, with_agent: bool = True) -> None:
        self._with_agent = with_agent
        self.folder = folder.absolute()
        self.label = uuid.uuid4().hex[:6]
        self._stack = contextlib.ExitStack()
        self._identity = Identity.create(folder / "xen-identity")
        config = "[xen]\npoll_interval = 0.5\n"
        self.controller = ControllerProcess(folder, ("horizon_ryu.xen",), config)
        self.bridges = {name: self._bridge(number, name) for number, name in enumerate(HOSTS)}

    def space(self, name: str) -> str:
        """Return the namespace of a host, or of ``client``, ``server`` or ``wire``."""
        return f"hzl{self.label}-{name}"

    def _uri(self, name: str) -> str:
        return f"netns:///{self.label}{name}?state={self.folder / 'state'}"

    def _bridge(self, number: int, name: str) -> BridgeProcess:
        return BridgeProcess(
            self.folder / name,
            self._identity,
            self._uri(name),
            program=("ip", "netns", "exec", self.space(name), *PROGRAM),
            more=("--host", f"{MANAGEMENT}.{number + 2}", "--allow-path", f"{self.folder}:ro"),
        )

    # ---- building

    def __enter__(self) -> RouterLab:
        """Build it, with the router on the first host."""
        with contextlib.ExitStack() as stack:
            self._wires(stack)
            for one, other in (HOSTS, HOSTS[::-1]):
                self.bridges[one].authorize(self.bridges[other].identity)
            program = self._router()
            for name, bridge in self.bridges.items():
                stack.callback(self._end_domains, name)
                stack.callback(bridge.kill)
            start_all(list(self.bridges.values()), PORT)
            stack.enter_context(self.controller)
            stack.callback(self._delete_router)
            for name, bridge in self.bridges.items():
                about = {"url": bridge.url, "node_pk": bridge.identity.node_pk}
                self.ask("POST", "/v1/xen/hosts", {"name": name, **about})
            interfaces = [{"bridge": bridge} for bridge in ("mgmt", "lan0", "lan1")]
            wanted = {"name": ROUTER, "kernel": str(program), "interfaces": interfaces}
            self.ask("POST", f"/v1/xen/hosts/{HOSTS[0]}/domains", wanted)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Take everything away."""
        self._stack.close()

    def _wires(self, stack: contextlib.ExitStack) -> None:
        for name in ("wire", "client", "server", *HOSTS):
            ip("netns", "add", self.space(name))
            stack.callback(subprocess.run, ("ip", "netns", "del", self.space(name)), check=False)
            ip("-n", self.space(name), "link", "set", "lo", "up")
        for name in ("mgmt", "lan0", "lan1"):
            self._switch("wire", name)
            for host in HOSTS:
                self._switch(host, name)
                self._cable(host, f"{name}p", "wire", f"{name}{host}")
                ip("-n", self.space(host), "link", "set", f"{name}p", "master", name, "up")
                ip("-n", self.space("wire"), "link", "set", f"{name}{host}", "master", name, "up")
        for number, host in enumerate(HOSTS):
            address = f"{MANAGEMENT}.{number + 2}/24"
            ip("-n", self.space(host), "address", "add", address, "dev", "mgmt")
        for number, station in enumerate(("client", "server")):
            self._station(station, number)
        outer = f"hzl{self.label}"
        ip("link", "add", outer, "type", "veth", "peer", "name", "us", "netns", self.space("wire"))
        stack.callback(subprocess.run, ("ip", "link", "del", outer), capture_output=True)
        ip("-n", self.space("wire"), "link", "set", "us", "master", "mgmt", "up")
        ip("address", "add", f"{MANAGEMENT}.1/24", "dev", outer)
        ip("link", "set", outer, "up")

    def _switch(self, space: str, name: str) -> None:
        ip("-n", self.space(space), "link", "add", name, "type", "bridge")
        ip("-n", self.space(space), "link", "set", name, "up")

    def _cable(self, one: str, port: str, other: str, peer: str) -> None:
        end = ("peer", "name", peer, "netns", self.space(other))
        ip("-n", self.space(one), "link", "add", port, "type", "veth", *end)

    def _station(self, name: str, number: int) -> None:
        space, lan = self.space(name), LANS[number]
        self._cable(name, "eth0", "wire", name)
        ip("-n", self.space("wire"), "link", "set", name, "master", f"lan{number}", "up")
        ip("-n", space, "address", "add", f"{lan}.2/24", "dev", "eth0")
        ip("-n", space, "link", "set", "eth0", "up")
        ip("-n", space, "route", "add", "default", "via", f"{lan}.1")

    def _router(self) -> Path:
        """Return the program of the router, whose agent knows both hosts, and they it."""
        folder = self.folder / ROUTER
        identity = Identity.create(folder)
        hosts = RouterList(folder / HOSTS_FILE)
        for number, name in enumerate(HOSTS):
            node_pk = self.bridges[name].identity.node_pk
            KeyList(folder / KEYS).add(node_pk)
            hosts.put(check_router(name, f"https://{MANAGEMENT}.{number + 2}:{PORT}", node_pk))
            url = f"https://{MANAGEMENT}.11:{AGENT_PORT}"
            RouterList(self.folder / name / ROUTERS).put(
                check_router(ROUTER, url, identity.node_pk)
            )
        program = folder / "start"
        about = {"management": MANAGEMENT, "port": AGENT_PORT, "folder": folder}
        agent = _AGENT.format(python=sys.executable, **about) if self._with_agent else ""
        script = _SCRIPT.format(management=MANAGEMENT, lans=LANS, agent=agent)
        program.write_text(script, encoding="utf-8")
        program.chmod(0o755)
        return program

    def _delete_router(self) -> None:
        for name in HOSTS:
            # Where it is not, or is on its way, nothing is to be deleted by name.
            with contextlib.suppress(OSError):
                self.ask("DELETE", f"/v1/xen/hosts/{name}/domains/{ROUTER}")

    def _end_domains(self, name: str) -> None:
        """End what is left of a host's domains, whose service is gone."""
        for record in (self.folder / "state").rglob(f"*{name}*/*.run"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(json.loads(record.read_text(encoding="utf-8"))["pid"], signal.SIGKILL)
        for link in Path("/run/netns").glob(f"hz-{self.label}{name}-*"):
            link.unlink()

    # ---- asking

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the controller's answer."""
        data = self.controller.request(method, path, body)
        return json.loads(data) if data else None

    def where(self) -> list[str]:
        """Return the hosts that have the router, as they tell."""
        found = {name: self.ask("GET", f"/v1/xen/hosts/{name}/domains") for name in HOSTS}
        return [
            name
            for name, told in found.items()
            if any(domain["name"] == ROUTER for domain in told["domains"])
        ]

    def passes(self) -> bool:
        """Tell whether a ping gets through the router."""
        command = ("ip", "netns", "exec", self.space("client"), "ping", "-c1", "-W1")
        return not subprocess.run((*command, f"{LANS[1]}.2"), capture_output=True).returncode

    def in_router(self, host: str, *words: str) -> None:
        """Run a command in the router's network namespace, by its name at a host."""
        space = f"hz-{self.label}{host}-{ROUTER}"
        subprocess.run(("ip", "netns", "exec", space, *words), check=True)

    def planes(self, host: str) -> str:
        """Return the state of the router's planes on a host; ``none`` if they are not separated."""
        found = self.ask("GET", f"/v1/xen/hosts/{host}/planes")["planes"]
        return next((str(one["state"]) for one in found if one["router"] == ROUTER), "none")

    def command(self, *words: str) -> list[str]:
        """Return a command line of horizonctl at this controller."""
        program = Path(sys.executable).with_name("horizonctl")
        return [str(program), "--url", self.controller.url, *words]


class Stations(Protocol):
    """A network with a client and a server, of the addresses of :data:`LANS`."""

    def space(self, name: str) -> str:
        """Return the namespace of ``client`` or ``server``."""


class NumberedTraffic:
    """Numbered datagrams from client to server and back, while it is entered; then a tally."""

    def __init__(self, lab: Stations, rate: int, packet: int = 60) -> None:
        """``rate``: datagrams per second each way, in IP packets of ``packet`` bytes."""
        self._lab = lab
        self._rate = rate
        self._packet = packet
        self._ways = (("client", "server", LANS[1]), ("server", "client", LANS[0]))
        self.sent = self.received = self.duplicated = 0
        self.pace = 0.0
        """Datagrams per second that were sent, of both ways: fewer than wanted if it is busy."""
        self.silence = 0.0

    @property
    def lost(self) -> int:
        """How many did not arrive."""
        return self.sent - self.received

    def __enter__(self) -> NumberedTraffic:
        """Begin, receivers first."""
        self._receivers = [
            self._probe(to, "receive", str(PROBE_PORT), "--idle", "0.5") for _, to, _ in self._ways
        ]
        pace = ("--rate", str(self._rate), "--packet", str(self._packet))
        self._senders = [
            self._probe(space, "send", f"{lan}.2", str(PROBE_PORT), *pace)
            for space, _, lan in self._ways
        ]
        return self

    def _probe(self, space: str, *words: str) -> subprocess.Popen[str]:
        command = ("ip", "netns", "exec", self._lab.space(space), sys.executable, "-IS", str(PROBE))
        made = subprocess.Popen((*command, *words), stdout=subprocess.PIPE, text=True)
        if made.stdout is None or not made.stdout.readline():
            raise AssertionError("the traffic does not begin")
        return made

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """End it, senders first, and count."""
        sent = [_ended(one) for one in self._senders]
        self.sent = sum(told["sent"] for told in sent)
        self.pace = sum(told["sent"] / told["seconds"] for told in sent if told["seconds"])
        tallies = [_ended(one) for one in self._receivers]
        self.received = sum(told["received"] for told in tallies)
        self.duplicated = sum(told["duplicated"] for told in tallies)
        self.silence = max(told["silence"] for told in tallies)


def _ended(probe: subprocess.Popen[str]) -> Mapping[str, Any]:
    probe.send_signal(signal.SIGINT)
    told: Mapping[str, Any] = json.loads(probe.communicate(timeout=LONGEST_PROBE)[0])
    return told


def _to_try(lab: RouterLab) -> Iterator[str]:
    """Yield lines that tell what to try."""
    here, there = HOSTS
    yield f"The router {ROUTER} is on host {here}. In other terminals:"
    yield f"  export HORIZON_URL={lab.controller.url}"
    yield f"  ip netns exec {lab.space('client')} ping -i 0.01 {LANS[1]}.2"
    yield "  .venv/bin/horizonctl events --kind migration_step --kind migration_done"
    for words in (
        f"planes {here}",
        f"migrate {here} {ROUTER} {there} --dry-run",
        f"migrate {here} {ROUTER} {there}",
        f"domains {there}",
        f"planes {there} --check",
    ):
        yield f"  .venv/bin/horizonctl xen {words}"
    yield "Ctrl-C here ends it all."


def main() -> int:
    """Build it, tell what to try, and wait until that is ended."""
    arguments(__doc__).parse_args()
    as_root("it makes network namespaces")
    place = tempfile.TemporaryDirectory(prefix="horizon-routers-")
    with place as folder, RouterLab(Path(folder)) as lab:
        sys.stdout.write("\n".join(_to_try(lab)) + "\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    carry_out(main)
