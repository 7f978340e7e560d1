"""Claim: whose a node's files are: a service's, or for a while that of a program in its place.

A service that is started takes precedence: who waits for a claim holds another lock, by which the
program in its place sees that it is to let go.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from pathlib import Path
from typing import IO

LOG = logging.getLogger(__name__)
WAITING = ".wanted"
"""Of the file that is locked while a service waits."""
_TURN = 0.05
_LONGEST = 120.0


class Claim:
    """A lock on a file, until it is closed or the program ends, however that comes about."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def of_service(cls, path: Path, seconds: float = _LONGEST) -> Claim:
        """Return a service's claim, when no program works in its place any more.

        That one is asked to let go. Raises BlockingIOError if that takes longer than ``seconds``.
        """
        over = time.monotonic() + seconds
        waiting: Claim | None = None
        try:
            while True:
                try:
                    return cls._locked(path, fcntl.LOCK_SH)
                except BlockingIOError:
                    if time.monotonic() > over:
                        why = "what an earlier start of it left is still being ended"
                        raise BlockingIOError(errno.EAGAIN, why, str(path)) from None
                waiting = waiting or cls._waiting(path)
                time.sleep(_TURN)
        finally:
            if waiting is not None:
                waiting.close()

    @classmethod
    def _waiting(cls, path: Path) -> Claim | None:
        try:
            made = cls._locked(_beside(path), fcntl.LOCK_SH)
        except BlockingIOError:
            # Somebody looks at this moment.
            return None
        LOG.warning("what was begun by an earlier start is taken over from who goes on with it")
        return made

    @classmethod
    def is_wanted(cls, path: Path) -> bool:
        """Tell whether a service waits for the claim of a program in its place."""
        try:
            cls._locked(_beside(path), fcntl.LOCK_EX).close()
        except BlockingIOError:
            return True
        return False

    @classmethod
    def in_its_place(cls, path: Path) -> Claim | None:
        """Return the claim of a program in a service's place; None while a service is there."""
        try:
            return cls._locked(path, fcntl.LOCK_EX)
        except BlockingIOError:
            return None

    @classmethod
    def _locked(cls, path: Path, how: int) -> Claim:
        file = open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")  # noqa: SIM115
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise
        return cls(file)

    def close(self) -> None:
        """End it."""
        self._file.close()


def _beside(path: Path) -> Path:
    return path.with_name(path.name + WAITING)
