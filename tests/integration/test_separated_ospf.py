"""OSPF of FRR between two routers with separated planes: unchanged, and it may be restarted."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from integration.test_separated_planes import NumberedStream
from separated_router import LANS, SeparatedRouterLab
from xen_bridge.dom0.hypervisor.netns.processes import by_pid_namespace, pid_namespace

FRR = Path("/usr/lib/frr")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
    pytest.mark.skipif(not FRR.is_dir(), reason="needs Debian's frr"),
]
_OSPF = """
interface eth1
 ip ospf network point-to-point
 ip ospf dead-interval minimal hello-multiplier 2
 ip ospf retransmit-interval 3
interface eth2
 ip ospf network point-to-point
 ip ospf dead-interval minimal hello-multiplier 2
 ip ospf retransmit-interval 3
router ospf
 ospf router-id 192.0.2.{number}
 timers throttle spf 0 50 500
 timers throttle lsa all 0
 timers lsa min-arrival 0
 network 10.0.0.0/8 area 0
"""


def frr_folder(lab: SeparatedRouterLab, number: int) -> Path:
    return Path(tempfile.gettempdir()) / f"hz-frr-{lab.name}-{number}"


def daemons(lab: SeparatedRouterLab, number: int) -> str:
    """Return what starts FRR in a router: shell commands."""
    # FRR's own user has to reach it, who may not see into the folders of tests.
    folder = frr_folder(lab, number)
    folder.mkdir()
    lab.clean_up(folder)
    shutil.chown(folder, "frr", "frr")
    (folder / "zebra.conf").write_text("hostname r\n")
    (folder / "ospfd.conf").write_text(_OSPF.format(number=number))
    lines = []
    for daemon in ("zebra", "ospfd"):
        words = f"-d -u frr -g frr -f {folder}/{daemon}.conf -i {folder}/{daemon}.pid -P 0"
        sockets = f"-z {folder}/zserv.api --vty_socket {folder}"
        lines.append(f"{FRR}/{daemon} {words} {sockets} >>{folder}/log 2>&1")
    start = folder / "start"
    start.write_text("\n".join(("#!/bin/sh", *lines)))
    start.chmod(0o755)
    return str(start)


def pid_of(lab: SeparatedRouterLab, name: str, command: str) -> int:
    """Return the process of a router that runs a program."""
    link = os.readlink(f"/run/netns/hz-{lab.name}-{name}")
    for pid in by_pid_namespace()[pid_namespace(int(link.split("/")[2])) or ""]:
        if Path(f"/proc/{pid}/comm").read_text().strip() == command:
            return pid
    raise AssertionError(f"{command} does not run in {name}")


def protocols(lab: SeparatedRouterLab, name: str) -> dict[str, str]:
    """Return the protocol of each route that Domain 0 has for a router."""
    plane = lab.plane(name)
    if plane is None or plane.table is None:
        return {}
    rows = lab.domain_0.ip_json("route", "show", "table", str(plane.table))
    return {row["dst"]: row.get("protocol", "") for row in rows}


def test_ospf_finds_its_neighbor_and_its_restart_loses_nothing(tmp_path: Path) -> None:
    assert shutil.which("zebra", path=str(FRR))
    with SeparatedRouterLab(tmp_path, routers=2) as lab:
        for number in (1, 2):
            lab.create(f"r{number}", more=daemons(lab, number))
        for name, far in (("r1", f"{LANS[2]}.0/24"), ("r2", f"{LANS[0]}.0/24")):
            lab.until(lambda name=name: lab.is_separated(name), f"{name} is separated")
            lab.until(
                lambda name=name, far=far: protocols(lab, name).get(far) == "ospf",
                f"{name} has learned {far} from its neighbor",
            )
        with NumberedStream(lab, LANS[2]) as stream:
            lab.until(lambda: stream.sent > 100, "datagrams are sent")
            # As Debian's frr is restarted: all daemons of it.
            pids = [pid_of(lab, "r1", daemon) for daemon in ("zebra", "ospfd")]
            for pid in pids:
                os.kill(pid, signal.SIGTERM)
            lab.until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "it ended")
            lab.until(lambda: (held := lab.plane("r1")) is not None and held.held > 0, "it is held")
            assert protocols(lab, "r1")[f"{LANS[2]}.0/24"] == "ospf"
            lab.in_router("r1", str(frr_folder(lab, 1) / "start"))
            lab.until(
                lambda: (held := lab.plane("r1")) is not None and held.held == 0, "it is back"
            )
            assert protocols(lab, "r1")[f"{LANS[2]}.0/24"] == "ospf"
        assert stream.lost == 0
        for name in ("r1", "r2"):
            plane = lab.plane(name, check=True)
            assert plane is not None
            assert plane.faults == ()
            lab.delete(name)
