"""A file system of one's own, in a file, that fails or stands still when it is told to."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from backstop import BACKSTOP


class OwnDisk:
    """It is at its ``folder`` while it is mounted."""

    def __init__(self, image: Path, folder: Path) -> None:
        self._image = image
        self.folder = folder

    def mount(self) -> None:
        """Have it at its folder."""
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.folder))

    def fail(self) -> None:
        """Do as the kernel does after an error of the disk: nothing is written any more."""
        _run("mount", "-o", "remount,abort", str(self.folder))

    def mend(self) -> None:
        """Have what was written on a disk that works.

        Whoever made itself a view of all mounts meanwhile keeps the old one in it: of the same
        image the kernel would give us that.
        """
        _run("umount", str(self.folder))
        self._image = Path(shutil.copy(self._image, self._image.with_name("mended")))
        self.mount()

    def freeze(self) -> None:
        """Have whoever writes wait in the kernel, where no signal ends it, until :meth:`thaw`."""
        _run("fsfreeze", "--freeze", str(self.folder))

    def thaw(self) -> None:
        """Let those go on that wait; nothing if none does."""
        command = ["fsfreeze", "--unfreeze", str(self.folder)]
        subprocess.run(command, check=False, capture_output=True, timeout=BACKSTOP)


@contextmanager
def own_disk(parent: Path) -> Iterator[OwnDisk]:
    """Make one below a folder, and have it go at the end; skips the test where none can be."""
    disk = OwnDisk(parent / "image", parent / "disk")
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    try:
        disk.folder.mkdir()
        (parent / "image").write_bytes(bytes(16 * 2**20))
        _run("mkfs.ext4", "-q", str(parent / "image"))
        disk.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be made here: {error}")
    try:
        yield disk
    finally:
        with suppress(subprocess.TimeoutExpired):
            disk.thaw()
        subprocess.run(["umount", "--lazy", str(disk.folder)], check=False, capture_output=True)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=BACKSTOP)
