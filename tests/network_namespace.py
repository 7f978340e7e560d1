"""A network namespace of this machine for a test, and code that runs in it, in this process."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from backstop import BACKSTOP

Result = TypeVar("Result")
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


class NetworkNamespace:
    """A namespace of a name of its own; it goes, with all that is in it, at the end of ``with``."""

    def __init__(self) -> None:
        self.name = f"hz-{uuid.uuid4().hex[:10]}"

    def __enter__(self) -> NetworkNamespace:
        subprocess.run(("ip", "netns", "add", self.name), check=True, capture_output=True)
        self.ip("link", "set", "lo", "up")
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        subprocess.run(("ip", "netns", "del", self.name), check=False, capture_output=True)

    def ip(self, *words: str, stdin: str | None = None) -> str:
        """Run ``ip`` in it; return what it printed."""
        done = subprocess.run(
            ("ip", "-n", self.name, *words),
            input=stdin,
            check=True,
            capture_output=True,
            text=True,
            timeout=BACKSTOP,
        )
        return done.stdout

    def ip_json(self, *words: str) -> Any:
        """Return what ``ip -j`` tells of it."""
        return json.loads(self.ip("-j", *words) or "[]")

    def run(self, function: Callable[..., Result], *args: Any) -> Result:
        """Return ``function(*args)``, called in a thread that is in this namespace."""
        outcome: list[Result] = []
        errors: list[BaseException] = []

        def inside() -> None:
            try:
                self._enter()
                outcome.append(function(*args))
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return outcome[0]

    def _enter(self) -> None:
        descriptor = os.open(Path("/run/netns") / self.name, os.O_RDONLY)
        try:
            if _LIBC.setns(descriptor, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(descriptor)
