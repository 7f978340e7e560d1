"""Examination: what an application asks of a switch in an audit, and how it judges the answers.

Where all was as it should be, and the same is believed and answered again, it is so still: nothing
is read nor compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import NamedTuple

from horizon_ryu.openflow.queries import Query, SwitchAnswer

_MOST_BYTES = 16 * 1024
"""Of what a switch said that is remembered, per application."""


@dataclass(frozen=True, slots=True)
class Examination:
    """Of one switch. ``basis``: all that queries and judgement depend on besides the answers.

    ``judge`` restores what differs, which may wait, and returns how much that was; SwitchError.
    """

    queries: Sequence[Query]
    basis: tuple[object, ...]
    judge: Callable[[Sequence[SwitchAnswer]], int]


class _Fine(NamedTuple):
    basis: tuple[object, ...]
    answers: tuple[SwitchAnswer, ...]


class FineAnswers:
    """The answers that were judged fine last, by switch and application."""

    def __init__(self) -> None:
        self._fine: dict[int, dict[str, _Fine]] = {}

    def __contains__(self, dpid: int) -> bool:
        return bool(self._fine.get(dpid))

    def follow(self, dpids: Collection[int]) -> None:
        """Forget the switches that are not there."""
        for dpid in self._fine.keys() - dpids:
            del self._fine[dpid]

    def judge(
        self, dpid: int, application: str, examined: Examination, answers: Sequence[SwitchAnswer]
    ) -> int:
        """Judge answers, unless they are those that were fine; return how much was restored."""
        fine = self._fine.setdefault(dpid, {})
        told = _told(answers)
        last = fine.get(application)
        is_believed = last is not None and _are_same(last.basis, examined.basis)
        if last is not None and is_believed and told == _told(last.answers):
            return 0
        fine.pop(application, None)
        found = examined.judge(answers)
        if not found and sum(len(piece) for pieces in told for piece in pieces) <= _MOST_BYTES:
            fine[application] = _Fine(examined.basis, tuple(answers))
        return found

    def standing(
        self, dpid: int, begun: Mapping[str, Examination | int]
    ) -> list[SwitchAnswer] | None:
        """Return the answers of a switch with which all would be as it should be once more.

        None where an application believes something else by now, or was not content.
        """
        fine = self._fine.get(dpid, {})
        answers: list[SwitchAnswer] = []
        for application, examined in begun.items():
            if isinstance(examined, int):
                if examined:
                    return None
                continue
            last = fine.get(application)
            if last is None or not _are_same(last.basis, examined.basis):
                return None
            answers += last.answers
        return answers


def _told(answers: Sequence[SwitchAnswer]) -> tuple[tuple[bytes, ...], ...]:
    return tuple(answer.told() for answer in answers)


def _are_same(some: tuple[object, ...], others: tuple[object, ...]) -> bool:
    """Tell whether these are the same objects: equal actions need not be of the same kind."""
    return len(some) == len(others) and all(map(is_, some, others))
