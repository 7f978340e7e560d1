from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from horizon_ryu.capacity import REST_CONNECTIONS, Capacity, capacity
from xen_bridge.serving.descriptors import for_connections


def test_the_limit_is_raised_to_what_is_allowed() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    code = (
        "import resource; from xen_bridge.serving.descriptors import raise_limit;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (100, {hard}));"
        "print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == [str(hard)] * 3


@pytest.mark.parametrize("limit", [1, 64, 65, 128, 256, 1024, 4096, 20_000, 1 << 20])
def test_shares_never_exceed_what_there_is(limit: int) -> None:
    found = capacity(limit, 8192)
    assert found.openflow >= 1
    assert found.rest >= 1
    if limit > 65:
        assert found.openflow + found.rest <= for_connections(limit) < limit


def test_enough_descriptors_give_what_is_configured() -> None:
    assert capacity(1 << 20, 8192) == Capacity(8192, REST_CONNECTIONS)


def test_too_few_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert capacity(1024, 8192) == Capacity(672, 224)
    assert "at most 672 OpenFlow connections, not 8192" in caplog.text


@pytest.mark.parametrize("limit", [1, 128, 256, 1024, 1 << 20])
def test_no_address_has_all_places_where_there_are_several(limit: int) -> None:
    shares = capacity(limit, 8192)
    for of_one, of_all in (
        (shares.rest_per_address, shares.rest),
        (shares.openflow_per_address, shares.openflow),
    ):
        assert 1 <= of_one <= of_all
        assert of_one < of_all or of_all == 1
