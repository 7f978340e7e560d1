"""Routing protocols of FRR through a migration with separated planes: their sessions stay up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from migration_lab import MigrationLab, Traffic, until
from network_namespace import NetworkNamespace
from xen_bridge.protocol.documents.domains import CreateDomain, DeleteDomain, NewInterface

FRR = Path("/usr/lib/frr")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
    pytest.mark.skipif(not FRR.is_dir(), reason="needs Debian's frr"),
]
PROMPT = ("nice", "-n", "-19")
"""Before a daemon whose timers are judged: a machine that is busy is no fault of the router's."""
ROUTER = """
interface eth0
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 10
interface eth1
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 10
router ospf
 ospf router-id 192.0.2.1
 network 10.0.0.0/16 area 0
router bgp 65000
 bgp router-id 192.0.2.1
 no bgp ebgp-requires-policy
 timers bgp 1 9
 neighbor 10.0.1.2 remote-as 65001
 neighbor 10.0.2.2 remote-as 65002
"""
STATION = """
interface eth0
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 10
router ospf
 ospf router-id 192.0.2.1{number}
 network 10.0.0.0/16 area 0
router bgp 6500{number}
 bgp router-id 192.0.2.1{number}
 no bgp ebgp-requires-policy
 timers bgp 1 9
 neighbor 10.0.{number}.1 remote-as 65000
"""


class Speaker:
    """FRR beside the router, in the namespace of a station; a context manager."""

    def __init__(self, space: NetworkNamespace, number: int, text: str = STATION) -> None:
        self.router = f"10.0.{number}.1"
        self._space = space
        self._text = text.format(number=number)
        # FRR's own user has to reach it, who may not see into the folders of tests.
        self._folder = Path(tempfile.mkdtemp(prefix="hz-frr-"))

    def __enter__(self) -> Speaker:
        shutil.chown(self._folder, "frr", "frr")
        text = self._text
        ospf, bgp = text[: text.index("router bgp")], text[text.index("router bgp") :]
        for daemon, lines in (("zebra", "hostname s\n"), ("ospfd", ospf), ("bgpd", bgp)):
            (self._folder / f"{daemon}.conf").write_text(lines)
            self._run(
                *(*PROMPT, str(FRR / daemon), "-d", "-u", "frr", "-g", "frr", "-P", "0"),
                *("-f", f"{self._folder}/{daemon}.conf", "-i", f"{self._folder}/{daemon}.pid"),
                *("-z", f"{self._folder}/zserv.api", "--vty_socket", str(self._folder)),
            )
        return self

    def _run(self, *words: str) -> str:
        command = ("ip", "netns", "exec", self._space.name, *words)
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout

    def ask(self, words: str) -> Any:
        """Return what FRR answers, in JSON."""
        return json.loads(self._run("vtysh", "--vty_socket", str(self._folder), "-c", words))

    def __exit__(self, *_error: object) -> None:
        for path in self._folder.glob("*.pid"):
            with suppress(ProcessLookupError, ValueError):
                os.kill(int(path.read_text()), signal.SIGKILL)
        shutil.rmtree(self._folder)

    # ---- what it sees of the router

    @property
    def ospf(self) -> dict[str, Any]:
        found = self.ask("show ip ospf neighbor 192.0.2.1 detail json")
        rows = found.get("neighbors", found).get("192.0.2.1", [{}])
        return dict(rows[0])

    @property
    def bgp(self) -> dict[str, Any]:
        return dict(self.ask(f"show bgp neighbors {self.router} json").get(self.router, {}))

    def is_up(self) -> bool:
        is_full = str(self.ospf.get("nbrState", "")).startswith("Full")
        return is_full and self.bgp.get("bgpState") == "Established"

    def kept(self) -> tuple[int, int]:
        """Return how often each session fell, or changed its state, since it began."""
        return int(self.ospf["stateChangeCounter"]), int(self.bgp["connectionsDropped"])

    def helped(self) -> str:
        """Return how the last graceful restart of a neighbor's OSPF ended."""
        return str(self.ask("show ip ospf graceful-restart helper json").get("lastExitReason", ""))

    def helps(self) -> bool:
        """Tell whether a neighbor's OSPF is waited for."""
        told = self.ask("show ip ospf graceful-restart helper json")
        return bool(told.get("activeRestarterCnt"))

    def heard(self) -> int:
        return int(self.bgp["messageStats"]["keepalivesRecv"])


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[MigrationLab]:
    with MigrationLab(tmp_path) as made:
        yield made
        for host in (0, 1):
            for name in made.domains(host):
                made.ask(host, DeleteDomain(name))


def test_ospf_and_bgp_stay_up_while_their_router_moves_and_no_packet_is_lost(
    lab: MigrationLab,
) -> None:
    interfaces = tuple(
        NewInterface(f"to{number}", addresses=(f"10.0.{number}.1/24",)) for number in (1, 2)
    )
    wanted = CreateDomain(
        "r1", interfaces=interfaces, daemons=("ospfd", "bgpd"), configuration=ROUTER
    )
    lab.ask(0, wanted)
    lab.separate()
    with Speaker(lab.client, 1) as client, Speaker(lab.server, 2) as server:
        speakers = (client, server)
        until(lambda: all(one.is_up() for one in speakers), "its sessions are up")
        began = [one.kept() for one in speakers]
        with Traffic(lab, 1000) as traffic:
            for source in (0, 1):
                ended = lab.migrate(source, "plane-separation", pause_s=1.5)
                assert (ended.state, ended.problem, ended.lost) == ("done", None, 0)
                heard = [one.heard() for one in speakers]
                # For longer than a session lives without hearing anything.
                until(
                    lambda: all(
                        one.heard() > had + 10
                        for one, had in zip(speakers, heard, strict=True)  # noqa: B023
                    ),
                    "both hear it from where it is now",
                )
        assert [one.kept() for one in speakers] == began
        assert all(one.is_up() for one in speakers)
    assert (traffic.lost, traffic.duplicated) == (0, 0)
