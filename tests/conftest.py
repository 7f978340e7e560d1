"""What all tests have in common."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A machine that has no time for a moment is no fault of the example that it was at.
settings.register_profile(
    "horizon",
    settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("horizon")
