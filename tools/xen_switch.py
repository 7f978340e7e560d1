"""Open vSwitch in the Domain 0 of a host of the Xen lab, with hosts around it.

Its kernel has the datapath of Open vSwitch and HTB: there entries can put frames into queues
(report 4.2). A host is a network namespace there; what it runs is asked about over ssh.
"""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from topologies.driver import Ran, entries_of
from topologies.graphs import Graph, GraphHost
from topologies.lab.machine import Machine
from topologies.lab.steps import LabError, wait_until

BRIDGE = "queues0"
CONTROLLER_PORT = 6653
"""Of Domain 0's loopback: it leads to the controller, on the machine that runs the lab."""
_SCRIPTS = "/usr/share/openvswitch/scripts/ovs-ctl"
_FOLDER = "/tmp/xen-switch"
_STEP = 60.0
_MOST_QUEUES = 64
_QUEUED = 50
"""Frames of one class that wait."""


class XenSwitch:
    """One switch that speaks ``version``, and the hosts of ``graph`` at it; a context manager.

    ``graph`` has one switch, whose first host's port is 1, as Mininet would have it.
    """

    def __init__(
        self, machine: Machine, graph: Graph, controller_port: int, version: str = "OpenFlow13"
    ) -> None:
        self._machine = machine
        self._graph = graph
        self._controller_port = controller_port
        self._version = version
        self._jobs = itertools.count(1)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            # What was left by one that was killed is taken away first.
            self._remove()
            stack.callback(self._remove)
            stack.enter_context(self._machine.lent(CONTROLLER_PORT, self._controller_port))
            self._run(f"mkdir -p {_FOLDER}")
            self._run(f"{_SCRIPTS} --system-id=random --no-mlockall start >/dev/null 2>&1")
            for host in self._graph.hosts:
                self._make_host(host)
            self._make_bridge()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_about: object) -> None:
        self._stack.close()

    def _make_host(self, host: GraphHost) -> None:
        # In one call: each is a session of ssh, on an emulated processor.
        inside = f"ip -n {host.name}"
        self._run(
            f"ip netns add {host.name}",
            f"ip link add {port_name(host)} type veth peer name {host.interface} netns {host.name}",
            f"{inside} link set {host.interface} address {host.mac} up",
            f"{inside} address add {host.ip}/8 dev {host.interface}",
            f"{inside} link set lo up",
            # A sum that is left to a card nobody has, a segment that no wire carries.
            f"ip netns exec {host.name} ethtool -K {host.interface} tx off tso off gso off "
            ">/dev/null",
            # Frames in a long queue would be seen seconds after a change of what they are held to.
            f"ip link set {port_name(host)} txqueuelen {_QUEUED} up",
        )

    def _make_bridge(self) -> None:
        (switch,) = self._graph.switches
        words = ["ovs-vsctl", "--may-exist", "add-br", BRIDGE, "--", "set", "bridge", BRIDGE]
        words += [f"protocols={self._version}", "fail_mode=secure"]
        words += [f"other-config:datapath-id={switch.dpid:016x}"]
        for host in self._graph.hosts:
            words += ["--", "add-port", BRIDGE, port_name(host), "--", "set", "interface"]
            words += [port_name(host), f"ofport_request={host.port}"]
        words += ["--", "set-controller", BRIDGE, f"tcp:127.0.0.1:{CONTROLLER_PORT}"]
        self._run(shlex.join(words))

    def _remove(self) -> None:
        """Take away all of it; there need not be any."""
        names = " ".join(host.name for host in self._graph.hosts)
        self._machine.run(
            f"for one in {names}; do ip netns pids $one 2>/dev/null | xargs -r kill -9; done; "
            f"if [ -e /run/openvswitch/db.sock ]; then ovs-vsctl --if-exists del-br {BRIDGE}; "
            "ovs-vsctl --all destroy qos -- --all destroy queue; "
            f"{_SCRIPTS} stop; fi >/dev/null 2>&1; "
            f"for one in {names}; do ip netns del $one 2>/dev/null; done; rm -rf {_FOLDER}",
            _STEP,
            check=False,
        )

    def _run(self, *commands: str) -> str:
        return self._machine.run(" && ".join(commands), _STEP)

    # ---- queues

    def make_queues(self, host: GraphHost, kbps: int, rates: Mapping[int, tuple[int, int]]) -> None:
        """Give the port of a host ``kbps`` in all, and queues: by number, least and most of each.

        The queue 0 has what no entry puts elsewhere.
        """
        if len(rates) > _MOST_QUEUES:
            raise LabError(f"{len(rates)} queues, at most {_MOST_QUEUES} are made")
        names = ",".join(f"{number}=@q{number}" for number in rates)
        words = ["ovs-vsctl", "set", "port", port_name(host), "qos=@qos", "--", "--id=@qos"]
        words += ["create", "qos", "type=linux-htb"]
        words += [f"other-config:max-rate={kbps * 1000}", f"queues={names}"]
        for number, (least, most) in rates.items():
            words += ["--", f"--id=@q{number}", "create", "queue"]
            words += [f"other-config:min-rate={least * 1000}"]
            words += [f"other-config:max-rate={most * 1000}"]
        self._run(shlex.join(words))

    # ---- what the hosts run

    def run(self, host: str, command: Sequence[str], seconds: float = 30.0) -> Ran:
        """Run a program on ``host`` to its end."""
        return self.wait(self.spawn(host, command), seconds)

    def spawn(self, host: str, command: Sequence[str]) -> int:
        """Start a program on ``host`` and return the number of the job."""
        job = next(self._jobs)
        self._give_scripts(command)
        words = shlex.join(self._there(word) for word in command)
        there = f"{_FOLDER}/{job}"
        inside = f"echo $$ >{there}.pid; exec ip netns exec {host} {words}"
        whole = f"sh -c {shlex.quote(inside)} >{there}.out 2>&1; echo $? >{there}.status"
        # A shell's own "&" would have it ignore the interrupt that ends it.
        self._run(f"setsid -f sh -c {shlex.quote(whole)} </dev/null >/dev/null 2>&1")
        return job

    def _give_scripts(self, command: Sequence[str]) -> None:
        """Put the scripts there that a command names by a path of this machine."""
        for word in command:
            path = Path(word)
            if path.suffix == ".py" and path.is_file():
                text = shlex.quote(path.read_text(encoding="utf-8"))
                self._run(f"[ -e {self._there(word)} ] || printf %s {text} >{self._there(word)}")

    @staticmethod
    def _there(word: str) -> str:
        path = Path(word)
        return f"{_FOLDER}/{path.name}" if path.suffix == ".py" and path.is_file() else word

    def output(self, job: int) -> str:
        """Return what a job said so far."""
        return self._machine.run(f"cat {_FOLDER}/{job}.out 2>/dev/null", _STEP, check=False)

    def wait_for_output(self, job: int, text: str, seconds: float = 30.0) -> str:
        """Return what a job said once ``text`` is in it."""
        wait_until(
            lambda: "" if text in self.output(job) else f"job {job} says no {text!r}", seconds
        )
        return self.output(job)

    def wait(self, job: int, seconds: float = 30.0) -> Ran:
        """Wait until a job ends; LabError at the deadline."""
        told: list[str] = []

        def problem() -> str:
            status = f"cat {_FOLDER}/{job}.status 2>/dev/null"
            told[:] = [self._machine.run(status, _STEP, check=False).strip()]
            return "" if told[0] else f"job {job} has not ended"

        wait_until(problem, seconds, pause=0.5)
        return Ran(int(told[0]), self.output(job))

    def interrupt(self, job: int, seconds: float = 10.0) -> Ran:
        """End a job as the keyboard's interrupt does."""
        self._run(f"kill -INT $(cat {_FOLDER}/{job}.pid) 2>/dev/null || true")
        return self.wait(job, seconds)

    # ---- the switch

    def ofctl(self, dpid: int, command: str, *arguments: str) -> str:
        """Return the output of ``ovs-ofctl command``; ``dpid`` is that of the only switch."""
        if dpid != self._graph.switches[0].dpid:
            raise LabError(f"there is no switch {dpid}")
        words = ("ovs-ofctl", "-O", self._version, command, BRIDGE, *arguments)
        return self._machine.run(shlex.join(words), _STEP)

    def flows(self, dpid: int) -> list[str]:
        """Return the flow entries as ``ovs-ofctl`` prints them."""
        return entries_of(self.ofctl(dpid, "dump-flows"))


def port_name(host: GraphHost) -> str:
    """Return the name of a host's port of the switch."""
    return f"q{host.port}"
