"""Keeper: a process beside a node that goes on with its migrations if the node is killed in one.

A router may stand still at that moment, and what is kept for it waits here: nobody else can let it
go on. So while a migration lasts a shell waits to hear that it is over; if its pipe ends without
that word it becomes the program that :mod:`xen_bridge.leaving` describes.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Sequence
from contextlib import suppress

LOG = logging.getLogger(__name__)
_WAIT = 'read -r word && exit 0; exec "$@"'


class Keeper:
    """A context manager; without a command, or where no shell can be started, nobody waits."""

    def __init__(self, command: Sequence[str] = ()) -> None:
        self._command = tuple(command)
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Keeper:
        """Have it wait."""
        if self._command:
            try:
                self._child = subprocess.Popen(
                    ("/bin/sh", "-c", _WAIT, "sh", *self._command),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                LOG.warning("nobody goes on with a migration if this ends: %s", error)
        return self

    def __exit__(self, *_error: object) -> None:
        """Tell it that all is over."""
        if self._child is not None:
            with suppress(OSError):
                self._child.communicate(b"over\n")
            self._child = None
