"""Changes of what a slicer works by: how long 10,000 rules take, and who waits meanwhile."""

from __future__ import annotations

import random
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.slicing_paths import BareSwitch, bench, serve, settle
from bench.table import Figure
from horizon_ryu.core.collection_pause import collection_paused
from horizon_ryu.core.slicing.control_frames import ControlFramer, control_frame, read_control_body
from horizon_ryu.core.slicing.slice_registry import SliceRegistry
from tools.controller_process import wait_until
from tools.free_port import free_port
from tools.logged_process import LoggedProcess
from tools.slicing_process import SlicingProcess

MANY_RULES = 10_000
MOST_REST_S, MOST_HELD_MS = 1.0, 20.0
"""The aims: until 10,000 rules are in force; of the longest wait while they come to be."""
_CHANGES, _WARM, _ALONE = 5, 500, 4_000
_SECONDS = 60.0


def figures() -> Iterator[Figure]:
    """Measure all of it."""
    yield from rest()
    yield from configured()


def rest() -> Iterator[Figure]:
    """Measure a slice of 10,000 rules that is made over REST, until it is in force."""
    rng = random.Random(2)
    flowspace = [{"match": rule_match(rng)} for _ in range(MANY_RULES)]
    with TemporaryDirectory() as folder, SlicingProcess(Path(folder)) as slicing, bench() as found:
        wait_until(lambda: slicing.engine_pid() is not None, _SECONDS, "the engine")
        with BareSwitch(slicing.port) as switch:
            settle([switch], 1.0)
            url = f"tcp:127.0.0.1:{found.tenants[0]}"
            slices = {"name": "big", "controllers": [{"url": url}], "flowspace": flowspace}
            start = time.perf_counter()
            with ThreadPoolExecutor(1) as asking:
                asked = asking.submit(slicing.request, "POST", "/v1/slices", slices)
                serve([switch], asked.done)
            asked.result()
            passed = time.perf_counter() - start
    yield Figure("10,000 rules over REST, until they are in force", "s", passed, MOST_REST_S)


class ControlledSlicer(LoggedProcess):
    """An engine that is told its slices over its socket, as an application tells them."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._path = folder / "control"
        words = ["--control", str(self._path), "--listen", f"127.0.0.1:{self.port}"]
        command = [sys.executable, "-m", "horizon_ryu.slicer.program", *words]
        super().__init__(command, folder / "slicer.log")
        self._version = 0

    def is_ready(self) -> bool:
        """Tell whether it can be told its slices."""
        with socket.socket(socket.AF_UNIX) as link:
            return link.connect_ex(str(self._path)) == 0

    def frame(self, slices: list[dict[str, Any]]) -> bytes:
        """Return the frame by which an application tells it these slices."""
        self._version += 1
        registry = SliceRegistry().replaced(slices, 0.0)
        document = {**registry.engine_document(), "version": self._version}
        return control_frame({"id": self._version, "op": "configure", "document": document})

    def tell(self, frame: bytes) -> None:
        """Tell it, and wait until it is in force."""
        framer = ControlFramer()
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(self._path))
            link.sendall(frame)
            while data := link.recv(1 << 16):
                for body in framer.feed(data):
                    answer = read_control_body(body)
                    if "id" in answer:
                        if "error" in answer:
                            raise RuntimeError(answer["error"])
                        return


def configured() -> Iterator[Figure]:
    """Measure round trips of one slice while another is given 10,000 rules, again and again."""
    rng = random.Random(3)
    with ExitStack() as stack:
        found = stack.enter_context(bench())
        folder = Path(stack.enter_context(TemporaryDirectory()))
        slicer = stack.enter_context(ControlledSlicer(folder))
        few = found.slices(2)
        slicer.tell(slicer.frame(few))
        switch = stack.enter_context(BareSwitch(slicer.port))
        settle([switch], 1.0)
        switch.round_trips(2, 1, _WARM)
        alone = switch.round_trips(2, 1, _ALONE)
        waits: list[float] = []
        longest = []
        for _ in range(_CHANGES):
            many = [{"ports": [3], "match": rule_match(rng)} for _ in range(MANY_RULES)]
            for one in many:
                del one["match"]["in_port"]
            big = {"name": "big", "controllers": [], "flowspace": many}
            frame = slicer.frame([*few, big])
            # Thousands of new objects are the bench's own: its collector must not be what waits.
            with ThreadPoolExecutor(1) as telling, collection_paused():
                told = telling.submit(slicer.tell, frame)
                meanwhile: list[float] = []
                while not told.done():
                    meanwhile += switch.round_trips(2, 1, 20).us
                told.result()
            waits += meanwhile
            longest.append(max(meanwhile) / 1000)
    waits.sort()
    name = f"while {MANY_RULES:,} rules come to be in force"
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        at = waits[int(len(waits) * share)]
        yield Figure(f"{label} {name}, beside without", "us", at, alone.at(share))
    yield Figure(f"longest wait {name}", "ms", statistics.median(longest), MOST_HELD_MS)
    yield Figure("longest wait without", "ms", alone.us[-1] / 1000, None)


def rule_match(rng: random.Random) -> dict[str, Any]:
    """Return a match with a set of ports, a range of VLANs and a network."""
    low = rng.randrange(1, 4_000)
    first = rng.randrange(1, 40)
    return {
        "in_port": [first, first + 3],
        "dl_vlan": f"{low}-{low + 20}",
        "nw_src": f"10.{rng.randrange(256)}.{rng.randrange(256)}.0/24",
    }
