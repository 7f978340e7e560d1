"""Vtysh: FRR's own way to ask its daemons, and to set them up while they run."""

from __future__ import annotations

import os
from collections.abc import Sequence

from xen_bridge.child_command import SBIN, ChildCommand
from xen_bridge.errors import BridgeError, RequestUnsupported

SECONDS = 5.0
"""For one question to a daemon."""
NOT_RUNNING = "is not running"
"""What vtysh says of a daemon."""


class Vtysh:
    """Runs ``vtysh`` in the network namespace of this process."""

    def __init__(
        self,
        folder: str | None = None,
        command: ChildCommand | None = None,
        within: Sequence[str] = (),
    ) -> None:
        """``folder``: where the daemons' sockets are, if not where FRR has them by default.

        ``within``: the words that a command begins with to see them.
        """
        self._command = command or ChildCommand()
        options = () if folder is None else ("--vty_socket", folder)
        self._vtysh = (*within, "vtysh", *options)

    def ask(self, question: str) -> str:
        """Return the answer to a question, which may end in :data:`NOT_RUNNING`.

        Raises RequestUnsupported where no FRR runs, and BridgeError.
        """
        status, text, reason = self._run((question,))
        if status and not text.strip():
            if reason.endswith(NOT_RUNNING):
                return reason
            raise BridgeError(f"vtysh refuses: {reason[:200]}")
        return text

    def configure(self, lines: Sequence[str]) -> None:
        """Have the running daemons, not their files, be set up by ``lines``. Raises BridgeError."""
        status, text, reason = self._run(("configure terminal", *lines))
        said = [line for line in text.splitlines() if line.startswith("%")]
        if status or said:
            raise BridgeError(f"FRR refuses {lines[-1]!r}: {' '.join(said)[:200] or reason[:200]}")

    def _run(self, commands: Sequence[str]) -> tuple[int, str, str]:
        environment = {"PATH": f"{os.environ.get('PATH', '')}:{SBIN}", "LC_ALL": "C"}
        words = [word for one in commands for word in ("-c", one)]
        done = self._command.run((*self._vtysh, *words), SECONDS, environment)
        reason = done.stderr.decode(errors="replace").strip()
        if done.returncode and "failed to connect to any daemons" in reason:
            raise RequestUnsupported("no daemon of FRR runs here")
        return done.returncode, done.stdout.decode(errors="replace"), reason
