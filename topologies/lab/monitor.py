"""QEMU's machine protocol (QMP), as much as the lab needs: snapshots and power."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any

from topologies.lab.steps import LabError

SECONDS = 120.0


class Monitor:
    """A connection to the monitor of one machine."""

    def __init__(self, path: Path) -> None:
        """Connect; LabError if the machine is gone."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(SECONDS)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            raise LabError(f"{path}: the machine does not run") from error
        self._file = self._socket.makefile("rw", encoding="utf-8")
        self._next()
        self.execute("qmp_capabilities")

    def __enter__(self) -> Monitor:
        """Return the monitor itself."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def execute(self, command: str, **arguments: Any) -> Any:
        """Have the machine do ``command``, return its answer; LabError if it refuses."""
        json.dump({"execute": command, "arguments": arguments}, self._file)
        self._file.write("\n")
        self._file.flush()
        while True:
            answer = self._next()
            if "error" in answer:
                raise LabError(f"{command}: {answer['error'].get('desc')}")
            if "return" in answer:
                return answer["return"]

    def human(self, line: str) -> str:
        """Do what only the monitor for people can; LabError with what it says against it."""
        said = str(self.execute("human-monitor-command", **{"command-line": line}))
        if "rror" in said:
            raise LabError(f"{line}: {said.strip()}")
        return said

    def _next(self) -> dict[str, Any]:
        line = self._file.readline()
        if not line:
            raise LabError("the machine ended")
        answer: dict[str, Any] = json.loads(line)
        return answer
