"""What was fine is not judged again while the same is believed and answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pytest
from ryu.lib import hub

from horizon_ryu.audit import service as audit_service
from horizon_ryu.audit.examination import Examination, FineAnswers
from horizon_ryu.audit.service import AuditService
from horizon_ryu.core.errors import RequestUnanswered, SwitchDeadline, SwitchError
from horizon_ryu.openflow.queries import EntryQuery, Query, SwitchAnswer
from horizon_ryu.wire.messages import (
    Flood,
    FlowCommand,
    FlowEntry,
    FlowMod,
    Match,
    Output,
)
from unit.audit.table_answers import TableAnswer
from xen_bridge.runtime.green import GreenRuntime

FINE = TableAnswer((FlowEntry(Match(), 1, 7, (Output(1),)),))
LACKING = TableAnswer()


class Judge:
    """Finds as much to restore as it is told, and remembers the answers it was shown."""

    def __init__(self, found: int = 0) -> None:
        self.found = found
        self.shown: list[tuple[SwitchAnswer, ...]] = []

    def __call__(self, answers: Sequence[SwitchAnswer]) -> int:
        self.shown.append(tuple(answers))
        return self.found


def judged(fine: FineAnswers, judge: Judge, *basis: object, answer: SwitchAnswer = FINE) -> int:
    examined = Examination((EntryQuery(),), basis, judge)
    return fine.judge(1, "one", examined, (answer,))


def test_the_same_answer_is_judged_once_and_another_at_once() -> None:
    fine, judge, believed = FineAnswers(), Judge(), object()
    assert [judged(fine, judge, believed) for _ in range(3)] == [0, 0, 0]
    assert judge.shown == [(FINE,)]
    judge.found = 2
    assert judged(fine, judge, believed, answer=LACKING) == 2
    assert judge.shown == [(FINE,), (LACKING,)]


def test_what_was_not_fine_is_judged_again_and_forgets_what_was() -> None:
    fine, judge, believed = FineAnswers(), Judge(), object()
    judged(fine, judge, believed)
    judge.found = 1
    assert [judged(fine, judge, believed, answer=LACKING) for _ in range(2)] == [1, 1]
    judge.found = 0
    judged(fine, judge, believed)
    assert len(judge.shown) == 4


def test_what_is_believed_is_the_same_while_it_is_the_same_object() -> None:
    """To compare what switches should do costs as much as the judgement, and equal is not same."""
    fine, judge = FineAnswers(), Judge()
    mods = [FlowMod(FlowCommand.ADD, Match(), 1, 7, (Flood(),)) for _ in range(2)]
    assert mods[0] == mods[1]
    for basis in (mods[:1], mods[1:], mods):
        judged(fine, judge, *basis)
        judged(fine, judge, *basis)
    assert len(judge.shown) == 3


def test_switches_that_are_gone_and_large_answers_are_not_remembered() -> None:
    fine, judge, believed = FineAnswers(), Judge(), object()
    judged(fine, judge, believed)
    fine.follow({2})
    judged(fine, judge, believed)
    assert len(judge.shown) == 2
    entries = tuple(FlowEntry(Match(number), 1, 7, ()) for number in range(1000))
    for _ in range(2):
        judged(fine, judge, believed, answer=TableAnswer(entries))
    assert len(judge.shown) == 4


class Table:
    """Switches that answer each query by what is told for its cookie, and are asked how often."""

    def __init__(self, **_: object) -> None:
        self.asked: list[int] = []
        self.answers: dict[int, SwitchAnswer | SwitchError] = {}
        self.again: list[tuple[Sequence[SwitchAnswer], Callable[[bool], None]]] = []
        self.given_up = 0
        self.can_repeat = True

    def read(self, _dpid: int, queries: Sequence[Query]) -> list[SwitchAnswer | SwitchError]:
        self.asked.append(len(queries))
        return [
            self.answers.get(query.cookie, FINE)
            for query in queries
            if isinstance(query, EntryQuery)
        ]

    def repeat(
        self, _dpid: int, answers: Sequence[SwitchAnswer], told: Callable[[bool], None]
    ) -> Table | None:
        self.again.append((answers, told))
        return self if self.can_repeat else None

    def give_up(self) -> None:
        self.given_up += 1
        self.again[-1][1](False)


def service(table: Table, *judges: Judge) -> AuditService:
    made = AuditService(GreenRuntime(), table, dict, lambda: 0.0, lambda _name, _error: None)
    believed = object()

    def asking(number: int, judge: Judge) -> Callable[[int], Examination]:
        queries = (EntryQuery(cookie=number), EntryQuery(cookie=10 + number))
        return lambda _dpid: Examination(queries, (believed,), judge)

    for number, judge in enumerate(judges):
        made.register(str(number), asking(number, judge))
    return made


def test_all_applications_ask_a_switch_together() -> None:
    table, judges = Table(), (Judge(), Judge(3), Judge())
    audits = service(table, *judges)
    assert not audits.audit(1)
    assert table.asked == [6]
    assert audits.repairs == {"0": 0, "1": 3, "2": 0}
    assert not audits.audit(1)
    assert [len(judge.shown) for judge in judges] == [1, 2, 1]


def test_who_is_not_answered_is_left_out_or_ends_the_audit() -> None:
    table, judges = Table(), (Judge(), Judge(), Judge())
    audits = service(table, *judges)
    table.answers[10] = RequestUnanswered(1, "flows")
    assert audits.audit(1)
    assert [len(judge.shown) for judge in judges] == [0, 1, 1]
    table.answers[11] = SwitchDeadline(1, "no answer")
    assert not audits.audit(1)
    assert audits.failures == {"1": 1}


class Resting:
    """The service with one switch that is as it should be, on a clock that the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *judges: Judge) -> None:
        monkeypatch.setattr(audit_service, "_TICK", 0.0)
        self.now = 0.0
        self.table, self.believed = Table(), [object()]
        self.service = AuditService(
            GreenRuntime(), self.table, lambda: {1}, lambda: self.now, lambda _name, _error: None
        )
        for number, judge in enumerate(judges):
            self.service.register(str(number), partial(self._begin, number, judge))
        # It gets a time, is audited, and is asked again.
        for _ in range(3):
            self.turn()

    def _begin(self, number: int, judge: Judge, _dpid: int) -> Examination:
        return Examination((EntryQuery(cookie=number),), tuple(self.believed), judge)

    def turn(self) -> None:
        """Take a turn when the next audit is due, and let tasks run."""
        self.now += 3.0
        self.service.turn()
        for _ in range(3):
            hub.sleep(0)


