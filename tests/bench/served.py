"""Lets simulated switches answer while something waits for the controller."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from bench.controller import Controller
from virtual_switch.load_network import LoadNetwork

Answer = TypeVar("Answer")


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
    network.connect(controller.address, time.monotonic() + 30)
    if not network.run(network.joined, time.monotonic() + 30):
        raise RuntimeError(f"not all switches joined\n{controller.trouble()}")
    deadline = time.monotonic() + 30
    while while_serving(network, lambda: _links(controller), 10) < links:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not all links were found\n{controller.trouble()}")


def _links(controller: Controller) -> int:
    links = controller.ask("GET", "/v1/topology")["links"]
    return sum(link["bidirectional"] for link in links)
