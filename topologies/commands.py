"""Running a program with a deadline and a word about what went wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from topologies.errors import NetworkError

COMMAND_SECONDS = 30.0


def run(command: Sequence[str], seconds: float = COMMAND_SECONDS) -> str:
    """Return what ``command`` prints; NetworkError when it fails or takes over ``seconds``."""
    status, output = attempt(command, seconds)
    if status != 0:
        raise NetworkError(f"{' '.join(command[:6])}: {output.strip()[-500:]}")
    return output


def attempt(command: Sequence[str], seconds: float = COMMAND_SECONDS) -> tuple[int, str]:
    """Return the exit status and all the words of ``command``; NetworkError at the deadline."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NetworkError(f"{' '.join(command[:6])}: not done within {seconds:g} s") from error
    except OSError as error:
        raise NetworkError(f"{command[0]}: {error.strerror}") from error
    return done.returncode, done.stdout.decode(errors="replace")
