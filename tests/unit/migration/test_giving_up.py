"""A migration that cannot end is told, and ended by hand; the router is left where it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unit.migration.test_migration_core import fresh
from xen_bridge.migration import outgoing
from xen_bridge.migration.commands import (
    DoStep,
    Event,
    Locate,
    Located,
    StepDone,
    StepFailed,
    UndoStep,
    Wait,
)
from xen_bridge.migration.outgoing import MOVE, Decision, OutgoingMigration
from xen_bridge.protocol.documents.migration import Whereabouts

AWAY = StepFailed("away")


def played(decision: Decision, *events: Event) -> Decision:
    """Return what follows a decision when its commands end with these events."""
    record, command = decision
    for event in events:
        assert command is not None
        record, command = outgoing.advanced(record, command, event, 1.0)
    return record, command


def separated() -> OutgoingMigration:
    made = fresh("plane-separation")
    return replace(made, order=replace(made.order, mode="plane-separation"))


def moved() -> Decision:
    """Return a migration that is committed, and whose destination is away."""
    done = (StepDone(), StepDone(), StepDone(pause_s=0.1))
    return played(outgoing.begun(separated()), *done, AWAY)


def left(record: OutgoingMigration, where: Whereabouts | None = None) -> Decision:
    return outgoing.given_up(record, where, 2.0)


def test_what_is_tried_again_is_told_until_it_succeeds() -> None:
    record, command = moved()
    assert isinstance(command, Wait)
    assert record.status.unsettled == "bind, 1 time in vain: away"
    record, command = played((record, command), StepDone(), AWAY)
    assert record.status.unsettled == "bind, 2 times in vain: away"
    record, command = played((record, command), StepDone(), StepDone())
    assert (command, record.status.unsettled) == (DoStep("announce"), None)


def test_what_is_not_taken_back_is_told_beside_the_reason_for_it() -> None:
    record, command = played(outgoing.begun(fresh()), StepDone(), StepFailed("no link"))
    record, command = played((record, command), Located(False), StepFailed("no bridge"))
    assert (record.status.state, record.status.problem) == ("aborting", "no link")
    assert record.status.unsettled == "move is not taken back, 1 time in vain: no bridge"
    record, command = played((record, command), StepDone(), StepDone(), StepDone())
    assert (record.status.state, record.status.unsettled) == ("rolled_back", None)


def test_one_whose_destination_is_gone_for_good_is_forgotten_here_and_ends() -> None:
    record, _ = moved()
    record, command = left(record)
    assert command == DoStep("forget")
    record, command = played((record, command), StepDone())
    assert (command, record.status.state, record.status.is_committed) == (None, "failed", True)
    assert record.status.unsettled is None
    assert record.status.problem == "given up by hand, the router is at the destination: away"
    states = {step.name: step.state for step in record.status.steps}
    assert (states[MOVE], states["bind"], states["forget"]) == ("done", "failed", "done")
    assert states["finish"] == "pending"


def test_what_cannot_be_forgotten_here_either_is_told_and_ends_all_the_same() -> None:
    record, command = played(left(moved()[0]), StepFailed("no nft"))
    assert command is None
    assert record.status.state == "failed"
    assert "; and forget failed: no nft" in (record.status.problem or "")


@pytest.mark.parametrize("where", ["here", None])
def test_one_whose_whereabouts_nobody_tells_ends_where_it_is_said_to_be(
    where: Whereabouts | None,
) -> None:
    record, command = played(outgoing.begun(fresh()), StepDone(), AWAY, AWAY)
    assert isinstance(command, Wait)
    record, command = left(record, where)
    assert (command, record.given_up) == (Locate(), where or "unsaid")
    if where is None:
        record, command = played((record, command), AWAY)
        assert (command, record.status.state) == (None, "failed")
        assert "where the domain is cannot be told: away" in (record.status.problem or "")
    else:
        record, command = played((record, command), Located(False), StepDone(), AWAY)
        assert (command, record.status.state) == (None, "rolled_back")


def test_one_that_turns_out_to_be_at_the_destination_is_forgotten_here() -> None:
    record, _ = played(outgoing.begun(fresh()), StepDone(), AWAY, AWAY)
    record, command = played(left(record), Located(True))
    assert (command, record.status.is_committed) == (DoStep("forget"), True)


def test_what_is_not_taken_back_is_passed_over_and_the_rest_is() -> None:
    record, command = played(outgoing.begun(separated()), StepDone(), StepDone(), AWAY)
    record, command = played((record, command), Located(False), StepFailed("no bridge"))
    record, command = left(record)
    assert command == UndoStep(MOVE)
    record, command = played((record, command), StepFailed("no bridge"))
    assert command == UndoStep("data_plane")
    record, command = played((record, command), StepDone(), StepDone())
    assert (command, record.status.state) == (None, "failed")
    assert "move is not taken back: no bridge" in (record.status.problem or "")
    states = [step.state for step in record.status.steps[:3]]
    assert states == ["undone", "undone", "failed"]


def test_one_that_has_not_moved_yet_is_taken_back() -> None:
    record, command = left(outgoing.begun(fresh())[0])
    assert command == UndoStep("prepare")
    record, command = played((record, command), AWAY)
    assert record.status.state == "rolled_back"
    assert record.status.problem == "it was given up by hand"


def test_one_that_has_failed_leaves_what_it_made_when_it_is_given_up() -> None:
    record, command = moved()
    for _ in range(outgoing.MAX_ATTEMPTS - 1):
        record, command = played((record, command), StepDone(), AWAY)
    assert (command, record.status.state) == (None, "failed")
    record, command = left(record)
    assert (command, record.status.state) == (DoStep("forget"), "running")
    assert played((record, command), StepDone())[0].status.state == "failed"


def test_a_program_that_is_started_anew_goes_on_giving_up() -> None:
    record, _ = left(moved()[0])
    assert outgoing.resumed(record, 3.0)[1] == DoStep("forget")
    record, _ = left(played(outgoing.begun(fresh()), StepDone(), AWAY, AWAY)[0], "here")
    assert outgoing.resumed(record, 3.0)[1] == Locate()
