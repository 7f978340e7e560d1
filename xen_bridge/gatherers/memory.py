"""The memory gatherer (report 2.3.4): what the kernel says in ``/proc/meminfo``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from xen_bridge.errors import BridgeError
from xen_bridge.gatherers.rounds import rounds
from xen_bridge.protocol.documents.measures import MemoryIteration, MemoryMeasures, Sampling
from xen_bridge.runtime.port import Runtime

MEMINFO = Path("/proc/meminfo")

_WANTED = re.compile(rb"^(MemTotal|MemFree|MemAvailable|SwapTotal|SwapFree): +(\d{1,18}) kB$", re.M)


class MemoryGatherer:
    """Measures the memory of the machine it runs in, Domain 0 or a virtual router."""

    def __init__(self, path: Path = MEMINFO) -> None:
        self._path = path

    def get_measures(self, sampling: Sampling, runtime: Runtime) -> MemoryMeasures:
        """Return the iterations asked for, in kB. Used is total minus free: caches are used."""
        found = []
        for number, at in rounds(sampling.iterations, sampling.interval, runtime):
            kept = runtime.in_thread(read_meminfo, self._path)
            found.append(_iteration(number, at, kept))
        return MemoryMeasures(iterations=tuple(found))


def _iteration(number: int, at: float, kept: Mapping[str, int]) -> MemoryIteration:
    total, free = kept["MemTotal"], kept["MemFree"]
    swap, free_swap = kept["SwapTotal"], kept["SwapFree"]
    return MemoryIteration(
        number=number,
        at=at,
        free_mem=float(free),
        used_mem=float(max(total - free, 0)),
        total_mem=float(total),
        free_swap=float(free_swap),
        used_swap=float(max(swap - free_swap, 0)),
        total_swap=float(swap),
    )


def read_meminfo(path: Path = MEMINFO) -> dict[str, int]:
    """Return ``MemTotal``, ``MemFree``, ``SwapTotal``, ``SwapFree`` and, if told, ``MemAvailable``.

    In kB. A kernel without swap has none. Raises BridgeError if the first two are not told.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise BridgeError(f"{path} cannot be read: {error.strerror}") from error
    kept = {name.decode(): int(value) for name, value in _WANTED.findall(text)}
    if "MemTotal" not in kept or "MemFree" not in kept:
        raise BridgeError(f"{path} tells no memory")
    return {"SwapTotal": 0, "SwapFree": 0} | kept