def test_what_was_fine_is_asked_again_and_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    judges = Judge(), Judge()
    resting = Resting(monkeypatch, *judges)
    table = resting.table
    assert (table.asked, len(table.again)) == ([2], 1)
    for count in (2, 3):
        answers, told = table.again[-1]
        assert list(answers) == [FINE, FINE]
        told(True)
        resting.turn()
        assert (table.asked, len(table.again)) == ([2], count)
    assert [len(judge.shown) for judge in judges] == [1, 1]


def test_a_switch_that_says_something_else_is_looked_at_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judges = Judge(), Judge()
    resting = Resting(monkeypatch, *judges)
    table = resting.table
    table.answers[1], judges[1].found = LACKING, 2
    table.again[-1][1](False)
    resting.turn()
    assert table.asked == [2, 2]
    assert judges[1].shown == [(FINE,), (LACKING,)]
    assert resting.service.repairs["1"] == 2
    # As long as it differs nothing is asked as if all were well.
    resting.turn()
    assert len(table.again) == 1


def test_one_that_does_not_answer_again_is_given_up_and_looked_at_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resting = Resting(monkeypatch, Judge())
    table = resting.table
    table.answers[0] = SwitchDeadline(1, "no answer")
    resting.turn()
    assert table.given_up == 1
    assert table.asked == [1, 1]
    assert resting.service.failures["0"] == 1


@pytest.mark.parametrize("change", ["belief", "cannot", "broken"])
def test_what_cannot_be_compared_is_asked_and_judged_anew(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Judge()
    resting = Resting(monkeypatch, judge)
    table = resting.table
    table.again[-1][1](True)
    if change == "belief":
        resting.believed[0] = object()
    elif change == "cannot":
        table.can_repeat = False
    else:
        resting.service.register("broken", lambda _dpid: 1 // 0)
    resting.turn()
    assert table.asked == [1, 1]
    assert len(judge.shown) == (2 if change == "belief" else 1)
    assert resting.service.failures == ({"broken": 1} if change == "broken" else {})
