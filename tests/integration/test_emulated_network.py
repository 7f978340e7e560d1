"""The emulated network itself: it does what it is told, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backstop import BACKSTOP
from tools.controller_process import wait_until
from topologies.catalogue import build
from topologies.driver import LATEST_ANSWER, SYSTEM_PYTHON, MininetProcess
from topologies.errors import NetworkError

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

PREFIX = "tn"
ROOT = Path(__file__).resolve().parents[2]
# A process that starts a network and then waits for its end, to be killed.
PARENT = """
import sys, time
from topologies.catalogue import build
from topologies.driver import MininetProcess
network = MininetProcess(build("ring", n=4), prefix=sys.argv[1])
network.start()
print(network.pid, flush=True)
time.sleep(600)
"""


def remains(prefix: str = PREFIX) -> list[str]:
    """Return the bridges, interfaces and processes of networks with this prefix."""
    bridges = subprocess.run(["ovs-vsctl", "list-br"], capture_output=True, text=True, check=True)
    names = bridges.stdout.split() + os.listdir("/sys/class/net")
    shells = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    found = [line for line in shells.stdout.splitlines() if f"mininet:{prefix}" in line]
    return [name for name in names if name.startswith(prefix)] + found


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Return whether ``condition`` came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def network() -> Iterator[MininetProcess]:
    with MininetProcess(build("ring", n=4), prefix=PREFIX) as running:
        yield running
    assert remains() == []


def test_it_stands_as_it_was_described(network: MininetProcess) -> None:
    assert network.datapath in ("netdev", "system")
    assert network.bridges == ("tns1", "tns2", "tns3", "tns4")
    address = network.run("h2", ["ip", "-o", "addr", "show", "h2-eth0"]).output
    assert "10.0.0.2/8" in address
    assert "inet6" not in address
    for switch in network.graph.switches:
        described = network.ofctl(switch.dpid, "show")
        assert f"dpid:{switch.dpid:016x}" in described
        for port in (1, 2, 3):
            assert f" {port}(tns{switch.dpid}-eth{port})" in described


def test_hosts_talk_when_switches_forward(network: MininetProcess) -> None:
    assert len(network.ping_all(wait=0.2).lost) == 12
    network.link_down(network.graph.edges_between(4, 1)[0])
    for switch in network.graph.switches:
        network.ofctl(switch.dpid, "add-flow", "actions=NORMAL")
        assert any("NORMAL" in entry for entry in network.flows(switch.dpid))
    # What went round before the switches saw the cut taught them where nobody is.
    wait_until(lambda: not network.ping_all().lost, BACKSTOP, "the switches have learned")
    assert network.ping_all(wait=LATEST_ANSWER) == (12, ())
    assert network.ping_all(["h1", "h4"], LATEST_ANSWER) == (2, ())


def test_cables_and_switches_fail_and_return(network: MininetProcess) -> None:
    edge = network.graph.edges[0]
    network.link_down(edge)
    assert network.ofctl(edge.dpid, "show").count("LINK_DOWN") >= 1
    network.link_up(edge)
    network.ofctl(1, "add-flow", "actions=NORMAL")
    network.stop_switch(1)
    with pytest.raises(NetworkError):
        network.flows(1)
    network.start_switch(1)
    assert network.flows(1) == []
    assert f"dpid:{1:016x}" in network.ofctl(1, "show")


def test_programs_run_in_hosts_and_in_the_background(network: MininetProcess) -> None:
    ran = network.run("h1", ["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (ran.status, ran.output) == (3, "out\nerr\n")
    job = network.spawn("h1", ["sh", "-c", "echo begun; exec sleep 60"])
    assert network.wait_for_output(job, "begun") == "begun\n"
    assert network.interrupt(job).status == -signal.SIGINT
    assert network.wait(network.spawn("h1", ["echo", "done"])) == (0, "done\n")
    with pytest.raises(NetworkError, match="no 'never'"):
        network.wait_for_output(network.spawn("h1", ["sleep", "60"]), "never", seconds=0.2)
    with pytest.raises(NetworkError, match=r"not done within 0\.2 s"):
        network.run("h1", ["sleep", "60"], seconds=0.2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda n: n.run("nobody", ["true"]), "no host 'nobody'"),
        (lambda n: n.set_port(1, 99, False), "no port 99"),
        (lambda n: n.stop_switch(99), "no switch 99"),
        (lambda n: n.flows(99), "no switch 99"),
        (lambda n: n.output(99), "no job 99"),
        (lambda n: n.start(), "running already"),
    ],
)
def test_mistakes_are_told_and_survived(
    network: MininetProcess, call: Callable[[MininetProcess], object], words: str
) -> None:
    with pytest.raises(NetworkError, match=words):
        call(network)
    assert network.run("h1", ["true"]).status == 0


def test_two_networks_of_one_name_do_not_mix(network: MininetProcess) -> None:
    with pytest.raises(NetworkError, match="of these names already"):
        MininetProcess(build("ring", n=4), prefix=PREFIX).start()
    with MininetProcess(build("linear", n=2), prefix="to") as other:
        assert other.run("h1", ["true"]).status == 0
    assert remains("to") == []
    assert network.run("h1", ["true"]).status == 0


def test_names_too_long_for_interfaces_are_refused() -> None:
    with pytest.raises(NetworkError, match="name of an interface"):
        MininetProcess(build("ring", n=4), prefix="much-too-long-").start()


def start_parent() -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-c", PARENT, PREFIX]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def test_nothing_is_left_when_the_driver_is_killed() -> None:
    parent, _ = start_parent()
    assert remains()
    parent.kill()
    parent.wait()
    assert eventually(lambda: remains() == []), remains()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_network_is_told_to_end(signum: int) -> None:
    parent, network_pid = start_parent()
    try:
        os.kill(network_pid, signum)
        assert eventually(lambda: remains() == []), remains()
    finally:
        parent.kill()
        parent.wait()


def test_what_a_killed_network_left_is_reclaimed_by_the_next() -> None:
    parent, network_pid = start_parent()
    os.kill(network_pid, signal.SIGKILL)
    parent.kill()
    parent.wait()
    assert remains()
    with MininetProcess(build("ring", n=4), prefix=PREFIX) as network:
        assert network.run("h1", ["true"]).status == 0
    assert remains() == []


def test_a_type_1_switch_forwards_untold() -> None:
    with MininetProcess(build("fig3_6"), versions=["OpenFlow10"], prefix=PREFIX) as network:
        hybrid = network.graph.named("B")
        assert hybrid.hybrid
        assert [entry for entry in network.flows(hybrid.dpid) if "actions=NORMAL" in entry]
        network.stop_switch(hybrid.dpid)
        network.start_switch(hybrid.dpid)
        assert [entry for entry in network.flows(hybrid.dpid) if "actions=NORMAL" in entry]
        assert network.flows(network.graph.named("A").dpid) == []


def test_an_interpreter_without_mininet_is_named() -> None:
    with pytest.raises(NetworkError, match="has no Mininet"):
        MininetProcess(build("ring", n=4), python=sys.executable).start()


@pytest.mark.parametrize("arguments", ["fig3_8", "torus,3,4", "random,n=6,extra=3,seed=2"])
def test_mininets_own_command_knows_our_networks(arguments: str) -> None:
    custom = ROOT / "topologies" / "horizon.py"
    command = ["/usr/bin/mn", "--custom", str(custom), "--topo", arguments, "--controller", "none"]
    done = subprocess.run(
        [SYSTEM_PYTHON, *command, "--switch", "ovs,datapath=user", "--test", "none"],
        capture_output=True,
        text=True,
        timeout=BACKSTOP,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Stopping" in done.stderr
