"""Rest after a turn: a loop with much to do leaves others several times what it took itself.

Both are told by how far this machine let us come: neither the turn nor the rest has what its thread
waited for a processor meanwhile. By the clock alone, a turn that took long since the machine is
busy would be followed by a rest of many times that, in which nobody has anything to do.
"""

from __future__ import annotations

from collections.abc import Callable

from horizon_ryu.core.loop_record import LONGEST_REST, rest_after
from xen_bridge.runtime.port import Runtime

_SHORTEST = 0.001
THIS_THREAD = "thread-self"


def waited_for_processor(task: str = THIS_THREAD) -> float:
    """Return for how many seconds a task of /proc was ready to run, and did not.

    The second number of schedstat, in nanoseconds (Linux, scheduler/sched-stats); 0 without one.
    Of a process it is that of its main thread.
    """
    try:
        with open(f"/proc/{task}/schedstat", "rb") as told:
            return int(told.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


class TurnRest:
    """The rest after each turn of one loop: ``times`` as long as the turn, within bounds."""

    def __init__(
        self,
        runtime: Runtime,
        times: int,
        waited: Callable[[], float] = waited_for_processor,
    ) -> None:
        self._runtime = runtime
        self._times = times
        self._waited = waited
        self._begun = self._progress()

    def begin(self) -> None:
        """Note that a turn begins."""
        self._begun = self._progress()

    @property
    def seconds(self) -> float:
        """Return how long to rest, if the turn ends now."""
        return rest_after(max(0.0, self._progress() - self._begun), self._times)

    def take(self) -> None:
        """Rest; others who can run have had a turn of theirs in any case."""
        rest = self.seconds
        until, at_last = self._progress() + rest, self._runtime.now() + LONGEST_REST
        self._runtime.sleep(rest)
        while (left := min(until - self._progress(), at_last - self._runtime.now())) > _SHORTEST:
            self._runtime.sleep(left)

    def _progress(self) -> float:
        return self._runtime.now() - self._waited()
