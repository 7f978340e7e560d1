"""Fixtures of the integration tests: everything is taken down whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.shared_network import SharedLab, by_stage
from tools import fork_server
from tools.flow_lab import FlowLab
from tools.lab import Lab

_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note that a test failed: the network that it had is not given to another."""
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have tests that share a network run one after the other."""
    items[:] = by_stage(items)


@pytest.fixture(scope="session", autouse=True)
def _fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What controllers are forked from: most tests are not about how one starts."""
    with fork_server.serving(tmp_path_factory.mktemp("fork")):
        yield


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A controller and a network, both still to be started by ``lab.build``."""
    made = Lab(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def flow_lab(tmp_path: Path) -> Iterator[FlowLab]:
    """The same for tests of flows; ``flow_lab.stage`` starts both."""
    made = FlowLab(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def make_lab() -> Callable[[Path], Lab]:
    """What makes the labs that tests of a module share; modules have their own."""
    return FlowLab


@pytest.fixture(scope="module")
def staged(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    make_lab: Callable[[Path], Lab],
) -> Iterator[SharedLab]:
    """The network of ``shared_network.on``."""
    made = SharedLab(make_lab, lambda: tmp_path_factory.mktemp("lab"), request.param)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def shared_lab(request: pytest.FixtureRequest, staged: SharedLab) -> Iterator[Any]:
    """A lab on that network, as it was at first."""
    yield staged.ready()
    staged.give_back(failed=request.node.stash.get(_FAILED, True))
