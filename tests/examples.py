"""Number of examples that a test tries: few each day, many with ``--hypothesis-profile=thorough``.

It is for tests that try many of one kind, beside others that go through the kinds one by one.
"""

from __future__ import annotations

from hypothesis import settings

THOROUGH = "thorough"
"""Name of the profile in which many are tried."""


def examples(few: int, many: int) -> int:
    """Return how many examples are tried in the profile that is loaded."""
    return many if settings.get_current_profile_name() == THOROUGH else few
