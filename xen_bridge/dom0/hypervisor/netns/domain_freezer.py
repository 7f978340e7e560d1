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

from xen_bridge.errors import HypervisorError

ROOTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
"""Where v2 is mounted: alone, and beside v1."""
_FOLDER = "xen-bridge"
_PATIENCE, _PAUSE = 10.0, 0.002
"""Seconds until all is frozen, and between two looks."""


class DomainFreezer:
    """The groups of the domains of this machine, in the first of ``roots`` that has v2."""

    def __init__(self, roots: Iterable[Path] = ROOTS) -> None:
        found = [one for one in roots if (one / "cgroup.controllers").exists()]
        self._folder = found[0] / _FOLDER if found else None

    @property
    def is_there(self) -> bool:
        """Whether groups can be made here, and frozen (Linux 5.2)."""
        if self._folder is None:
            return False
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            return os.access(self._folder / "cgroup.freeze", os.W_OK)
        return False

    def _group(self, uuid: str) -> Path | None:
        """Return the group of a domain; None if it has none."""
        group = None if self._folder is None else self._folder / uuid
        return group if group is not None and (group / "cgroup.freeze").exists() else None

    def enter(self, uuid: str, pid: int) -> None:
        """Have a process, and what it starts from now on, be in the group of a domain."""
        if self._folder is None or not self.is_there:
            return
        try:
            (self._folder / uuid).mkdir(exist_ok=True)
            (self._folder / uuid / "cgroup.procs").write_text(str(pid), encoding="ascii")
        except OSError as error:
            raise HypervisorError(f"no control group can be made: {error.strerror}") from error

    def freeze(self, uuid: str, pid: int) -> bool:
        """Have all processes of a domain stand still; False if ``pid`` is in no group of it.

        HypervisorError if they do not: then all go on.
        """
        group = self._group(uuid)
        if group is None or str(pid) not in _read(group / "cgroup.procs").split():
            return False
        _write(group / "cgroup.freeze", "1")
        deadline = time.monotonic() + _PATIENCE
        while "frozen 1" not in _read(group / "cgroup.events"):
            if time.monotonic() > deadline:
                self.thaw(uuid)
                raise HypervisorError("the processes of the domain do not stand still")
            time.sleep(_PAUSE)
        return True

    def thaw(self, uuid: str) -> None:
        """Let them go on, if they stand still."""
        group = self._group(uuid)
        if group is not None:
            _write(group / "cgroup.freeze", "0")

    def leave(self, uuid: str) -> None:
        """Remove the group of a domain whose processes have ended."""
        group = self._group(uuid)
        if group is not None:
            with suppress(OSError):
                group.rmdir()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        raise HypervisorError(f"{path.name} of the control group: {error.strerror}") from error
