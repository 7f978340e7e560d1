"""A Debian 12 that boots in a container, with a network and processes of its own (as root).

systemd-nspawn boots it; commands run in its namespaces. Nothing of it is left but its file system,
which is kept for the next time.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tools.waiting import wait_until
from topologies.lab.root import SUITE, archive

PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "apt", "python3", "adduser", "init-system-helpers",
    "openvswitch-switch", "iproute2", "iputils-ping", "openssl", "procps", "sqlite3",
)  # fmt: skip
"""Debian's own, so that ours is installed without a network."""
BOOT_SECONDS = 120.0
COMMAND_SECONDS = 300.0
_NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd")

Say = Callable[[str], None]


class MachineError(Exception):
    """The machine cannot be made or does not boot."""


def make_root(root: Path, say: Say) -> None:
    """Make the file system that machines begin with, unless it is there."""
    stamp = root.with_suffix(".packages")
    wanted = " ".join(PACKAGES)
    if root.is_dir() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    say("an empty Debian 12")
    subprocess.run(["rm", "-rf", "--one-file-system", str(root)], check=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase",
               "--dpkgopt=force-unsafe-io", f"--include={','.join(PACKAGES)}",
               SUITE, str(root), archive()]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise MachineError(f"mmdebstrap: {ended.stderr.strip()[-2000:]}")
    stamp.write_text(wanted, encoding="utf-8")


class DebianMachine:
    """One that runs on a copy of ``base`` at ``root``; a context manager."""

    def __init__(self, base: Path, root: Path) -> None:
        self.root = root
        self._base = base
        self._container: subprocess.Popen[bytes] | None = None
        self._first = 0

    def __enter__(self) -> DebianMachine:
        self._remove()
        subprocess.run(["cp", "-a", "--reflink=auto", str(self._base), str(self.root)], check=True)
        log = self.root.with_suffix(".log").open("wb")
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot",
                   "--private-network", "--bind=/dev/net/tun", f"--directory={self.root}",
        ]  # fmt: skip
        with log:
            self._container = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_until(self._is_up, BOOT_SECONDS, "the machine has booted")
        except AssertionError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._container is not None:
            self._container.terminate()
            try:
                self._container.wait(60)
            except subprocess.TimeoutExpired:
                self._container.kill()
                self._container.wait(60)
        self._remove()

    def run(self, command: str, check: bool = True) -> str:
        """Return what a line of shell prints there; AssertionError, with that, if it fails."""
        ended = subprocess.run(
            ["nsenter", f"--target={self._first}", *_NAMESPACES, "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
             "DEBIAN_FRONTEND=noninteractive", "sh", "-c", command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False, timeout=COMMAND_SECONDS,
        )  # fmt: skip
        if check and ended.returncode:
            raise AssertionError(f"{command}: status {ended.returncode}\n{ended.stdout[-5000:]}")
        return ended.stdout

    def timed(self, command: str) -> tuple[str, float]:
        """Return what it prints, and the seconds that it took."""
        began = time.monotonic()
        return self.run(command), time.monotonic() - began

    def _is_up(self) -> bool:
        if self._container is None or self._container.poll() is not None:
            log = self.root.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
            raise AssertionError(f"the machine ended:\n{log[-2000:]}")
        self._first = _child(self._container.pid)
        if not self._first:
            return False
        state = self.run("systemctl is-system-running", check=False).strip()
        return state in ("running", "degraded")

    def _remove(self) -> None:
        subprocess.run(["rm", "-rf", "--one-file-system", str(self.root)], check=True)


def _child(pid: int) -> int:
    """Return the first child of a process; 0 for none yet."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(found[0]) if found else 0
