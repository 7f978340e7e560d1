"""Calls inside another network namespace: in a native thread that is there, and ends after it.

Sockets that are opened and programs that are started by the call belong to that namespace. The
thread of whoever calls stays where it is.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from typing import TypeVar

from xen_bridge.errors import BridgeError

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def inside_namespace(descriptor: int, function: Callable[[], T]) -> T:
    """Return ``function()``, called in the network namespace that a descriptor is open to.

    Raises what that raises, BridgeError if the namespace cannot be entered.
    """
    found: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            _enter(descriptor)
            found.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="inside a namespace", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return found[0]


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        why = os.strerror(ctypes.get_errno())
        raise BridgeError(f"the network namespace cannot be entered: {why}")
