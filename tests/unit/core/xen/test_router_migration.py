"""Records of router migrations: what is taken of what a source tells, and what of it is news."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.xen.router_migration import (
    RouterMigration,
    RouterRefusal,
    RouterRequest,
    SourceReport,
    StepView,
    after,
    record_from_json,
    record_to_json,
    step_news,
)

ASKED = RouterRequest(host="a", domain="r1", destination="b", mode="standard", pause_s=0.5)
RECORD = RouterMigration(id="0123456789ab", asked=ASKED, name="r1", started=1.5)
STATES: list[Any] = ["pending", "running", "done", "failed", "undone"]


def told(*steps: StepView, **more: Any) -> SourceReport:
    return SourceReport(
        **{"state": "installing", "domain": "r1", "uuid": "u", "steps": steps, **more}
    )


def test_what_the_source_tells_replaces_what_was_known() -> None:
    found = after(
        replace(RECORD, silence="away"),
        told(StepView("check", "done", 0, 1), pause_ms=3.5, lost=0, duration_ms=9.0),
    )
    assert (found.uuid, found.state, found.silence) == ("u", "installing", None)
    assert (found.pause_ms, found.lost, found.duration_ms) == (3.5, 0, 9.0)
    assert found.steps == (StepView("check", "done", 0, 1),)


@pytest.mark.parametrize("end", ["done", "rolled_back", "failed"])
def test_what_has_ended_stays_ended(end: Any) -> None:
    record = replace(RECORD, state=end)
    assert after(record, told(StepView("check"))) is record


def test_steps_go_forward_only() -> None:
    record = after(RECORD, told(StepView("check", "done", 0, 1), StepView("move", "running", 1)))
    back = after(record, told(StepView("check", "running"), StepView("move", "failed", 1, 2)))
    assert back.steps == (StepView("check", "done", 0, 1), StepView("move", "failed", 1, 2))


def test_other_steps_than_before_are_not_believed_but_more_are() -> None:
    record = after(RECORD, told(StepView("check", "done")))
    other = after(record, told(StepView("x", "done"), StepView("y", "done")))
    assert other.steps == record.steps
    assert after(record, told()).steps == record.steps
    longer = after(record, told(StepView("check", "done"), StepView("move")))
    assert [step.name for step in longer.steps] == ["check", "move"]


def test_news_are_the_steps_that_went_on() -> None:
    before = (StepView("a", "done"), StepView("b", "running"), StepView("c"))
    now = (StepView("a", "done"), StepView("b", "done"), StepView("c", "running"), StepView("d"))
    assert [step.name for step in step_news(before, now)] == ["b", "c"]


@given(
    st.lists(
        st.lists(st.builds(StepView, st.sampled_from("abc"), st.sampled_from(STATES)), max_size=6),
        max_size=30,
    )
)
def test_no_source_makes_more_news_than_its_steps_have_states(answers: list[Any]) -> None:
    record, told_of = RECORD, []
    for steps in answers:
        now = after(record, told(*steps))
        told_of += [
            (place, step.name) for place, step in enumerate(step_news(record.steps, now.steps))
        ]
        assert all(
            mine.name == other.name for mine, other in zip(record.steps, now.steps, strict=False)
        )
        record = now
    assert len(told_of) <= 3 * len(record.steps)


def test_a_record_is_read_as_it_was_written() -> None:
    record = after(
        RECORD,
        told(
            StepView("check", "done", 0.0, 0.5, "fine"),
            state="failed",
            problem="no",
            refusals=(RouterRefusal("mode", "no", True),),
        ),
    )
    assert record_from_json(json.loads(json.dumps(record_to_json(record)))) == record


@pytest.mark.parametrize(
    "row",
    [
        None,
        7,
        "text",
        [],
        {},
        {**record_to_json(RECORD), "state": "flying"},
        {**record_to_json(RECORD), "id": 5},
        {**record_to_json(RECORD), "more": 1},
        {**record_to_json(RECORD), "steps": [{"what": 1}]},
        {**record_to_json(RECORD), "asked": None},
    ],
)
def test_rows_that_are_no_record_are_told_as_such(row: object) -> None:
    with pytest.raises(InvalidInput):
        record_from_json(row)


def test_a_domain_is_moved_under_its_uuid_or_else_its_name() -> None:
    named, known = RECORD, replace(RECORD, uuid="u")
    assert named.moves("a", "u", "r1")
    assert known.moves("a", "u", "renamed")
    assert not known.moves("a", "v", "r1")
    assert not known.moves("b", "u", "r1")
    assert not replace(known, state="done").moves("a", "u", "r1")
