"""Program ``xen-bridge``: what it must have done before it loads the rest of itself."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from xen_bridge.serving.loading import occupy_standard, run_loaded

_SERVICES = ("serve", "agent")


def _pass_over(_signum: int, _frame: FrameType | None) -> None:
    """Have a signal end nothing; one that is ignored would be ignored by all children too."""


def pass_over_hangups(words: Sequence[str]) -> None:
    """Have SIGHUP not end a service, now or later: it has nothing that it must read again for it.

    ``words`` are those of the command. A hangup of the terminal ends all other commands.
    """
    is_service = bool(words) and words[0] in _SERVICES
    if is_service and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _pass_over)


def run() -> None:
    """Run ``xen-bridge``."""
    occupy_standard()
    pass_over_hangups(sys.argv[1:])
    # To load it takes a moment, in which a signal may come.
    run_loaded(_load)


def _load() -> Callable[[], object]:
    from xen_bridge.command import main

    return main


if __name__ == "__main__":
    run()
