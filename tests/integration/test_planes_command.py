"""``xen-bridge planes``, asked on a Domain 0 with a separated router; dead times of a real FRR."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backstop import BACKSTOP
from integration.test_plane_protocols import PROMPT
from network_namespace import NetworkNamespace
from separated_router import MANAGEMENT, PORT, SeparatedRouterLab
from tools.bridge_process import PROGRAM
from xen_bridge.planes.dead_times import DeadTimes, FoundDeadTimes
from xen_bridge.planes.session_hold import SessionHold
from xen_bridge.vtysh import Vtysh

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]
FRR = Path("/usr/lib/frr")
COUNTERS = "show bfd peers counters json"


def planes(lab: SeparatedRouterLab, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (
            *("ip", "netns", "exec", lab.domain_0.name, *PROGRAM, "planes", command),
            *("--url", f"https://{MANAGEMENT}.1:{PORT}", "--directory", str(lab.folder / "bridge")),
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=BACKSTOP,
    )


def test_what_is_made_is_listed_and_what_is_missing_is_told(tmp_path: Path) -> None:
    with SeparatedRouterLab(tmp_path) as lab:
        lab.create()
        lab.until(lab.is_separated, "the router is separated")
        listed = planes(lab, "list")
        assert listed.returncode == 0, listed.stderr
        assert listed.stdout.startswith("r1: separated\n  table 4000001, ")
        assert "r1p0 over lan0" in listed.stdout
        checked = planes(lab, "check")
        assert (checked.returncode, checked.stdout) == (0, "r1: all is there\n"), checked.stderr
        lab.domain_0.ip("rule", "del", "pref", "1000", "iif", "r1p0")
        checked = planes(lab, "check")
        assert checked.returncode == 1
        assert "  fault: rule 1000 (r1p0) is missing\n" in checked.stdout
        assert "stray" not in checked.stdout
        lab.domain_0.ip("link", "add", "r7p0", "type", "bridge")
        lab.domain_0.ip("rule", "add", "pref", "1002", "fwmark", "4000007", "table", "4000007")
        nft = ("nft", "add", "table", "netdev", "hz_d_ffffffffffff")
        subprocess.run(("ip", "netns", "exec", lab.domain_0.name, *nft), check=True)
        strays = [one for one in planes(lab, "check").stdout.splitlines() if "stray" in one]
        assert [one.split()[2] for one in strays] == ["r7p0", "netdev", "1002"]


@pytest.mark.skipif(not (FRR / "bfdd").exists(), reason="FRR is not installed")
def test_bfd_of_a_real_router_has_the_shortest_dead_time_and_outlasts_a_standstill_when_held() -> (
    None
):
    with contextlib.ExitStack() as stack:
        # Not pytest's own folder: FRR's user may not look into it.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        one, other = (stack.enter_context(NetworkNamespace()) for _ in range(2))
        one.ip(
            *("link", "add", "eth0", "type", "veth", "peer", "name", "eth0"), "netns", other.name
        )
        for number, space in enumerate((one, other), 1):
            space.ip("address", "add", f"10.0.0.{number}/24", "dev", "eth0")
            space.ip("link", "set", "eth0", "up")
            stack.enter_context(_frr(folder / str(number), space, f"10.0.0.{3 - number}"))
        mine, theirs = (folder / "1", one), (folder / "2", other)
        _until(lambda: bool(_dead_times(*mine).times and _dead_times(*theirs).times))
        found = _dead_times(*mine)
        assert (found.times[0].protocol, found.times[0].peer) == ("BFD", "10.0.0.2")
        assert found.times[0].seconds == pytest.approx(0.9)
        assert found.unknown == ()
        held = SessionHold(folder / "held", Vtysh(str(folder / "1")), time.monotonic)
        assert one.run(held.hold, 4.0) == ("10.0.0.2",)
        _until(lambda: _dead_times(*theirs).times[0].seconds >= 4)
        # It stands still for longer than it would have had, by the time of whoever waits for it.
        daemon = int((folder / "1" / "bfdd.pid").read_text())
        os.kill(daemon, signal.SIGSTOP)
        time.sleep(1.5)
        os.kill(daemon, signal.SIGCONT)
        assert one.run(held.release) == ("10.0.0.2",)
        _until(lambda: _dead_times(*theirs).times[0].seconds == pytest.approx(0.9))
        assert _dead_times(*mine).times == found.times
        for folder_of, space in (mine, theirs):
            (row,) = json.loads(space.run(Vtysh(str(folder_of)).ask, COUNTERS))
            assert (row["session-up"], row["session-down"]) == (1, 0)


def _until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + BACKSTOP
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def _dead_times(folder: Path, space: NetworkNamespace) -> FoundDeadTimes:
    return space.run(DeadTimes(Vtysh(str(folder))).read)


@contextlib.contextmanager
def _frr(folder: Path, space: NetworkNamespace, peer: str) -> Iterator[None]:
    """Run zebra and bfdd in a namespace, with a session to ``peer``."""
    folder.mkdir()
    shutil.chown(folder, "frr", "frr")
    (folder / "bfdd.conf").write_text(f"bfd\n peer {peer}\n")
    (folder / "zebra.conf").write_text("")
    with contextlib.ExitStack() as stack:
        for daemon in ("zebra", "bfdd"):
            shutil.chown(folder / f"{daemon}.conf", "frr", "frr")
            more = ("--bfdctl", str(folder / "bfdd.sock")) if daemon == "bfdd" else ()
            started = subprocess.Popen(
                (
                    *("ip", "netns", "exec", space.name, *PROMPT, str(FRR / daemon)),
                    *("-f", str(folder / f"{daemon}.conf"), "-i", str(folder / f"{daemon}.pid")),
                    *("-z", str(folder / "zserv.api"), "--vty_socket", str(folder)),
                    *("--log", f"file:{folder}/{daemon}.log", *more),
                ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(started.wait)
            stack.callback(started.terminate)
        yield
