"""Freezer of namespace domains (cgroup v2): their processes stand still, and do not notice.

It needs no controller, so it is there too where v2 is mounted beside v1. Each domain has a group by
its UUID, which it keeps wherever it goes on this machine. Where there is none, or a domain was
started before there was, signals have to do: of those a process's parent hears.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from xen_bridge.dom0.hypervisor.netns.domain_groups import DomainGroups
from xen_bridge.errors import HypervisorError

ROOTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
"""Where v2 is mounted: alone, and beside v1."""
_FREEZE = "cgroup.freeze"
_PATIENCE, _PAUSE = 10.0, 0.002
"""Seconds until all is frozen, and between two looks."""


class DomainFreezer:
    """The groups of the domains of this machine, in the first of ``roots`` that has v2."""

    def __init__(self, roots: Iterable[Path] = ROOTS) -> None:
        found = [one for one in roots if (one / "cgroup.controllers").exists()]
        self._groups = DomainGroups(found[0]) if found else None

    @property
    def is_there(self) -> bool:
        """Whether groups can be made here, and frozen (Linux 5.2)."""
        if self._groups is None:
            return False
        with suppress(OSError):
            self._groups.folder.mkdir(exist_ok=True)
            return os.access(self._groups.folder / _FREEZE, os.W_OK)
        return False

    def enter(self, uuid: str, pid: int) -> None:
        """Have a process, and what it starts from now on, be in the group of a domain."""
        if self._groups is not None and self.is_there:
            self._groups.enter(uuid, pid)

    def freeze(self, uuid: str, pid: int) -> bool:
        """Have all processes of a domain stand still; False if ``pid`` is in no group of it.

        HypervisorError if they do not: then all go on.
        """
        groups = self._having(uuid)
        if groups is None or str(pid) not in _read(groups.folder / uuid / "cgroup.procs").split():
            return False
        groups.write(uuid, _FREEZE, "1")
        deadline = time.monotonic() + _PATIENCE
        while "frozen 1" not in _read(groups.folder / uuid / "cgroup.events"):
            if time.monotonic() > deadline:
                self.thaw(uuid)
                raise HypervisorError("the processes of the domain do not stand still")
            time.sleep(_PAUSE)
        return True

    def thaw(self, uuid: str) -> None:
        """Let them go on, if they stand still."""
        groups = self._having(uuid)
        if groups is not None:
            groups.write(uuid, _FREEZE, "0")

    def leave(self, uuid: str) -> None:
        """Remove the group of a domain whose processes have ended."""
        if self._groups is not None:
            self._groups.leave(uuid)

    def _having(self, uuid: str) -> DomainGroups | None:
        """Return the groups if a domain has one among them, which can be frozen."""
        groups = self._groups
        return groups if groups and (groups.folder / uuid / _FREEZE).exists() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
