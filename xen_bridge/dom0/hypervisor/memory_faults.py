"""Faults of hosts in memory: whatever such a host can be asked may be made to fail, or to wait."""

from __future__ import annotations

from collections.abc import Callable

from xen_bridge.errors import HypervisorError

MIGRATION_STEPS = ("connect", "begin", "prepare", "transfer", "finish", "confirm")

Fault = Callable[[], None]
"""Called at the step it was set for; what it raises is the failure, and it may also just wait."""


class FaultySteps:
    """The steps of a host, each of which may be given a fault."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}

    def fail(self, step: str, fault: Fault | Exception | None) -> None:
        """Have ``step`` (a method, or one of MIGRATION_STEPS) fail from now on; None mends it."""
        if fault is None:
            self._faults.pop(step, None)
        elif isinstance(fault, Exception):
            self._faults[step] = _raising(fault)
        else:
            self._faults[step] = fault

    def _at(self, step: str) -> None:
        """Have the fault of ``step``, or of all, do what it does."""
        fault = self._faults.get(step) or self._faults.get("all")
        if fault is not None:
            fault()


def _raising(error: Exception) -> Fault:
    def fault() -> None:
        raise error

    return fault


def refusing(text: str = "refused on demand") -> Fault:
    """Return a fault that fails as a hypervisor does."""
    return _raising(HypervisorError(text))
