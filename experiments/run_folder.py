"""The folder of a run: what it ran on, and every measurement as it came.

``run.json`` has versions, kernel, options and seed; ``rows.jsonl`` a line for each measurement,
written when it has ended, so that a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.experiment import Point, Row, Sample

ABOUT, ROWS = "run.json", "rows.jsonl"


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
        """Write what the run is of; RunError if another one was begun here."""
        if self.exists:
            raise RunError(f"{self.path} has a run already: resume it, or name another folder")
        self.path.mkdir(parents=True, exist_ok=True)
        text = json.dumps(about, indent=2, sort_keys=True)
        (self.path / ABOUT).write_text(text + "\n", encoding="utf-8")

    def about(self) -> dict[str, Any]:
        """Return what the run is of; RunError if there is none."""
        try:
            found: dict[str, Any] = json.loads((self.path / ABOUT).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(f"{self.path} has no {ABOUT}: not the folder of a run") from None
        except ValueError as error:
            raise RunError(f"{self.path / ABOUT}: {error}") from None
        return found

    def add(self, row: Row) -> None:
        """Keep a measurement."""
        with (self.path / ROWS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row), sort_keys=True) + "\n")

    def rows(self) -> tuple[Row, ...]:
        """Return every measurement that was kept; a last line that is cut off does not count."""
        return tuple(self._rows())

    def _rows(self) -> Iterator[Row]:
        try:
            text = (self.path / ROWS).read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        *whole, _rest = text.split("\n")
        for line in whole:
            told = json.loads(line)
            samples = tuple(Sample(one["values"], one["at"]) for one in told["samples"])
            yield Row(told["experiment"], told["point"], told["repetition"], samples)

    def mend(self) -> None:
        """Take away a last line that an interrupted run left half written."""
        place = self.path / ROWS
        if place.exists():
            data = place.read_bytes()
            place.write_bytes(data[: data.rfind(b"\n") + 1])


def key_of(experiment: str, point: Point, repetition: int) -> str:
    """Return what a measurement is told from others by."""
    return json.dumps([experiment, dict(point), repetition], sort_keys=True)
