"""What hostile input meets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools import fork_server


@pytest.fixture(scope="session")
def forked_controllers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What controllers are forked from: how one starts is not what is attacked."""
    with fork_server.serving(tmp_path_factory.mktemp("fork")):
        yield


@pytest.fixture(scope="session")
def guarded_controllers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What controllers with nothing but guarded connections are forked from."""
    # To import it takes the other lane, which has none of them, a second.
    from fuzz.guarded_controller import forked

    with forked(tmp_path_factory.mktemp("guarded")):
        yield
