"""Watch of a domain's suspension: the moment at which it is told to stand still.

libvirt calls a domain running until it has gone (seen on 9.0), so its state is no signal. But the
toolstack asks a guest to suspend by writing into xenstore, and that can be watched.
"""

from __future__ import annotations

import os
import subprocess
import threading
from typing import Protocol, Self

from xen_bridge.dom0.hypervisor.xl import with_sbin
from xen_bridge.errors import HypervisorError, RequestUnsupported

COMMAND = "xenstore-watch"


class SuspendSignal(Protocol):
    """What tells that a domain was told to suspend. A context."""

    def __enter__(self) -> Self:
        """Begin to watch."""

    def __exit__(self, *_args: object) -> None:
        """End it."""

    def wait(self, seconds: float) -> bool:
        """Return whether it was told, as soon as it is, and after ``seconds`` anyway."""


class SuspendWatch:
    """Tells that a running domain, by its id, was told to suspend. A context."""

    def __init__(self, domain: int) -> None:
        self._path = f"/local/domain/{domain}/control/shutdown"
        self._was_told = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Begin to watch; RequestUnsupported where the command is missing."""
        environment = {**os.environ, "PATH": with_sbin()}
        try:
            self._child = subprocess.Popen(
                (COMMAND, self._path),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        except FileNotFoundError as error:
            raise RequestUnsupported(f"{COMMAND} is not installed here") from error
        except OSError as error:
            raise HypervisorError(f"{COMMAND} cannot be run: {error.strerror}") from error
        threading.Thread(target=self._read, args=(self._child,), daemon=True).start()
        return self

    def __exit__(self, *_args: object) -> None:
        """End it."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def _read(self, child: subprocess.Popen[bytes]) -> None:
        if child.stdout is None:
            return
        with child.stdout as lines:
            # The first is for the watch itself, which tells of what there is.
            for number, _line in enumerate(lines):
                if number > 0:
                    self._was_told.set()

    def wait(self, seconds: float) -> bool:
        """Return whether it was told, as soon as it is, and after ``seconds`` anyway."""
        return self._was_told.wait(seconds)
