"""Groups of namespace domains: a control group of cgroup v2 for each, by its UUID.

A domain keeps it wherever it is moved on this machine.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from xen_bridge.errors import HypervisorError

_FOLDER = "xen-bridge"


class DomainGroups:
    """The groups of the domains of this machine, below ``root``. Raises HypervisorError."""

    def __init__(self, root: Path) -> None:
        self.folder = root / _FOLDER

    def make(self, uuid: str) -> None:
        """Have a group for a domain."""
        try:
            (self.folder / uuid).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HypervisorError(f"no control group can be made: {error.strerror}") from error

    def enter(self, uuid: str, pid: int) -> None:
        """Have a process, and what it starts from now on, be in the group of a domain."""
        self.make(uuid)
        self.write(uuid, "cgroup.procs", str(pid))

    def write(self, uuid: str, name: str, text: str) -> None:
        """Write a file of a group."""
        try:
            (self.folder / uuid / name).write_text(text, encoding="ascii")
        except OSError as error:
            raise HypervisorError(f"{name} of the control group: {error.strerror}") from error

    def leave(self, uuid: str) -> None:
        """Remove the group of a domain whose processes have ended."""
        with suppress(OSError):
            (self.folder / uuid).rmdir()
