"""Process of the slicer's engine: started detached, found again, watched, and started anew.

The engine outlives the controller: it is in a session of its own, and whoever finds its control
socket has it. It is started only while nobody answers there; a second one ends by itself, because
the first holds a lock.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from horizon_ryu.core.errors import EngineAway, HorizonError
from horizon_ryu.core.loop_record import LoopTerms
from horizon_ryu.slices.engine_client import EngineClient
from horizon_ryu.supervised_loop import SupervisedLoop
from horizon_ryu.supervision import Supervisor
from xen_bridge.runtime.port import Runtime

LOG = logging.getLogger("horizon.slices")

LOOK_SECONDS = 0.5
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds between two starts: twice as long after each that comes to nothing."""
SETTLED = 60.0
"""Seconds for which an engine that has been there is believed to stay."""
ASK_SECONDS = 5.0
"""Between two questions whether it lives."""
HUNG_SECONDS = 30.0
"""After which one that does not answer is killed."""
_SAID_BYTES = 4096


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What an engine is started with: its folder, where switches connect, and its TLS files."""

    folder: Path
    """Private; its control socket, its state and its log are there."""
    listen: str = "127.0.0.1:6633"
    instance: str = "horizon"
    more: Sequence[str] = ()
    """Further words of its command line, such as ``--tenant-ca FILE``."""

    @property
    def socket(self) -> Path:
        """Where it is called."""
        return self.folder / "control"

    def command(self) -> list[str]:
        """Return the words that start it."""
        return [
            *(sys.executable, "-m", "horizon_ryu.slicer.program"),
            *("--control", str(self.socket), "--listen", self.listen),
            *("--instance", self.instance, "--log", str(self.folder / "log"), *self.more),
        ]


class EngineProcess:
    """Sees to it that an engine is there."""

    def __init__(
        self,
        runtime: Runtime,
        supervisor: Supervisor,
        client: EngineClient,
        options: EngineOptions,
    ) -> None:
        """``client`` calls the engine that is here; it is started by whoever made it."""
        self._runtime = runtime
        self._supervisor = supervisor
        self._client = client
        self._options = options
        self._child: subprocess.Popen[bytes] | None = None
        self._wait = FIRST_WAIT
        self._next_start = runtime.now()
        self._next_question = runtime.now()
        self._answered = runtime.now()
        self._came: float | None = None
        self._trouble: str | None = "it has not been started yet"
        self._status: dict[str, Any] = {}
        self._loop: SupervisedLoop | None = None
        self.starts = 0
        """How often one was started."""

    def start(self) -> None:
        """Begin to look after it."""
        terms = LoopTerms(is_vital=False)
        self._loop = self._supervisor.spawn(self.look, terms=terms)

    def close(self) -> None:
        """Look after it no more; it works on."""
        if self._loop is not None:
            self._loop.kill()

    def problem(self) -> str | None:
        """Return what is wrong with it, for health; None if it is there and well."""
        if self._trouble is not None:
            return self._trouble
        faults = self._status.get("problems") or []
        return "; ".join(map(str, faults)) or None

    def status(self) -> dict[str, Any]:
        """Return what it has last said of itself; empty before that."""
        return dict(self._status)

    def look(self) -> None:
        """See after it: one turn of a loop."""
        self._runtime.sleep(LOOK_SECONDS)
        now = self._runtime.now()
        if self._client.is_connected:
            self._look_at_it(now)
        else:
            self._came = None
            self._look_for_it(now)

    # ---- while it is there

    def _look_at_it(self, now: float) -> None:
        if self._came is None:
            self._came = self._answered = self._next_question = now
        if now - self._came >= SETTLED:
            self._wait = FIRST_WAIT
        if now < self._next_question:
            return
        self._next_question = now + ASK_SECONDS
        try:
            self._status = self._client.call("status")
        except EngineAway as error:
            self._trouble = f"the slicer's engine does not answer: {error}"
            if self._client.is_connected and self._runtime.now() - self._answered > HUNG_SECONDS:
                self._kill()
        except HorizonError as error:
            self._trouble = f"the slicer's engine does not tell how it does: {error}"
        else:
            self._answered = self._runtime.now()
            self._trouble = self._other_options()

    def _other_options(self) -> str | None:
        """Tell of an engine that was found again and was started with another address."""
        listens = self._status.get("listen")
        if listens in (None, self._options.listen) or self._options.listen.endswith(":0"):
            return None
        return (
            f"the slicer's engine listens on {listens}, not on {self._options.listen}, since it "
            "was started before; stop it to have it listen there"
        )

    def _kill(self) -> None:
        """End an engine that hangs; switches come back to the next one."""
        number = self._client.peer_pid
        if number is not None:
            LOG.error("the slicer's engine, process %s, hangs: it is killed", number)
            with suppress(OSError):
                os.kill(number, signal.SIGKILL)

    # ---- while it is not

    def _look_for_it(self, now: float) -> None:
        child = self._child
        if child is not None and child.poll() is None:
            self._trouble = f"the slicer's engine is being started: {self._client.why_away}"
            return
        if child is not None:
            self._trouble = self._client.last_words = self._end_of(child)
            LOG.warning("%s", self._trouble)
            self._child = None
        if now >= self._next_start:
            self._next_start = now + self._wait
            self._wait = min(2 * self._wait, LONGEST_WAIT)
            self._start_one()

    def _start_one(self) -> None:
        try:
            self._options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(self._said, "wb") as said:
                self._child = subprocess.Popen(
                    self._options.command(),
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    start_new_session=True,
                    cwd="/",
                )
        except OSError as error:
            self._trouble = f"the slicer's engine cannot be started: {error}"
            self._client.last_words = self._trouble
            LOG.error("%s", self._trouble)
            return
        self.starts += 1
        LOG.info("the slicer's engine is started as process %s", self._child.pid)

    @property
    def _said(self) -> Path:
        """What it says outside its log, such as why it cannot begin; begun anew at each start."""
        return self._options.folder / "said"

    def _end_of(self, child: subprocess.Popen[bytes]) -> str:
        status = child.returncode
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        try:
            with open(self._said, "rb") as said:
                said.seek(max(0, os.fstat(said.fileno()).st_size - _SAID_BYTES))
                lines = said.read().decode(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return f"the slicer's engine has ended {how}{f': {lines[-1]}' if lines else ''}"
