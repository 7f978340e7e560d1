"""Written output: commands whose output gets where it goes, or that fail in one line."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from xen_bridge.one_line import in_one_line

_LONGEST_REASON = 100
_NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE)


class WrittenGroup(click.Group):
    """An outermost group; see :func:`written`."""

    def main(self, *args: Any, **more: Any) -> Any:
        """Carry a command line out."""
        return written(super().main, *args, **more)


class WrittenCommand(click.Command):
    """A program of one command; see :func:`written`."""

    def main(self, *args: Any, **more: Any) -> Any:
        """Carry a command line out."""
        return written(super().main, *args, **more)


def written(run: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """Call ``run``, and have written what was said; SystemExit with 1, and a line, if that fails.

    A full disk is no fault of a program. Whoever stops reading (``| head``) is told nothing.
    """
    try:
        try:
            return run(*args, **more)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if error.errno not in _NOT_WRITTEN:
            raise
        _drop_output()
        if error.errno != errno.EPIPE:
            reason = in_one_line(error.strerror or str(error), _LONGEST_REASON)
            click.echo(f"Error: the output cannot be written: {reason}", err=True)
        sys.exit(1)


def _drop_output() -> None:
    """Have nothing left that the end of the program would try to write again."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        # It is no file, or is closed: then there is nothing to write.
        return
