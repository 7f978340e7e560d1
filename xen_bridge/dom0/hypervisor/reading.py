"""A reading of one domain: what cannot be told of it is unknown, and the rest is told.

Domains come and go, and hang, while a host is read. One of them must not hide all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self, TypeVar

from xen_bridge.dom0.hypervisor.libvirt_errors import binding, ours
from xen_bridge.errors import BridgeError, HypervisorAway, SubjectNotFound
from xen_bridge.protocol.document_schema import legal

Value = TypeVar("Value")
MAX_REASON = 200
NO_ANSWER = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What reading an answer raises that is not UTF-8, no XML, no number, of another kind than was
asked for, or beyond what a message carries."""


def counted(number: Any) -> int:
    """Return what counts something; ValueError if it is less than none, or no number."""
    if not isinstance(number, int) or number < 0:
        raise ValueError(f"{number!r} counts nothing")
    return number


class DomainInfo(NamedTuple):
    """What libvirt tells of any domain in one answer; memory in kB, time in ns."""

    state: int
    most_memory: int
    memory: int
    vcpus: int
    cpu_time: int

    @classmethod
    def of(cls, answer: Sequence[int]) -> Self:
        """Return what was answered; ValueError if there is less, or what can be none of these."""
        return cls(*map(counted, answer))


class CarefulReading:
    """Reads the values of one domain, one after the other."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        """The names of what could not be read."""
        self.problems: list[str] = []
        """Why."""
        self.was_missed = False
        """Whether it was said that there is no such domain."""

    def of(self, names: tuple[str, ...], read: Callable[[], Value], otherwise: Value) -> Value:
        """Return what ``read`` returns; if it fails, ``names`` are unknown: ``otherwise``.

        Raises HypervisorAway: who is not there can tell of no domain.
        """
        try:
            return read()
        except binding().libvirtError as error:
            meant = ours(error)
            if isinstance(meant, HypervisorAway):
                raise meant from error
            self.was_missed |= isinstance(meant, SubjectNotFound)
            self._note(names, meant)
        except (BridgeError, *NO_ANSWER) as error:
            self._note(names, error)
        return otherwise

    def miss(self, name: str) -> None:
        """Note that ``name`` is unknown because what it comes from is."""
        if name not in self.unknown:
            self.unknown.append(name)

    def _note(self, names: tuple[str, ...], error: Exception) -> None:
        for name in names:
            self.miss(name)
        reason = legal(f"{', '.join(names)}: {error}"[:MAX_REASON])
        if reason not in self.problems:
            self.problems.append(reason)
