"""Control groups of namespace domains (cgroup v2): their weight and cap of the processor.

Where there is no cgroup v2 with the controller ``cpu``, as on machines that still have v1, domains
have neither weight nor cap.
"""

from __future__ import annotations

import os
from pathlib import Path

from xen_bridge.dom0.hypervisor.netns.domain_groups import DomainGroups
from xen_bridge.errors import HypervisorError

ROOT = Path("/sys/fs/cgroup")
DEFAULT_WEIGHT, DEFAULT_CAP = 256, 0
"""As on Xen; of the kernel's 1 to 10,000 a domain then has the 100 that all others have."""
_KERNEL_DEFAULT, _KERNEL_MOST = 100, 10_000
_PERIOD_US = 100_000


class DomainCgroups(DomainGroups):
    """The groups of the domains of this machine, below ``root``."""

    def __init__(self, root: Path = ROOT) -> None:
        super().__init__(root)
        self._root = root

    @property
    def are_there(self) -> bool:
        """Whether this machine has cgroup v2 with the controller cpu, and we may use it."""
        try:
            controllers = (self._root / "cgroup.controllers").read_text(encoding="ascii").split()
        except OSError:
            return False
        return "cpu" in controllers and os.access(self._control(self._root), os.W_OK)

    def enter(self, uuid: str, pid: int) -> None:
        """Have a process, and what it starts from now on, be in the group of a domain."""
        self.make(uuid)
        try:
            for above in (self._root, self.folder):
                self._control(above).write_text("+cpu", encoding="ascii")
        except OSError as error:
            raise HypervisorError(f"no control group can be made: {error.strerror}") from error
        super().enter(uuid, pid)
        self.set(uuid, DEFAULT_WEIGHT, DEFAULT_CAP)

    def set(self, uuid: str, weight: int, cap: int) -> None:
        """Give a domain a weight as on Xen, and a cap in percent of one CPU (0: none)."""
        self.write(uuid, "cpu.weight", str(kernel_weight(weight)))
        quota = str(cap * _PERIOD_US // 100) if cap else "max"
        self.write(uuid, "cpu.max", f"{quota} {_PERIOD_US}")

    @staticmethod
    def _control(group: Path) -> Path:
        return group / "cgroup.subtree_control"


def kernel_weight(weight: int) -> int:
    """Return Xen's weight of 1 to 65,535 as the kernel's, whose default stands for Xen's."""
    return min(max(round(weight * _KERNEL_DEFAULT / DEFAULT_WEIGHT), 1), _KERNEL_MOST)
