"""A controller that is held up while stations answer it believes what they said in time."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.test_liars import MAC, OTHER, alarms, joined, place, says
from tools.controller_process import ControllerProcess
from virtual_switch.lively import LivelyNetwork

pytestmark = [pytest.mark.integration, pytest.mark.no_switches, pytest.mark.timeout(600)]
CONFIG = """
[discovery]
host_idle = {idle}
[spanning_tree]
port_hold_time = 0.5
[guard]
echo_interval = 30
"""
HELD_SECONDS = 4.0
"""Longer than any answer of a station is waited for, shorter than any of a switch."""
HOME = 1, 1


@contextmanager
def network(folder: Path, idle: float = 0) -> Iterator[LivelyNetwork]:
    with (
        ControllerProcess(folder, config=CONFIG.format(idle=idle)) as controller,
        LivelyNetwork(controller) as made,
    ):
        made.add(1)
        made.add(2)
        joined(made, 1, 2)
        says(made, *HOME, MAC, 1)
        made.wait(lambda: place(made) == HOME, "it is known")
        made.frames.clear()
        yield made
    assert "Traceback" not in controller.log()


def questions(found: LivelyNetwork) -> int:
    """Return how often the station was asked where it is."""
    return sum((dpid, port) == HOME and frame[:6] == MAC for dpid, port, frame in found.frames)


@contextmanager
def held_up(found: LivelyNetwork) -> Iterator[None]:
    """Hold the controller up until all that it waits for is late; switches go on."""
    os.kill(found.controller.pid, signal.SIGSTOP)
    try:
        yield
        found.run_for(HELD_SECONDS)
    finally:
        os.kill(found.controller.pid, signal.SIGCONT)


def test_a_station_that_answers_meanwhile_keeps_its_place(tmp_path: Path) -> None:
    with network(tmp_path) as found:
        says(found, 2, 2, MAC)
        assert found.run(lambda: questions(found), float("inf"))
        with held_up(found):
            says(found, *HOME, MAC, 1)
        found.wait(lambda: alarms(found, "alarm_spoofed_host"), "the newcomer is unmasked")
        assert place(found) == HOME


def test_a_station_that_answers_the_last_question_meanwhile_is_not_gone(tmp_path: Path) -> None:
    with network(tmp_path, idle=1) as found:
        assert found.run(lambda: questions(found) >= 3, float("inf"))
        with held_up(found):
            says(found, *HOME, MAC, 1)
        says(found, 2, 2, OTHER, 2)
        found.wait(lambda: place(found, OTHER) == (2, 2), "what came later was taken note of")
        assert place(found) == HOME
