"""Places of what the lab builds: one folder, ignored by git, that may be removed any time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
FILES = Path(__file__).resolve().parent / "files"
DEFAULT_FOLDER = PROJECT / ".xen-lab"
HOSTS = ("xen1", "xen2")
GUESTS = ("r1", "r2", "r3", "r4")


@dataclass(frozen=True, slots=True)
class Places:
    """The files of a lab."""

    folder: Path = DEFAULT_FOLDER

    @property
    def root(self) -> Path:
        """The file system of Domain 0, as Debian's packages make it."""
        return self.folder / "root"

    @property
    def stage(self) -> Path:
        """The same with our own files, before it becomes an image."""
        return self.folder / "stage"

    @property
    def image(self) -> Path:
        """The disk of both Domain 0s (copied on write), and of all guests (read only)."""
        return self.folder / "disk.img"

    @property
    def hypervisor(self) -> Path:
        """Xen, as QEMU loads it."""
        return self.folder / "xen.elf"

    @property
    def kernel(self) -> Path:
        """The kernel of Domain 0."""
        return self.folder / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        """What finds Domain 0's disk."""
        return self.folder / "dom0.cpio"

    @property
    def keys(self) -> Path:
        """Keys of all nodes, and of the controller that may ask the hosts."""
        return self.folder / "keys"

    @property
    def ssh_key(self) -> Path:
        """What opens both hosts."""
        return self.keys / "ssh"

    @property
    def log(self) -> Path:
        """What building said."""
        return self.folder / "build.log"

    def made_from(self, name: str) -> Path:
        """Where the fingerprint of what ``name`` was made from is kept."""
        return self.folder / f"{name}.made-from"

    def instance(self, name: str) -> Path:
        """The folder of a running lab."""
        return self.folder / f"running-{name}"
