"""What a writer that was killed leaves beside a file goes when the file goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xen_bridge import atomic_write
from xen_bridge.atomic_write import replace_file
from xen_bridge.dom0.hypervisor.netns.domain_store import DomainStore, Reservation, RunRecord
from xen_bridge.migration.journal import MigrationJournal
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.migration_advise import SiteFact

UUID = "3a1c67c0-5a9e-4c8e-9b0a-0d2f6f1f5a11"


class Killed(BaseException):
    """No handler catches what stands for the end of a process."""


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have the next writer be killed before its file has its name."""

    def die(*_: object) -> None:
        monkeypatch.undo()
        raise Killed

    return lambda: monkeypatch.setattr(atomic_write.os, "replace", die)


def test_a_file_that_is_forgotten_takes_what_was_half_written_along(
    tmp_path: Path, killed: Callable[[], None]
) -> None:
    path = tmp_path / "list"
    replace_file(path, "whole")
    killed()
    with pytest.raises(Killed):
        replace_file(path, "ha")
    assert path.read_text(encoding="utf-8") == "whole"
    atomic_write.forget_file(path)
    atomic_write.forget_file(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["definition", "run", "reservation"])
def test_a_domain_that_is_removed_leaves_nothing_of_a_killed_service(
    tmp_path: Path, killed: Callable[[], None], what: str
) -> None:
    store = DomainStore(tmp_path, "one")
    writes = {
        "definition": lambda: store.put(CreateDomain("r1", uuid=UUID)),
        "run": lambda: store.put_run(UUID, RunRecord(1, 2, 3, "boot")),
        "reservation": lambda: store.reserve(UUID, Reservation("m1", "r1", 1)),
    }
    with store.lock():
        writes[what]()
        killed()
        with pytest.raises(Killed):
            writes[what]()
        store.remove(UUID)
        store.release(UUID)
    assert [one.name for one in (tmp_path / "one").iterdir()] == []


def test_a_migration_that_is_forgotten_leaves_nothing_of_a_killed_service(
    tmp_path: Path, killed: Callable[[], None]
) -> None:
    journal = MigrationJournal(tmp_path, SiteFact, lambda _: True)
    killed()
    with pytest.raises(Killed):
        journal.keep("m1", SiteFact("facts", "1"))
    journal.forget("m1")
    assert list(tmp_path.iterdir()) == []
