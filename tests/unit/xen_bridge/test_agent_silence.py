"""An agent that is dead for good is told of; one that is late, paused, or moves is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.xen_bridge.test_separated_routers import HELLO, PK, WHOLE, Host, a_domain
from xen_bridge.protocol.documents.domains import State
from xen_bridge.separation.agent_silence import LATE_SECONDS, SILENCE_SECONDS
from xen_bridge.separation.plane_report import check_lines, list_lines
from xen_bridge.separation.registry import WATCH_SECONDS


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path / "planes")
    made.routers.hello(PK, HELLO)
    made.tell(1, WHOLE)
    return made


def passes(host: Host, seconds: float, says_hello: bool = False) -> None:
    over = host.now + seconds
    while host.now < over:
        host.now = min(host.now + WATCH_SECONDS, over)
        if says_hello:
            host.routers.hello(PK, HELLO)
        host.routers.turn()


def test_one_that_is_silent_for_long_is_told_until_it_speaks(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    passes(host, 3 * SILENCE_SECONDS, says_hello=True)
    passes(host, SILENCE_SECONDS - WATCH_SECONDS)
    assert (host.routers.silent(), host.plane().silent_s) == ((), None)
    passes(host, 2 * WATCH_SECONDS)
    assert host.routers.silent() == ("r1",)
    plane = host.plane()
    assert (plane.state, plane.silent_s) == ("separated", SILENCE_SECONDS + WATCH_SECONDS)
    said = "  silent: its agent has said nothing for 62 s; its routes may have changed since"
    assert said in list_lines([plane])
    assert said in check_lines([plane], {})
    passes(host, WATCH_SECONDS, says_hello=True)
    assert (host.routers.silent(), host.plane().silent_s) == ((), None)
    assert [one for one in caplog.messages if "the agent of" in one] == [
        "the agent of r1 says nothing",
        "the agent of r1 speaks again",
    ]


@pytest.mark.parametrize("state", ["paused", "shutdown"])
def test_one_that_stands_still_is_not_and_has_time_again_behind_that(
    host: Host, state: State
) -> None:
    host.hypervisor.known["r1"] = replace(a_domain(), state=state)
    passes(host, 10 * SILENCE_SECONDS)
    assert (host.routers.silent(), host.plane().silent_s) == ((), None)
    host.hypervisor.known["r1"] = a_domain()
    passes(host, SILENCE_SECONDS - WATCH_SECONDS)
    assert host.routers.silent() == ()
    passes(host, 2 * WATCH_SECONDS)
    assert host.routers.silent() == ("r1",)


def test_one_that_moves_is_not(host: Host) -> None:
    host.routers.pin("r1")
    passes(host, 10 * SILENCE_SECONDS)
    assert host.routers.silent() == ()
    host.routers.unpin("r1")
    passes(host, SILENCE_SECONDS + WATCH_SECONDS)
    assert host.routers.silent() == ("r1",)


def test_nobody_is_silent_because_we_stood_still(host: Host) -> None:
    host.now += 100 * SILENCE_SECONDS
    host.routers.turn()
    assert host.routers.silent() == ()
    passes(host, SILENCE_SECONDS - LATE_SECONDS - WATCH_SECONDS)
    assert host.routers.silent() == ()


def test_one_whose_hypervisor_is_away_is_silent_all_the_same(host: Host) -> None:
    host.hypervisor.is_away = True
    passes(host, SILENCE_SECONDS + WATCH_SECONDS)
    assert host.routers.silent() == ("r1",)


def test_one_that_is_gone_is_told_no_more(host: Host) -> None:
    passes(host, SILENCE_SECONDS + WATCH_SECONDS)
    del host.hypervisor.known["r1"]
    passes(host, WATCH_SECONDS)
    assert host.routers.silent() == ()
