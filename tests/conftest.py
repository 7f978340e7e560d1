"""What all tests have in common."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from examples import THOROUGH
from heeded_interrupt import HeededInterrupt
from quiet_turn import QuietTurn, measures_shares
from time_spent import TimeSpent

TESTS = Path(__file__).parent
LANES = (
    "logic",
    "models",
    "processes",
    "slicers",
    "planes",
    "routers",
    "switches",
    "links",
    "entries",
    "experiments",
    "networks",
    "xen",
)
"""In the order in which one pytest runs them; ``make test`` runs most of them side by side."""
MODELLED = ("core", "discovery", "simulated", "slicing", "spanning_tree", "wire")
"""Parts of the unit tests that go through all that may happen: with the fuzz tests, a lane's."""
PLANES = (
    "test_link_tunnels.py",
    "test_plane_migration.py",
    "test_plane_protocols.py",
    "test_planes_command.py",
    "test_planes_data.py",
    "test_planes_fib.py",
    "test_planes_fpm.py",
    "test_planes_ipv6.py",
    "test_planes_skipped.py",
    "test_separated_ospf.py",
    "test_separated_planes.py",
    "test_turned_frames.py",
)
ROUTERS = (
    "test_neighbor_scan.py",
    "test_netlink.py",
    "test_netns_domains.py",
    "test_netns_migration.py",
    "test_netns_routers.py",
    "test_router_migration.py",
    "test_router_page.py",
    "test_router_restarts.py",
    "test_router_topology.py",
)
SHOWN_AND_MEASURED = (
    "test_example_share.py",
    "test_examples.py",
    "test_live_picture.py",
    "test_real_stats.py",
    "test_slicer_bandwidth.py",
)
"""With the routers: there was room, and no real Xen is beside them that takes processors."""
LINKS = (
    "test_emulated_network.py",
    "test_foreign_bridges.py",
    "test_real_moving_stations.py",
)
ENTRIES = (
    "test_real_flows.py",
    "test_real_migrations.py",
    "test_undisturbed_flows.py",
)
EXPERIMENTS = (
    "test_experiments.py",
    "test_page.py",
    "test_relayed_probes.py",
)
NETWORKS = (
    "test_base_entries.py",
    "test_live_clients.py",
    "test_real_ipv6_flows.py",
    "test_real_ipv6_hosts.py",
    "test_real_needs_and_tables.py",
)
SLICERS = (
    "test_liars.py",
    "test_live_answering_less.py",
    "test_slicer.py",
    "test_slicer13.py",
    "test_slicer13_objects.py",
    "test_slicer_killed.py",
    "test_slicer_tenants.py",
    "test_slices_page.py",
    "test_slicing_application.py",
)
APART = {
    **dict.fromkeys(PLANES, "planes"),
    **dict.fromkeys(ROUTERS + SHOWN_AND_MEASURED, "routers"),
    **dict.fromkeys(LINKS, "links"),
    **dict.fromkeys(ENTRIES, "entries"),
    **dict.fromkeys(EXPERIMENTS, "experiments"),
    **dict.fromkeys(NETWORKS, "networks"),
    **dict.fromkeys(SLICERS, "slicers"),
}
"""Lanes of modules of integration and live tests that are wholly in one, so that those which begin
together end together.

What is not here is with the processes or with the switches, by its marker.
"""
BUILDS = "test_installed_wheels.py"
"""It builds and installs, which is computing, and needs no network of its own."""

# A machine that has no time for a moment is no fault of the example that it was at.
settings.register_profile(
    "horizon",
    settings.default,
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(THOROUGH, settings.get_profile("horizon"), max_examples=300)
settings.load_profile("horizon")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let ``make test`` have one lane only, and tell it when the machine is its own."""
    parser.addoption("--lane", choices=LANES, help="only the tests of this lane of make test")
    parser.addoption(
        "--quiet-when", type=Path, help="what measures shares waits until there is this file"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Have a lane tell, at its end, where its time went, and wait and end where it has to."""
    config.pluginmanager.register(HeededInterrupt())
    if config.getoption("--lane") is not None:
        config.pluginmanager.register(TimeSpent(TESTS))
    if (ended := config.getoption("--quiet-when")) is not None:
        config.pluginmanager.register(QuietTurn(ended))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare a lane the import of what is another's, unless it was named."""
    wanted = config.getoption("--lane")
    if wanted is None or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return None
    place = collection_path.relative_to(TESTS).parts
    return None if wanted in lanes_at(place) else True


def lanes_at(place: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lanes that tests at a place may be in: parts of a folder's path, or a module's."""
    match place:
        case ("integration",):
            return LANES[1:]
        case ("integration", "xen", *_):
            return ("xen",)
        case ("integration", name) if name == BUILDS:
            return ("models",)
        case ("integration", *_, name) if name in APART:
            return (APART[name],)
        case ("integration", name) if not name.endswith(".py"):
            return ("processes", "routers", "slicers", "switches", "experiments")
        case ("integration", *_):
            return ("processes", "switches")
        case ("fuzz",):
            return ("models", "processes", "slicers", "networks")
        case ("fuzz", name) if name in APART:
            return (APART[name],)
        case ("fuzz", name):
            return ("processes",) if name.startswith("test_live_") else ("models",)
        case ("unit", part, *_):
            return ("models",) if part in MODELLED else ("logic",)
        case _:
            return ("logic", "models")


def lane_of(item: pytest.Item) -> str:
    """Return the lane of a test: by what it needs, and what it does meanwhile.

    Two lanes compute, the others wait for programs that they started.
    """
    lanes = lanes_at(item.path.relative_to(TESTS).parts)
    if len(lanes) == 1:
        return lanes[0]
    return "switches" if item.get_closest_marker("no_switches") is None else "processes"


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Have what is read and imported not be walked while there is more and more of it."""
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the lane that is asked for; what measures shares comes last."""
    wanted = config.getoption("--lane")
    left_out = [item for item in items if wanted and lane_of(item) != wanted]
    kept = [item for item in items if not wanted or lane_of(item) == wanted]
    kept.sort(key=lambda item: (LANES.index(lane_of(item)), measures_shares(item)))
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def pytest_collection_finish() -> None:
    """Take what was imported for permanent: the collector walks it again and again otherwise."""
    gc.enable()
    gc.collect()
    gc.freeze()
