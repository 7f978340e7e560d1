"""The commands that build the lab: logged, and explained when they fail."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from topologies.lab.places import Places


class LabError(Exception):
    """The lab cannot be built or started; the message says what to do."""


def run(places: Places, command: Sequence[str], text: str | None = None) -> str:
    """Run ``command``, return what it wrote to stdout; LabError if it fails."""
    with places.log.open("a", encoding="utf-8") as log:
        print("$", *command, file=log, flush=True)
        try:
            done = subprocess.run(
                command, input=text, stdout=subprocess.PIPE, stderr=log, text=True, check=False
            )
        except FileNotFoundError as error:
            raise LabError(f"{command[0]} is not installed: run make setup as root") from error
    if done.returncode != 0:
        raise LabError(f"{command[0]} failed; {places.log} says why")
    return done.stdout


def wait_until(
    problem: Callable[[], str],
    seconds: float,
    pause: float = 0.1,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return when ``problem`` tells of none (""); LabError with the last one after ``seconds``.

    These are of ``clock``: of the wall, or of the work of whoever is waited for.
    """
    until = clock() + seconds
    while said := problem():
        if clock() > until:
            raise LabError(f"{said}, after {seconds:g} s")
        time.sleep(pause)


def fingerprint(parts: Iterable[str], files: Iterable[Path]) -> str:
    """Return what identifies ``parts`` and the contents of ``files``."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    for path in sorted(files):
        digest.update(str(path.name).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_current(places: Places, name: str, wanted: str) -> bool:
    """Tell whether ``name`` was made from what ``wanted`` identifies."""
    try:
        return places.made_from(name).read_text(encoding="ascii") == wanted
    except FileNotFoundError:
        return False


def remember(places: Places, name: str, made_from: str) -> None:
    """Note what ``name`` was made from."""
    places.made_from(name).write_text(made_from, encoding="ascii")
