"""Plans as the engine sees them: steps in waves, where the commit is, and how it is all undone.

The steps of one wave go out together, in any order; the next wave waits until all are confirmed.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar


class Step(Protocol):
    """One message to one target."""

    @property
    def target(self) -> Hashable:
        """Who confirms it: a switch, a host, a router."""

    @property
    def undo(self) -> Step | None:
        """The step that takes this one back; None if nothing shall."""

    @property
    def replaces(self) -> bool:
        """Whether something else was in its place, which ``undo`` puts back."""


class Wave(Protocol):
    """Steps that go out together; none at all: wait until what is under way has drained."""

    @property
    def steps(self) -> Sequence[Any]:
        """The steps, each a :class:`Step`."""


class Plan(Protocol):
    """How ``old`` becomes ``new``; None is nothing: not there yet, or gone afterwards."""

    @property
    def subject(self) -> Hashable:
        """What is changed."""

    @property
    def old(self) -> Any:
        """What it was."""

    @property
    def new(self) -> Any:
        """What it will be."""

    @property
    def resources(self) -> Collection[Hashable]:
        """What nobody else may touch meanwhile."""

    @property
    def pre_commit(self) -> Sequence[Wave]:
        """The waves that can be undone; the last of them is the commit."""

    @property
    def post_commit(self) -> Sequence[Wave]:
        """The waves that follow: what was prepared is finished, what is old is deleted."""


P = TypeVar("P", bound=Plan)


class Part(NamedTuple):
    """Steps to be sent; ``must``: the change fails with them, else somebody repairs them later."""

    steps: Sequence[Any]
    must: bool = False


DRAIN = Part(())
"""Nothing is sent: what is under way gets the time to leave."""


class Undo(NamedTuple):
    """What takes a change back, in three parts; packets drain after the first two, if not empty.

    ``turned`` gives the traffic back to the old way. Only when nothing is on the new one any more
    is ``restored`` what was replaced, last first, wave by wave. ``deleted`` is what was added,
    when what was on its way through it is out.
    """

    turned: tuple[tuple[Any, ...], ...]
    restored: tuple[tuple[Any, ...], ...]
    deleted: tuple[tuple[Any, ...], ...]

    def parts(self) -> list[Part]:
        """Return it as what is to be sent, one after the other."""
        parts: list[Part] = []
        for waves in (self.turned, self.restored):
            parts += [Part(steps, must=True) for steps in waves]
            parts += [DRAIN] if waves else []
        return parts + [Part(steps) for steps in self.deleted]


def undo_of(pre_commit: Sequence[Wave], begun: int) -> Undo:
    """Return what takes the first ``begun`` waves before the commit back, or the commit too."""
    back = list(reversed(pre_commit[:begun]))
    replacing = [wave for wave in back if _replaces(wave)]
    commit = [wave for wave in replacing if wave is pre_commit[-1]]
    return Undo(
        tuple(_undoing(wave) for wave in commit),
        tuple(_undoing(wave) for wave in replacing[len(commit) :]),
        tuple(_undoing(wave) for wave in back if not _replaces(wave)),
    )


def _replaces(wave: Wave) -> bool:
    """Tell whether undoing ``wave`` is more than deleting."""
    return any(step.replaces for step in wave.steps)


def _undoing(wave: Wave) -> tuple[Any, ...]:
    undone = (step.undo for step in wave.steps)
    return tuple(step for step in undone if step is not None)


def targets_of(plan: Plan) -> frozenset[Hashable]:
    """Return everyone whom the plan speaks to."""
    waves = (*plan.pre_commit, *plan.post_commit)
    return frozenset(step.target for wave in waves for step in wave.steps)
