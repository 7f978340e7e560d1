"""Start of a developers' program: an interrupt, a mistake or a missing program is no traceback.

Who starts one as ``python -m tools.…`` may press Ctrl-C while its modules are loaded: see
:mod:`tools`. Later the first signal that ends it has it take down what it made; it is not
interrupted in that by others, and ends as by the first.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from topologies.errors import NetworkError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TOLD = (AssertionError, NetworkError, OSError, subprocess.SubprocessError)
"""What is told in a line: of networks, of files and programs, and of what was waited for."""
_UNTOUCHED = (signal.SIG_DFL, signal.default_int_handler)


class _Ending:
    """The first signal to end, once it has come."""

    def __init__(self) -> None:
        self.signum = 0

    def __call__(self, signum: int, _frame: FrameType | None) -> None:
        if not self.signum:
            self.signum = signum
            raise KeyboardInterrupt


def carry_out(main: Callable[[], int | None]) -> NoReturn:
    """Run ``main``; the process ends with the status that it returns."""
    ending = _Ending()
    for signum in SIGNALS:
        # Of a program in the background a shell has SIGINT ignored, nohup SIGHUP.
        if signal.getsignal(signum) in _UNTOUCHED:
            signal.signal(signum, ending)
    status: int | str | None
    try:
        status = main()
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except TOLD as error:
        status = 1 if ending.signum else f"{_name()}: {_told(error)}"
    if ending.signum:
        signal.signal(ending.signum, signal.SIG_DFL)
        os.kill(os.getpid(), ending.signum)
    sys.exit(status)


def arguments(about: str | None) -> argparse.ArgumentParser:
    """Return what understands the words of a program that is described by ``about``."""
    return argparse.ArgumentParser(
        prog=_name(),
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def as_root(needed_for: str) -> None:
    """Have the program end here, with a line, unless it is run as root."""
    if os.geteuid():
        sys.exit(f"{_name()}: {needed_for}: run it as root")


def _name() -> str:
    """Return what the program is started by."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is None:
        return os.path.basename(sys.argv[0])
    return f"python -m {spec.name.removesuffix('.__main__')}"


def _told(error: BaseException) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        said = (error.stderr or b"") if isinstance(error.stderr, bytes | str) else b""
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        words = error.cmd if isinstance(error.cmd, str) else " ".join(map(str, error.cmd))
        return f"{words}: status {error.returncode} {text.strip()[-500:]}".rstrip()
    return str(error) or type(error).__name__
