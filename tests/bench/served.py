"""Lets simulated switches answer while something waits for the controller."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from bench.controller import Controller
from virtual_switch.load_network import LoadNetwork

Answer = TypeVar("Answer")
PATIENCE = 240.0
"""Seconds that switches and links have to be known in: what is measured comes after that."""
LOOK_SECONDS = 0.5
"""Between two looks for switches that were lost."""


def while_serving(
    network: LoadNetwork,
    call: Callable[[], Answer],
    seconds: float,
    address: tuple[str, int] | None = None,
) -> Answer:
    """Return what ``call``, in a thread of its own, returns; TimeoutError after so many seconds.

    With the controller's ``address``, switches that it gives up meanwhile are connected again.
    """
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    now = time.monotonic()
    deadline, looked = now + seconds, now

    def is_over() -> bool:
        nonlocal looked
        if address is not None and time.monotonic() > looked + LOOK_SECONDS:
            _take_back(network, address, deadline)
            looked = time.monotonic()
        return bool(answers or errors)

    ended = network.run(is_over, deadline)
    if errors:
        raise errors[0]
    if not ended:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return answers[0]


def connect(controller: Controller, network: LoadNetwork, links: int) -> None:
    """Connect all switches, and wait until the controller knows so many links."""
    deadline = time.monotonic() + PATIENCE
    network.connect(controller.address, deadline)
    while not (
        network.joined()
        and while_serving(network, lambda: _links(controller), PATIENCE, controller.address)
        >= links
    ):
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all switches or links are there\n{controller.trouble()}")
        while_serving(network, partial(time.sleep, 1), PATIENCE, controller.address)


def _take_back(network: LoadNetwork, address: tuple[str, int], deadline: float) -> None:
    """Connect again whom the controller gave up because a busy machine kept it from answering."""
    for lost in [switch for switch in network.switches.values() if switch.closed]:
        ports = [port.number for port in lost.switch.datapath.ports]
        network.join(type(lost)(lost.dpid, ports, lost.version), address, deadline)


def _links(controller: Controller) -> int:
    links = controller.ask("GET", "/v1/topology")["links"]
    return sum(link["bidirectional"] for link in links)
