"""What all tests have in common."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
LANES = ("logic", "switches", "xen")
"""In the order in which one pytest runs them; ``make test`` runs the first two side by side."""

# A machine that has no time for a moment is no fault of the example that it was at.
settings.register_profile(
    "horizon",
    settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("horizon")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let ``make test`` have one lane only."""
    parser.addoption("--lane", choices=LANES, help="only the tests of this lane of make test")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare a lane the import of folders that have nothing of it, unless they were named."""
    wanted = config.getoption("--lane")
    if wanted is None or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return None
    folder = collection_path.relative_to(TESTS).parts
    if folder[:2] == ("integration", "xen"):
        return True if wanted != "xen" else None
    return True if folder[:1] in (("unit",), ("fuzz",)) and wanted != "logic" else None


def lane_of(item: pytest.Item) -> str:
    """Return the lane of a test: by what it needs that is there once per machine."""
    folder = item.path.relative_to(TESTS).parts
    if folder[:2] == ("integration", "xen"):
        return "xen"
    alone = item.get_closest_marker("no_switches") is not None
    return "switches" if folder[0] == "integration" and not alone else "logic"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the lane that is asked for; what measures shares comes last."""
    wanted = config.getoption("--lane")
    left_out = [item for item in items if wanted and lane_of(item) != wanted]
    kept = [item for item in items if not wanted or lane_of(item) == wanted]
    kept.sort(key=lambda item: (LANES.index(lane_of(item)), _measures_shares(item)))
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def _measures_shares(item: pytest.Item) -> bool:
    return item.get_closest_marker("quiet") is not None
