"""First process of a domain: makes its namespaces, waits for the word, runs its program, reaps.

It is run by its path, with nothing but the standard library. It tells the pid of the process it
leaves behind, which then reads one line of JSON: at end of file instead, it ends, so that a
service killed half-way leaves nothing. When it ends, however, all else in the domain does.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

_NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""CLONE_NEWNS, NEWUTS, NEWIPC, NEWPID, NEWNET (linux/sched.h)."""
_MS_REC_PRIVATE = 0x4000 | 0x40000
_FORWARDING = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")
_GRACE = 10
"""Seconds from a shutdown until whoever has not ended is ended."""
_WAITED_FOR = (signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM)
_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Leave the first process of a domain behind, and print its pid."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    if _LIBC.unshare(_NAMESPACES):
        sys.exit(f"unshare: {os.strerror(ctypes.get_errno())}")
    pid = os.fork()
    if pid:
        os.write(1, f"{pid}\n".encode())
        return
    try:
        line = sys.stdin.buffer.readline()
        if line:
            program = _begin(json.loads(line))
            os.write(1, b"ok\n")
            _to_nowhere()
            _live(program)
    except (OSError, ValueError) as error:
        os.write(1, f"{error}\n".encode())


def _begin(wanted: dict[str, Any]) -> int | None:
    """Make the domain what is ``wanted``, and return the pid of its program."""
    _mount(None, b"/", None, _MS_REC_PRIVATE)
    _mount(b"proc", b"/proc", b"proc", 0)
    with suppress(OSError):
        # What is in /sys/class/net is of the namespace it was mounted in; not everybody may.
        _mount(b"sysfs", b"/sys", b"sysfs", 0)
    name = wanted["name"].encode()
    if _LIBC.sethostname(name, len(name)):
        raise OSError(ctypes.get_errno(), "sethostname")
    for switch in _FORWARDING:
        with suppress(FileNotFoundError):
            Path("/proc/sys/net", switch).write_text("1")
    os.chdir("/")
    _set_up(wanted)
    words = wanted["program"]
    return _spawned(words) if words else None


def _set_up(wanted: dict[str, Any]) -> None:
    """Give the domain folders of its own, with files, and start what runs beside its program."""
    for path, options in wanted["folders"]:
        os.makedirs(path, exist_ok=True)
        _mount(b"tmpfs", path.encode(), b"tmpfs", 0, options.encode())
    for path, text, owner in wanted["files"]:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w") as file:
            os.fchown(file.fileno(), *owner)
            file.write(text)
    for words in wanted["commands"]:
        _spawned(words)


def _spawned(words: list[str]) -> int:
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    environment = {"PATH": os.defpath + ":/usr/sbin:/sbin", "HOME": "/"}
    return os.posix_spawn(words[0], words, environment, file_actions=nowhere, setsigmask=())


def _mount(
    source: bytes | None,
    target: bytes,
    kind: bytes | None,
    flags: int,
    options: bytes | None = None,
) -> None:
    if _LIBC.mount(source, target, kind, ctypes.c_ulong(flags), options):
        raise OSError(ctypes.get_errno(), f"mount of {target.decode()}")


def _to_nowhere() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)


def _live(program: int | None) -> None:
    """Return when the program has ended, or all has that was to shut down."""
    is_ending = False
    while True:
        told = signal.sigwait(_WAITED_FOR)
        if told == signal.SIGALRM:
            return
        if told == signal.SIGTERM:
            is_ending = True
            signal.alarm(_GRACE)
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGTERM)
        try:
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                if pid == program and not is_ending:
                    return
        except ChildProcessError:
            if is_ending or program is not None:
                return


if __name__ == "__main__":
    main()
