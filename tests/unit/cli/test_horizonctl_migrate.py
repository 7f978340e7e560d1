"""horizonctl xen migrate and abort against the API, over hosts in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from ryu.lib import hub

from fake_bridge import FakeBridge
from fake_xen import FakeXen
from horizon_ryu.cli import show_migration, xen_migrate
from horizon_ryu.cli.main import main
from horizon_ryu.cli.terminal import Terminal
from horizon_ryu.http.router import Router
from horizon_ryu.rest import migration_directory, router_migrations, xen_domains
from unit.cli.in_memory import answered_by
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.migration import MigrationRefusal


class Piloted:
    """A controller in this process; ``meanwhile`` is done each time that a command waits."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.xen = FakeXen(folder)
        self.a, self.b = self.xen.add("xen1"), self.xen.add("xen2")
        self.a.physical.create(CreateDomain("r1"))
        self.xen.look("xen1")
        self.meanwhile: Callable[[], Any] = lambda: None
        self.away = 0
        router = Router()
        router.add(xen_domains.resources(self.xen.hosts))
        router.add(router_migrations.resources(self.xen.migrations))
        directory = migration_directory.MigrationDirectory()
        directory.add(router_migrations.RouterMigrationReader(self.xen.migrations))
        router.add(migration_directory.resources(directory))
        self._client = httpx.Client(transport=httpx.WSGITransport(router))
        answered_by(monkeypatch, self._request)
        monkeypatch.setattr(xen_migrate, "sleep", self._sleep)

    def _request(self, method: str, url: str, **options: Any) -> httpx.Response:
        if self.away and method == "GET":
            self.away -= 1
            raise httpx.ConnectError("Connection refused")
        return self._client.request(method, url, **options)

    def _sleep(self, _seconds: float) -> None:
        self.meanwhile()
        # Whoever follows the migration has a turn.
        hub.sleep(0.02)

    def __call__(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words], env={"COLUMNS": "200"})


@pytest.fixture
def piloted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Piloted]:
    made = Piloted(tmp_path, monkeypatch)
    yield made
    made.xen.close()


@pytest.fixture
def source(piloted: Piloted) -> FakeBridge:
    return piloted.a


MIGRATE = ("xen", "migrate", "xen1", "r1", "xen2")


def test_a_router_is_moved_and_its_steps_are_shown(piloted: Piloted, source: FakeBridge) -> None:
    piloted.meanwhile = lambda: source.mover.finish(pause_s=0.25, lost=0)
    result = piloted(*MIGRATE)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split()[0] for line in lines[:5]] == [
        "check",
        "prepare",
        "move",
        "finish",
        "remove",
    ]
    assert lines[0] == "check  done  at 0.000 s  1000.0 ms"
    assert lines[5] == "r1: xen1 > xen2, plane-separation, done"
    assert lines[6] == (
        "  5000.0 ms in all, the router stood still for 250.0 ms, 0 data packets lost"
    )
    shown = piloted("xen", "domains", "xen2").output
    assert "r1" in shown
    assert "r1" not in piloted("xen", "domains", "xen1").output


def test_the_options_reach_the_source(piloted: Piloted, source: FakeBridge) -> None:
    options = ("--mode", "standard", "--pause", "0.5", "--abort-if-pause-over", "2", "--no-wait")
    result = piloted(*MIGRATE, *options)
    assert result.exit_code == 0, result.output
    (asked,) = source.mover.asked
    assert (asked.mode, asked.pause_s, asked.abort_if_pause_over_s) == ("standard", 0.5, 2.0)
    assert "r1: xen1 > xen2, standard, installing" in result.output


def test_one_that_is_taken_back_says_why_and_fails(piloted: Piloted, source: FakeBridge) -> None:
    def fail() -> None:
        if not piloted.xen.migrations.all()[0].is_final:
            source.mover.advance()
            source.mover.fail("no memory at xen2")

    piloted.meanwhile = fail
    result = piloted(*MIGRATE)
    assert result.exit_code == 1
    assert "rolled_back" in result.output
    assert "no memory at xen2" in result.output
    assert "check  undone" in result.output


