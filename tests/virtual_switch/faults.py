"""Faults: what a switch does wrong on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from virtual_switch.refusal import SwitchRefusal


@dataclass(slots=True)
class Faults:
    """By default none. The callables are given a message of the controller, decoded.

    ``refuse`` returns the error that is answered, ``ignore`` whether the switch does nothing and
    says nothing, ``close`` whether it hangs up. Each message waits for ``delay`` seconds; barriers
    do not if ``lies``. A ``silent`` switch does all and answers nothing. ``mangle`` is given all
    bytes for the controller and returns those that leave.
    """

    refuse: Callable[[Any], SwitchRefusal | None] = lambda _message: None
    ignore: Callable[[Any], bool] = lambda _message: False
    close: Callable[[Any], bool] = lambda _message: False
    delay: float = 0.0
    lies: bool = False
    silent: bool = False
    mangle: Callable[[bytes], bytes] = lambda data: data
