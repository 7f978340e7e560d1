"""A controller whose loops are sick says so, and ends when nothing mends them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.supervision import EXIT_STATUS
from tools.controller_process import ControllerProcess, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]
ORDERS = "HORIZON_SICK"
"""As in sick_loops.py, which changes whatever process imports it."""
LOOP = "Discovery._publish"
LONG = 120.0


class Sick:
    """A controller, and the order to its loops."""

    def __init__(self, folder: Path) -> None:
        self._orders = folder / "orders"
        apps = ("horizon_ryu.bundle", str(Path(__file__).with_name("sick_loops.py")))
        self.controller = ControllerProcess(
            folder,
            apps,
            f"[rest]\ntokens_file = {self._tokens(folder)}",
            {ORDERS: str(self._orders)},
        )

    @staticmethod
    def _tokens(folder: Path) -> Path:
        path = folder / "tokens"
        path.write_text("monitor monitor-token-0001\n", encoding="utf-8")
        path.chmod(0o600)
        return path

    def order(self, text: str) -> None:
        self._orders.write_text(text, encoding="utf-8")

    def status(self) -> Any:
        return self.controller.get("/v1/health")


@pytest.fixture
def sick(tmp_path: Path) -> Iterator[Sick]:
    made = Sick(tmp_path)
    made.controller.start()
    yield made
    made.controller.stop()


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("fails", f"{LOOP} has failed "),
        ("hangs", f"{LOOP} has not turned for "),
    ],
)
def test_what_nothing_mends_ends_the_process_so_that_it_is_started_again(
    sick: Sick, order: str, said: str
) -> None:
    assert sick.status().keys() == {"status"}
    sick.order(order)
    assert sick.controller.wait_for_end(LONG) == EXIT_STATUS
    last = [line for line in sick.controller.log().splitlines() if "CRITICAL" in line]
    assert said in last[-1]
    assert last[-1].endswith("ending, to be started again")


def test_what_breaks_the_accept_loop_leaves_switches_a_door(sick: Sick) -> None:
    sick.order("deaf")
    address = ("127.0.0.1", sick.controller.openflow_port)
    with socket.create_connection(address, LONG):
        wait_until(lambda: "server openflow failed" in sick.controller.log(), LONG, "told")
    assert sick.status() == {"status": "degraded"}
    sick.order("")
    with socket.create_connection(address, LONG) as switch:
        switch.settimeout(LONG)
        assert switch.recv(8)[1] == 0, "a Hello"


def test_a_loop_that_is_well_again_in_time_ends_nothing(sick: Sick) -> None:
    sick.order("hangs once")
    wait_until(lambda: "it is begun again" in sick.controller.log(), LONG, "begun again")
    assert sick.status() == {"status": "degraded"}
    log = sick.controller.log
    assert "Traceback" not in log()
    assert sick.controller.stop() == 0
