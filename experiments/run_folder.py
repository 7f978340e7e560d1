"""The folder of a run: what it ran on, and every measurement as it came.

``run.json`` has versions, kernel, options and seed; ``rows.jsonl`` a line for each measurement,
written when it has ended, so that a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.experiment import Point, Row, Sample

ABOUT, ROWS = "run.json", "rows.jsonl"
_OPTIONS = {"names", "quick", "seed"}
_SUMMARY = {"horizon", "kernel", "begun"}


class RunError(Exception):
    """A folder holds no run, or another one than is meant."""


class RunFolder:
    """A run's files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / ABOUT).exists()

    def begin(self, about: Mapping[str, Any]) -> None:
        """Write what the run is of; RunError if another one was begun here, or it cannot be."""
        text = json.dumps(about, indent=2, sort_keys=True)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with (self.path / ABOUT).open("x", encoding="utf-8") as file:
                file.write(text + "\n")
        except FileExistsError:
            told = "has a run already: resume it, or name another folder"
            raise RunError(f"{self.path} {told if self.exists else 'is no folder'}") from None
        except OSError as error:
            raise RunError(f"{error.filename or self.path}: {error.strerror}") from None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have no other process measure here while the block runs; RunError if one does."""
        with ExitStack() as stack:
            try:
                file = stack.enter_context((self.path / ROWS).open("ab"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(f"{self.path}: another process measures for this run now") from None
            except OSError as error:
                raise RunError(f"{self.path / ROWS}: {error.strerror}") from None
            yield

    def note_resumed(self, about: Mapping[str, Any]) -> None:
        """Keep what a run goes on with that was begun with something else; RunError."""
        self.note(resumed=[*self.about().get("resumed", ()), dict(about)])

    def note(self, **told: Any) -> None:
        """Keep what is known of a run since it was begun; RunError."""
        text = json.dumps(self.about() | told, indent=2, sort_keys=True)
        place = self.path / f"{ABOUT}.new"
        try:
            place.write_text(text + "\n", encoding="utf-8")
            place.replace(self.path / ABOUT)
        except OSError as error:
            raise RunError(f"{self.path / ABOUT}: {error.strerror}") from None

    def about(self) -> dict[str, Any]:
        """Return what the run is of; RunError if there is none, or none that is understood."""
        place = self.path / ABOUT
        try:
            found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise RunError(f"{self.path} has no {ABOUT}: not the folder of a run") from None
        except OSError as error:
            raise RunError(f"{place}: {error.strerror}") from None
        except ValueError as error:
            raise RunError(f"{place}: {error}") from None
        if not _is_of_a_run(found):
            raise RunError(f"{place} is not of a run that this version of Horizon knows")
        return found

    def add(self, row: Row) -> None:
        """Keep a measurement; RunError if the disk does not take it."""
        try:
            with (self.path / ROWS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(row), sort_keys=True) + "\n")
        except OSError as error:
            raise RunError(f"{self.path / ROWS}: {error.strerror}") from None

    def rows(self) -> tuple[Row, ...]:
        """Return every measurement that was kept; a last line that is cut off does not count.

        RunError for another line that is no measurement.
        """
        return tuple(self._rows())

    def _rows(self) -> Iterator[Row]:
        try:
            text = (self.path / ROWS).read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        *whole, _rest = text.split("\n")
        for number, line in enumerate(whole, 1):
            try:
                yield _row(json.loads(line))
            except (ValueError, TypeError, KeyError):
                place = f"{self.path / ROWS}, line {number}"
                raise RunError(f"{place}: no measurement that this version knows") from None

    def mend(self) -> None:
        """Take away a last line that an interrupted run left half written."""
        place = self.path / ROWS
        if place.exists():
            data = place.read_bytes()
            place.write_bytes(data[: data.rfind(b"\n") + 1])


def _is_of_a_run(told: Any) -> bool:
    """Tell whether it has all that a run is told by and resumed with."""
    options = told.get("options") if isinstance(told, dict) else None
    return isinstance(options, dict) and options.keys() >= _OPTIONS and told.keys() >= _SUMMARY


def _row(told: Any) -> Row:
    samples = tuple(Sample(one["values"], one["at"]) for one in told["samples"])
    return Row(told["experiment"], told["point"], told["repetition"], samples)


def new_folder(where: Path, name: str) -> Path:
    """Make and return a folder that was not there: ``name``, or with a number behind it.

    A controller that finds the store of an earlier one goes on with its flows. The path is
    absolute: programs that are started for an experiment may be elsewhere.
    """
    where, number = where.absolute(), 1
    while True:
        made = where / (name if number == 1 else f"{name}-{number}")
        try:
            made.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return made


def key_of(experiment: str, point: Point, repetition: int) -> str:
    """Return what a measurement is told from others by."""
    return json.dumps([experiment, dict(point), repetition], sort_keys=True)
