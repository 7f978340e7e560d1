"""Lets simulated switches answer while something waits for the controller."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from bench.controller import Controller
from virtual_switch.load_network import LoadNetwork

Answer = TypeVar("Answer")
PATIENCE = 120.0
"""Seconds that switches and links have to be known in: what is measured comes after that."""


def while_serving(network: LoadNetwork, call: Callable[[], Answer], seconds: float) -> Answer:
    """Return what ``call``, in a thread of its own, returns; TimeoutError after so many seconds."""
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ended = network.run(lambda: bool(answers or errors), time.monotonic() + seconds)
    if errors:
        raise errors[0]
    if not ended:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return answers[0]


def connect(controller: Controller, network: LoadNetwork, links: int) -> None:
    """Connect all switches, and wait until the controller knows so many links."""
    deadline = time.monotonic() + PATIENCE
    network.connect(controller.address, deadline)
    if not network.run(network.joined, deadline):
        raise RuntimeError(f"not all switches joined\n{controller.trouble()}")
    while while_serving(network, lambda: _links(controller), PATIENCE) < links:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all links were found\n{controller.trouble()}")
        _take_back(network, controller.address, deadline)
        network.run_for(1)


def _take_back(network: LoadNetwork, address: tuple[str, int], deadline: float) -> None:
    """Connect again whom the controller gave up because a busy machine kept it from answering."""
    for lost in [switch for switch in network.switches.values() if switch.closed]:
        ports = [port.number for port in lost.switch.datapath.ports]
        network.join(type(lost)(lost.dpid, ports, lost.version), address, deadline)


def _links(controller: Controller) -> int:
    links = controller.ask("GET", "/v1/topology")["links"]
    return sum(link["bidirectional"] for link in links)
