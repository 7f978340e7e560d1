"""After an interrupted move: at most one copy runs, whatever both hosts have of it."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from xen_bridge.dom0.hypervisor.xen.settling import Here, Presence, Settlement, left, settled
from xen_bridge.errors import HypervisorError, RequestConflict
from xen_bridge.protocol.documents.migration import GivenUp

CASES: list[tuple[Here, Presence, Settlement]] = [
    ("running", "absent", "here"),
    ("running", "paused", "remove_copy"),
    ("off", "absent", "here"),
    ("off", "paused", "let_copy_go_on"),
    ("off", "running", "there"),
    ("gone", "paused", "let_copy_go_on"),
    ("gone", "running", "there"),
    ("suspended", "running", "there"),
]


@pytest.mark.parametrize(("here", "there", "what"), CASES)
def test_what_is_done(here: Here, there: Presence, what: Settlement) -> None:
    assert settled(here, there) == what


@pytest.mark.parametrize(
    ("here", "there", "why"),
    [
        ("running", "running", "runs at both hosts"),
        ("gone", "absent", "at neither host"),
        ("suspended", "paused", "libvirtd ended"),
        ("suspended", "absent", "libvirtd ended"),
    ],
)
def test_what_a_person_must_look_at_is_named(here: Here, there: Presence, why: str) -> None:
    with pytest.raises(HypervisorError, match=why):
        settled(here, there)


def test_while_libvirt_moves_it_nobody_can_tell() -> None:
    for here in get_args(Here):
        with pytest.raises(RequestConflict, match="still moving"):
            settled(here, "coming")
    for there in get_args(Presence):
        with pytest.raises(RequestConflict, match="still moving"):
            settled("busy", there)


def test_of_one_that_was_given_up_the_source_knows_most_and_else_somebody_has_to_say() -> None:
    for said in get_args(GivenUp):
        assert not left("running", said), "whatever is said: it runs here"
        assert left("gone", said)
        with pytest.raises(RequestConflict, match="still moving"):
            left("busy", said)
    assert (left("off", "here"), left("off", "there"), left("suspended", "there")) == (
        False,
        True,
        True,
    )
    with pytest.raises(HypervisorError, match="does not let it go on"):
        left("suspended", "here")
    for here in ("off", "suspended"):
        with pytest.raises(RequestConflict, match=f"it is {here} here: say whether"):
            left(here, "unsaid")  # type: ignore[arg-type]


def test_a_copy_is_let_go_on_only_where_nothing_runs_here_and_removed_only_where_it_does() -> None:
    for here, there in product(get_args(Here), get_args(Presence)):
        try:
            what = settled(here, there)
        except (HypervisorError, RequestConflict):
            continue
        assert what != "let_copy_go_on" or here in ("off", "gone")
        assert what != "remove_copy" or here == "running"
