"""Sessions that the pages show, typed again: what is printed is what stands there."""

from __future__ import annotations

import pytest

from tools.docs.session_labs import LABS
from tools.docs.sessions import PAGES, PROJECT, differences, steps

pytestmark = [pytest.mark.integration]


def _shown(session: str) -> list[str]:
    return [
        name for name in PAGES if any(step.session == session for step in steps(PROJECT / name))
    ]


def _expect_as_shown(name: str, session: str) -> None:
    with LABS[session]() as run:
        wrong = list(differences(PROJECT / name, session, run))
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("name", _shown("switches"))
def test_a_session_on_switches_prints_what_is_shown(name: str) -> None:
    _expect_as_shown(name, "switches")


@pytest.mark.no_switches
@pytest.mark.parametrize("session", ["slices", "routers"])
def test_a_session_without_switches_prints_what_is_shown(session: str) -> None:
    assert _shown(session) == ["README.rst"]
    _expect_as_shown("README.rst", session)
