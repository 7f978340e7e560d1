"""A router that came to the destination, and has ended there, ends its migration by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.migration.test_giving_up import moved, played
from tests.unit.migration.test_migration_core import fresh
from xen_bridge.errors import DomainEnded, HypervisorError, error_of
from xen_bridge.migration import outgoing
from xen_bridge.migration.commands import DoStep, Event, StepDone, StepFailed, Wait
from xen_bridge.migration.outgoing import SURE_ATTEMPTS, Decision

ENDED = StepFailed("it has come, and has ended here", has_ended=True)
TOLD = "r1 came to xen2, and has ended there"


def believed(decision: Decision) -> Decision:
    """Return what follows when the step that runs is told so until that is believed."""
    record, _ = decision
    again: list[Event] = [ENDED, StepDone()]
    waits = SURE_ATTEMPTS - 1 - record.attempts
    return played(decision, *again * waits, ENDED)


def test_what_it_left_is_removed_at_both_sides_and_its_migration_says_so() -> None:
    record, command = believed(played(moved(), StepDone()))
    assert command == DoStep("forget")
    record, command = played((record, command), StepDone())
    assert command == DoStep("finish")
    record, command = played((record, command), ENDED)
    assert (command, record.status.state, record.status.problem) == (None, "failed", TOLD)
    assert record.status.unsettled is None
    ends = {one.name: one.state for one in record.status.steps}
    assert (ends["bind"], ends["announce"], ends["forget"]) == ("failed", "pending", "done")


def test_one_that_is_gone_for_a_moment_goes_on() -> None:
    record, command = played(moved(), StepDone(), ENDED)
    assert isinstance(command, Wait)
    _, command = played((record, command), StepDone(), StepDone())
    assert command == DoStep("announce")


@pytest.mark.parametrize("step", ["bind", "announce", "drain", "forget", "finish"])
def test_whichever_step_hears_of_it(step: str) -> None:
    decision = played(moved(), StepDone())
    while decision[1] != DoStep(step):
        decision = played(decision, StepDone())
    decision = believed(decision)
    while decision[1] is not None:
        decision = played(decision, StepDone())
    assert (decision[0].status.state, decision[0].status.problem) == ("failed", TOLD)
    assert not [one for one in decision[0].status.steps if one.state == "running"]


def test_a_standard_one_is_forgotten_too() -> None:
    begun = played(outgoing.begun(fresh()), StepDone(), StepDone())
    record, command = believed(begun)
    assert command == DoStep("forget")
    record, command = played((record, command), StepDone())
    assert (command, record.status.problem) == (None, TOLD)


def test_what_is_not_removed_is_tried_again_and_after_a_restart_too() -> None:
    record, command = believed(played(moved(), StepDone()))
    record, command = played((record, command), StepFailed("busy"))
    assert isinstance(command, Wait)
    assert record.status.unsettled == "forget, 1 time in vain: busy"
    decision = outgoing.resumed(replace(record), 2.0)
    decision = played(decision, StepDone(), StepDone())
    assert (decision[1], decision[0].status.problem) == (None, TOLD)


def test_a_source_knows_it_from_other_failures_of_the_destination() -> None:
    told = DomainEnded("gone")
    assert isinstance(error_of(told.status, told.title, "gone"), DomainEnded)
    other = error_of(424, HypervisorError.title, "gone")
    assert not isinstance(other, DomainEnded)
