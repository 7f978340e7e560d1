"""A real slicer in its own process, as a user runs it, for tests and benches."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from tools.free_port import free_port
from tools.logged_process import LoggedProcess

PROGRAM = Path(sys.executable).with_name("horizon-slicer")


class SlicerProcess(LoggedProcess):
    """``horizon-slicer --slices FILE`` on a free loopback port; a context manager."""

    def __init__(
        self,
        folder: Path,
        slices: list[dict[str, Any]],
        instance: str = "horizon",
        keeps_tables: bool = False,
    ) -> None:
        """``instance`` is its name in LLDP, which tells slicers apart that stand on one another.

        ``keeps_tables``: what switches have outlives it.
        """
        self.port = free_port()
        self._slices = folder / "slices.json"
        words = ["--listen", f"127.0.0.1:{self.port}", "--slices", str(self._slices), "--verbose"]
        words += ["--instance", instance]
        words += ["--tables", str(folder / "tables")] if keeps_tables else []
        super().__init__([str(PROGRAM), *words], folder / "slicer.log")
        self._write(slices)

    def _write(self, slices: list[dict[str, Any]]) -> None:
        self._slices.write_text(json.dumps({"slices": slices}), encoding="utf-8")

    def is_ready(self) -> bool:
        """Tell whether switches may connect."""
        return "ready" in self.log()

    def configure(self, slices: list[dict[str, Any]]) -> None:
        """Have it work by other slices."""
        self._write(slices)
        self.send_signal(signal.SIGHUP)
