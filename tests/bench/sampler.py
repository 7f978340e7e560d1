"""Runs inside the controller: whose code uses the processor, by samples of its CPU time.

A signal of the process's own CPU clock (ITIMER_PROF) interrupts whatever runs; the innermost
function of the tree is counted, and every one above it once. SIGUSR2 clears the counts, and each
second they are written to the file that HORIZON_BENCH_SAMPLES names.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

from horizon_ryu.app import HorizonApp

INTERVAL = 0.002
"""Seconds of CPU time between two samples."""
_EVERY = 250
"""Samples between two writings."""


class Sampler(HorizonApp):
    """Counts functions, and writes the counts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own: Counter[str] = Counter()
        self._under: Counter[str] = Counter()
        self._taken = 0
        self._path = Path(os.environ["HORIZON_BENCH_SAMPLES"])
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR2, self._clear)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)

    def _clear(self, _number: int, _frame: FrameType | None) -> None:
        self._own.clear()
        self._under.clear()
        self._taken = 0

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        seen: set[str] = set()
        while frame is not None:
            code = frame.f_code
            name = f"{'/'.join(code.co_filename.rsplit('/', 3)[1:])}:{code.co_qualname}"
            if not seen:
                self._own[name] += 1
            seen.add(name)
            frame = frame.f_back
        self._under.update(seen)
        self._taken += 1
        if self._taken % _EVERY == 0:
            counts = {"taken": self._taken, "own": self._own, "under": self._under}
            self._path.write_text(json.dumps(counts), encoding="utf-8")
