"""Network namespaces of this machine: known by their inode, and calls that are made in one.

Whoever lives in a namespace may be started anew elsewhere, or end: its inode stays the same for as
long as it is there (namespaces(7)).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from xen_bridge.errors import BridgeError, SubjectNotFound
from xen_bridge.netlink.inside_namespace import inside_namespace

Result = TypeVar("Result")
PROC, NAMES = Path("/proc"), Path("/run/netns")
OWN = Path("/proc/thread-self/ns/net")


def inode_of(path: Path = OWN) -> int:
    """Return the inode of a network namespace, of the calling thread's unless told otherwise."""
    return path.stat().st_ino


def path_of(inode: int, pid: int | None = None) -> Path:
    """Return a path to the network namespace with that inode, asking the process ``pid`` first.

    SubjectNotFound if no process is in it and it has no name: then it may be gone.
    """
    for path in _doors(pid):
        try:
            if path.stat().st_ino == inode:
                return path
        except OSError:
            continue
    raise SubjectNotFound(f"the network namespace {inode} is not to be found on this machine")


def _doors(pid: int | None) -> Iterator[Path]:
    if pid is not None:
        yield PROC / str(pid) / "ns" / "net"
    if NAMES.is_dir():
        yield from sorted(NAMES.iterdir())
    yield from (PROC / name / "ns" / "net" for name in os.listdir(PROC) if name.isdecimal())


def inside(path: Path, function: Callable[..., Result], *args: Any) -> Result:
    """Return ``function(*args)``, called in the network namespace that a path leads to.

    As :func:`~xen_bridge.netlink.inside_namespace.inside_namespace` does.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise BridgeError(f"{path} cannot be entered: {error.strerror}") from error
    try:
        return inside_namespace(descriptor, partial(function, *args))
    finally:
        os.close(descriptor)