def test_a_dry_run_shows_steps_or_reasons(piloted: Piloted, source: FakeBridge) -> None:
    result = piloted(*MIGRATE, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "planned" in result.output
    assert "prepare" in result.output
    source.mover.refusals = (MigrationRefusal("mode", "its firewall would be bypassed"),)
    refused = piloted(*MIGRATE, "--dry-run")
    assert refused.exit_code == 1
    assert "mode: its firewall would be bypassed" in refused.output
    assert not source.mover.known


def test_what_is_refused_names_every_field(piloted: Piloted, source: FakeBridge) -> None:
    source.mover.refusals = (
        MigrationRefusal("mode", "no separated planes"),
        MigrationRefusal("pause_s", "cannot be lengthened"),
    )
    result = piloted(*MIGRATE)
    assert result.exit_code == 1
    assert "mode: no separated planes" in result.output
    assert "pause_s: cannot be lengthened" in result.output


def test_a_controller_that_is_restarted_meanwhile_is_waited_for(
    piloted: Piloted, source: FakeBridge
) -> None:
    piloted.away = 3
    piloted.meanwhile = source.mover.finish
    result = piloted(*MIGRATE)
    assert result.exit_code == 0, result.output
    assert piloted.away == 0


def test_a_controller_that_does_not_come_back_is_told_of(
    piloted: Piloted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xen_migrate, "RESTART_SECONDS", -1.0)
    piloted.away = 1
    result = piloted(*MIGRATE)
    assert result.exit_code == 1
    assert "no answer from" in result.output


def test_json_and_xml_have_the_end(piloted: Piloted, source: FakeBridge) -> None:
    piloted.meanwhile = source.mover.finish
    result = piloted("-o", "json", *MIGRATE)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["state"] == "done"
    piloted.b.mover.refusals = (MigrationRefusal("mode", "no"),)
    assert piloted("-o", "json", "xen", "migrate", "xen2", "r1", "xen1").exit_code == 1
    piloted.b.mover.refusals = ()
    piloted.meanwhile = piloted.b.mover.finish
    back = piloted("-o", "xml", "xen", "migrate", "xen2", "r1", "xen1")
    assert "<status>done</status>" in back.output


def test_a_migration_is_given_up(piloted: Piloted, source: FakeBridge) -> None:
    assert piloted(*MIGRATE, "--no-wait").exit_code == 0
    (record,) = piloted.xen.migrations.all()
    source.mover.known[record.id] = replace(
        source.mover.known[record.id], unsettled="move, 3 times in vain: gone"
    )
    refused = piloted("xen", "give-up", record.id)
    assert refused.exit_code == 1
    assert "say whether it is here or there" in refused.output
    done = piloted("xen", "give-up", record.id, "--router-is", "here")
    assert done.exit_code == 0, done.output
    assert "it was given up by hand" in done.output


def test_a_migration_is_taken_back(piloted: Piloted, source: FakeBridge) -> None:
    assert piloted(*MIGRATE, "--no-wait").exit_code == 0
    (record,) = piloted.xen.migrations.all()
    piloted.meanwhile = source.mover.aborted
    result = piloted("xen", "abort", record.id)
    assert result.exit_code == 0, result.output
    assert "aborted as asked" in result.output
    again = piloted("xen", "abort", record.id)
    assert again.exit_code == 1
    assert "has ended: rolled_back" in again.output


def test_whoever_stops_watching_is_told_that_it_goes_on(piloted: Piloted) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    piloted.meanwhile = interrupt
    result = piloted(*MIGRATE)
    assert result.exit_code == 1
    (record,) = piloted.xen.migrations.all()
    assert f"It goes on: horizonctl migrations {record.id}" in result.output


def test_the_listing_has_routers_and_one_of_them_is_shown(
    piloted: Piloted, source: FakeBridge
) -> None:
    piloted.meanwhile = source.mover.finish
    piloted(*MIGRATE)
    listed = piloted("migrations").output
    for word in ("r1", "xen1 > xen2", "plane-separation", "done"):
        assert word in listed
    (record,) = piloted.xen.migrations.all()
    assert "check" in piloted("migrations", record.id).output


def test_a_terminal_shows_steps_as_they_go_on() -> None:
    out = io.StringIO()
    console = Terminal(file=out, width=100, force_terminal=True)
    step = {"name": "move", "state": "running", "began_s": 1.0, "ended_s": None, "detail": None}
    data = {
        "domain": "r1", "host": "a", "destination": "b", "mode": "standard", "state": "installing",
        "steps": [step], "problem": None, "silence": "no route",
        "id": "0123456789ab", "unsettled": "move, 3 times in vain: gone",
    }  # fmt: skip
    show_migration.migration(console, data)
    shown = out.getvalue()
    for word in (
        "installing",
        "move",
        "running",
        "1.000",
        "a does not tell how far it is: no route",
        "unsettled: move, 3 times in vain: gone",
        "to end it: horizonctl xen give-up 0123456789ab",
    ):
        assert word in shown
