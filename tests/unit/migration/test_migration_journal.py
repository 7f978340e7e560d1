"""Journal of migrations: in the order in which they began, whatever the host's clock says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.protocol.documents.migration import MAX_KEPT
from xen_bridge.protocol.documents.migration_advise import SiteFact

HOUR = 3600


def journal(folder: Path) -> MigrationJournal[SiteFact]:
    return MigrationJournal(folder, SiteFact, lambda _: True)


def number(place: int) -> str:
    return f"{place:012x}"


def written_at(folder: Path, name: str, seconds: float) -> None:
    """Have a file's time be that of a clock which says so many seconds."""
    os.utime(folder / f"{name}.xml", (seconds, seconds))


def test_a_clock_that_is_set_back_and_forth_changes_no_order(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    names = [number(place) for place in (3, 1, 2, 0)]
    for name, hours in zip(names, (9, 5, 30, 1), strict=True):
        kept.keep(name, SiteFact("facts", "1"))
        written_at(tmp_path, name, hours * HOUR)
    assert list(journal(tmp_path).load()) == names
    # A step of an old one does not make it the newest.
    kept.keep(names[0], SiteFact("facts", "2"))
    assert list(journal(tmp_path).load()) == names


def test_new_ones_are_behind_those_of_an_earlier_run(tmp_path: Path) -> None:
    journal(tmp_path).keep(number(7), SiteFact("facts", "1"))
    again = journal(tmp_path)
    again.load()
    again.keep(number(1), SiteFact("facts", "1"))
    written_at(tmp_path, number(7), 9 * HOUR)
    written_at(tmp_path, number(1), HOUR)
    assert list(journal(tmp_path).load()) == [number(7), number(1)]


def test_records_of_before_are_in_the_order_of_their_files(tmp_path: Path) -> None:
    for place, hours in ((1, 3), (2, 2)):
        journal(tmp_path).keep(number(place), SiteFact("facts", "1"))
        written_at(tmp_path, number(place), hours * HOUR)
    (tmp_path / "order").unlink()
    again = journal(tmp_path)
    assert list(again.load()) == [number(2), number(1)]
    again.keep(number(0), SiteFact("facts", "1"))
    written_at(tmp_path, number(0), HOUR)
    assert list(journal(tmp_path).load()) == [number(2), number(1), number(0)]


def test_those_of_an_earlier_version_that_ran_meanwhile_are_behind(tmp_path: Path) -> None:
    """It does not know the order's file, and leaves it as it was."""
    journal(tmp_path).keep(number(9), SiteFact("facts", "1"))
    before = (tmp_path / "order").read_bytes()
    journal(tmp_path).keep(number(1), SiteFact("facts", "1"))
    (tmp_path / "order").write_bytes(before)
    written_at(tmp_path, number(1), HOUR)
    assert list(journal(tmp_path).load()) == [number(9), number(1)]


@pytest.mark.parametrize("spoilt", [b"\xff\x00", b"", b"x y\n../../z\n", b"1" * 99_999])
def test_an_order_that_is_spoilt_costs_no_record(tmp_path: Path, spoilt: bytes) -> None:
    kept = journal(tmp_path)
    for place in (1, 2, 3):
        kept.keep(number(place), SiteFact("facts", "1"))
        written_at(tmp_path, number(place), place * HOUR)
    (tmp_path / "order").write_bytes(spoilt)
    again = journal(tmp_path)
    assert list(again.load()) == [number(place) for place in (1, 2, 3)]
    again.keep(number(4), SiteFact("facts", "1"))
    assert list(journal(tmp_path).load()) == [number(place) for place in (1, 2, 3, 4)]


def test_the_oldest_that_have_ended_are_forgotten(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    records = {}
    for place in range(MAX_KEPT + 2):
        records[number(place)] = SiteFact("facts", "1")
        kept.keep(number(place), records[number(place)])
        written_at(tmp_path, number(place), (MAX_KEPT - place) * HOUR)
    found = journal(tmp_path).load()
    kept.prune(found)
    assert list(found) == [number(place) for place in range(2, MAX_KEPT + 2)]
