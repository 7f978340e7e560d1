"""Graceful restart of FRR: neighbors keep a domain's routes while it is started anew elsewhere.

OSPF (RFC 3623, RFC 5187) tells its neighbors beforehand, and keeps until when they wait in a file
that it reads when it begins. BGP (RFC 4724) agreed to it when each session began: configurations
that say nothing of graceful restart have it.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from xen_bridge.errors import BridgeError, RequestUnsupported
from xen_bridge.protocol.documents.migration_advise import MAX_GRACE_S, GraceDaemon, RestartGrace
from xen_bridge.vtysh import NOT_RUNNING, Vtysh

LOG = logging.getLogger(__name__)
HEARD_SECONDS = 3.0
"""For neighbors to acknowledge that they were told; one that did not is not waited for."""
YOUNG_SECONDS, SETTLED_SECONDS = 6.0, 15.0
"""After an adjacency a router may still change its own LSA (RFC 2328, B: MinLSInterval is 5 s), and
have to send it again (RxmtInterval, 5 s); whoever waits for it would take that for another
topology, and wait no longer. So it is let settle, but not for ever."""
_TURN = 0.1
_FOLDER = "run/frr"
_LINES: Mapping[str, tuple[str, ...]] = {
    "ospf": (" capability opaque", " graceful-restart"),
    "ospf6": (" graceful-restart",),
    "bgp": (" bgp graceful-restart", " bgp graceful-restart preserve-fw-state"),
}
_SAID = re.compile(r"^\s*(no )?(bgp )?graceful-restart", re.MULTILINE)
_SECTION = re.compile(r"router (ospf6|ospf|bgp)\b")
_OSPF: tuple[tuple[GraceDaemon, str, str], ...] = (
    ("ospfd", "graceful-restart prepare ip ospf", "show ip ospf neighbor detail json"),
    ("ospf6d", "graceful-restart prepare ipv6 ospf", "show ipv6 ospf6 neighbor detail json"),
)
_SINCE = ("lastPrgrsvChangeMsec",)
_UNACKNOWLEDGED = ("linkStateRetransmissionListCounter", "pendingLsaLsUpdateCount")


def with_graceful_restart(configuration: str) -> str:
    """Return a configuration of FRR with graceful restart, unless it says something of that."""
    if _SAID.search(configuration):
        return configuration
    lines = []
    for line in configuration.splitlines():
        lines.append(line)
        section = _SECTION.match(line)
        lines += () if section is None else _LINES[section[1]]
    return "\n".join(lines)


def grace_files(graces: Sequence[RestartGrace], now: float) -> dict[str, str]:
    """Return what daemons read when they begin, by path; ``now`` is the time of this machine."""
    files = {}
    for grace in graces:
        instance = {"gracePeriod": int(grace.seconds), "timestamp": int(now + grace.seconds)}
        told = {"instances": {"default": instance}}
        files[f"/{_FOLDER}/{grace.daemon}-gr.json"] = json.dumps(told)
    return files


def read_grace(daemon: GraceDaemon, text: str, now: float) -> RestartGrace | None:
    """Return for how long neighbors wait, by what a daemon keeps; None if they do not."""
    try:
        until = float(json.loads(text)["instances"]["default"]["timestamp"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    left = until - now
    return RestartGrace(daemon, min(left, MAX_GRACE_S)) if left >= 1 else None


def prepared_daemons(root: Path) -> tuple[GraceDaemon, ...]:
    """Return the daemons under ``root`` that have told their neighbors, and not begun anew since.

    Such a daemon installs no route any more, and tells its neighbors no second time: a domain that
    stays is to have it begin anew where it is.
    """
    return tuple(daemon for daemon, _, _ in _OSPF if _kept(root, daemon))


def _kept(root: Path, daemon: GraceDaemon) -> bool:
    """Tell whether a daemon keeps until when its neighbors wait."""
    try:
        with open(root / _FOLDER / f"{daemon}-gr.json", encoding="utf-8", errors="replace") as file:
            return bool(json.loads(file.read(4096))["instances"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def without_grace(told: Any) -> list[str]:
    """Return the BGP neighbors (``show bgp neighbors json``) that do not keep routes."""
    rows = told.items() if isinstance(told, Mapping) else ()
    return [
        str(name)[:80]
        for name, row in rows
        if isinstance(row, Mapping) and row.get("bgpState") == "Established"
        if not _keeps(row.get("gracefulRestartInfo"))
    ]


def _keeps(told: Any) -> bool:
    """Tell whether we restart, and the neighbor helps."""
    if not isinstance(told, Mapping):
        return False
    modes = [str(told.get(key, "")).rstrip("*") for key in ("localGrMode", "remoteGrMode")]
    return modes[0] == "Restart" and modes[1] in ("Helper", "Restart")


class Asks(Protocol):
    """What asks FRR, as :class:`~xen_bridge.vtysh.Vtysh` does."""

    def ask(self, question: str) -> str:
        """Return an answer. Raises RequestUnsupported where no FRR runs, and BridgeError."""


class GracefulRestart:
    """What one running domain's neighbors are told before it is started anew elsewhere."""

    def __init__(
        self,
        pid: int,
        vtysh: Asks | None = None,
        root: Path | None = None,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``pid`` is of a process in the domain; ``root`` is what it has for ``/``."""
        self._vtysh = vtysh or Vtysh(within=("nsenter", "--target", str(pid), "--mount", "--net"))
        self._root = root or Path(f"/proc/{pid}/root")
        self._wall, self._sleep = wall, sleep

    def prepare(self) -> tuple[tuple[RestartGrace, ...], tuple[str, ...]]:
        """Have neighbors told; return who waits for how long, and what is to be said of others.

        Nothing that FRR fails in is raised: the domain may go without.
        """
        graces: list[RestartGrace] = []
        told: list[str] = []
        try:
            for daemon, command, neighbors in _OSPF:
                if self._vtysh.ask(neighbors).strip().endswith(NOT_RUNNING):
                    continue
                self._wait(SETTLED_SECONDS, neighbors, _is_changing)
                self._vtysh.ask(command)
                self._wait(HEARD_SECONDS, neighbors, _is_unacknowledged)
                self._note(daemon, graces, told)
            told += [f"BGP with {one} has none" for one in without_grace(self._bgp())]
        except RequestUnsupported:
            return (), ()
        except BridgeError as error:
            LOG.info("graceful restart: %s", error)
            told.append(f"not all is known: {str(error)[:200]}")
        return tuple(graces), tuple(told)

    def _note(self, daemon: GraceDaemon, graces: list[RestartGrace], told: list[str]) -> None:
        path = self._root / _FOLDER / f"{daemon}-gr.json"
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                grace = read_grace(daemon, file.read(4096), self._wall())
        except OSError:
            grace = None
        if grace is None:
            told.append(f"{daemon} has none")
        else:
            graces.append(grace)
            told.append(f"neighbors of {daemon} wait for {grace.seconds:.0f} s")

    def _wait(self, seconds: float, question: str, goes_on: Callable[[Any], bool]) -> None:
        waited = 0.0
        while waited < seconds and goes_on(_read(self._vtysh.ask(question))):
            self._sleep(_TURN)
            waited += _TURN

    def _bgp(self) -> Any:
        return _read(self._vtysh.ask("show bgp neighbors json"))


def _read(text: str) -> Any:
    """Return an answer in JSON; None for words, such as that the daemon does not run."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_changing(told: Any) -> bool:
    """Tell whether a neighbor was found a moment ago, or is yet to acknowledge something."""
    is_young = any(one < YOUNG_SECONDS * 1000 for one in _numbers(told, _SINCE))
    return is_young or _is_unacknowledged(told)


def _is_unacknowledged(told: Any) -> bool:
    """Tell whether a neighbor has not acknowledged all that it was sent."""
    return any(_numbers(told, _UNACKNOWLEDGED))


def _numbers(told: Any, keys: Sequence[str]) -> Iterator[float]:
    """Return the numbers by these keys in FRR's answer, of any form."""
    if isinstance(told, Mapping):
        yield from (told[key] for key in keys if isinstance(told.get(key), (int, float)))
        told = list(told.values())
    for one in told if isinstance(told, list) else ():
        yield from _numbers(one, keys)
