"""Written group: commands whose output must get where it goes, or that is told in one line."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from horizon_ryu.cli.asking import Failed


class WrittenGroup(click.Group):
    """The outermost group: what cannot be written, to a full disk say, fails as other things do.

    Whoever stops reading (``| head``) is no failure; click sees to that.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Carry the command out, and have all that it says written."""
        try:
            return _flushed(super().invoke, ctx)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            _drop_output()
            raise Failed(f"the output cannot be written: {error.strerror or error}") from error


def _flushed(call: Callable[[click.Context], Any], ctx: click.Context) -> Any:
    try:
        return call(ctx)
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _drop_output() -> None:
    """Have nothing left that the end of the program would try to write again."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        # It is no file, or is closed: then there is nothing to write.
        return
