"""The slicing application in its own process, with the engine that it starts, for tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tools.controller_process import ControllerProcess
from tools.free_port import free_port

HORIZONCTL = Path(sys.executable).with_name("horizonctl")
_SECONDS = 60


class SlicingProcess(ControllerProcess):
    """``ryu-manager horizon_ryu.slicing``; the engine is ended with the block, not before.

    ``port`` is where switches connect.
    """

    def __init__(self, folder: Path, config: str = "") -> None:
        self.port = free_port()
        # The path of a socket is short.
        self.engine_folder = Path(tempfile.mkdtemp(prefix="slicer"))
        options = f"[slicing]\nlisten = 127.0.0.1:{self.port}\nfolder = {self.engine_folder}\n"
        super().__init__(folder, ("horizon_ryu.slicing",), f"{config}\n{options}")

    def ctl(self, *words: str, status: int = 0) -> str:
        """Return what ``horizonctl slices WORDS`` prints; AssertionError for another status."""
        ran = subprocess.run(
            [HORIZONCTL, "--url", self.url, "slices", *words],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if ran.returncode != status:
            raise AssertionError(f"{words}: {ran.returncode}\n{ran.stdout}{ran.stderr}")
        return ran.stdout + ran.stderr

    def engine_pid(self) -> int | None:
        """Return the process that listens at the engine's socket; None if there is none."""
        with socket.socket(socket.AF_UNIX) as link:
            try:
                link.connect(str(self.engine_folder / "control"))
            except OSError:
                return None
            data = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int.from_bytes(data[:4], sys.byteorder)

    def kill_engine(self) -> None:
        """Kill the engine, if there is one."""
        pid = self.engine_pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def engine_log(self) -> str:
        """Return what the engine has logged, and how it ended."""
        files = (self.engine_folder / name for name in ("log", "said"))
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def slices(self) -> list[str]:
        """Return the names of the slices."""
        return [one["name"] for one in json.loads(self.request("GET", "/v1/slices"))["slices"]]

    def __enter__(self) -> SlicingProcess:
        try:
            super().__enter__()
        except BaseException:
            self._clean()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            super().__exit__(kind, error, trace)
        finally:
            self._clean()

    def _clean(self) -> None:
        self.kill_engine()
        shutil.rmtree(self.engine_folder, ignore_errors=True)
