"""Migrations of routers: asked of their source, followed to their end, found again, never lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fake_bridge import FakeBridge
from fake_xen import FakeXen, until
from horizon_ryu.core.errors import (
    Conflict,
    HostAway,
    LimitExceeded,
    NotFound,
    StoreError,
    Unsupported,
)
from horizon_ryu.core.xen.router_migration import RouterMigration, RouterRequest
from horizon_ryu.xen_hosts import router_migrations
from xen_bridge.errors import Deadline, PeerAway, PeerUnreached, RequestUnsupported
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.migration import (
    AbortMigration,
    GetMigration,
    MigrateDomain,
    MigrationRefusal,
)


class Lab:
    """Hosts a and b, the router r1 on a."""

    def __init__(self, folder: Path) -> None:
        self.xen = FakeXen(folder, migrations_kept=3)
        self.a, self.b = self.xen.add("a"), self.xen.add("b")
        self.a.physical.create(CreateDomain("r1"))
        self.xen.look("a")
        self.xen.events.clear()

    def migrate(self, **other: Any) -> RouterMigration:
        asked = {"host": "a", "domain": "r1", "destination": "b", "mode": "standard", **other}
        return self.xen.migrations.migrate(RouterRequest(**asked))

    def dry_run(self, **other: Any) -> RouterMigration:
        asked = {"host": "a", "domain": "r1", "destination": "b", "mode": "standard", **other}
        return self.xen.migrations.dry_run(RouterRequest(**asked))

    def now(self, record: RouterMigration) -> RouterMigration:
        return self.xen.migrations.get(record.id)

    def until(self, record: RouterMigration, state: str) -> RouterMigration:
        until(lambda: self.now(record).state == state, f"{state}, but {self.now(record)}")
        return self.now(record)

    def until_kept(self, record: RouterMigration, state: str) -> None:
        until(lambda: self.xen.store.migrations[record.id]["state"] == state, f"{state} on disk")

    def kinds(self) -> list[str]:
        return [kind for kind, _data in self.xen.events if kind.startswith("migration")]

    def steps(self) -> list[tuple[str, str]]:
        return [(one["step"], one["state"]) for one in self.xen.told("migration_step")]

    def restart(self) -> None:
        """Have another controller take over, which knows what the store has."""
        for row in list(self.xen.store.rows):
            self.xen.hosts.host(row).forget()
        self.xen.close()
        self.xen.hosts = self.xen.again()
        self.xen.hosts.load()
        self.xen.migrations = self.xen.migrations_again()
        self.xen.migrations.load()
        self.xen.migrations.start()
        self.xen.hosts.start()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.xen.close()


def names(bridge: FakeBridge) -> list[str]:
    return [domain.name for domain in bridge.physical.domains()]


# ---- from its beginning to its end


def test_a_router_is_moved_and_every_step_is_told_once(lab: Lab) -> None:
    record = lab.migrate(pause_s=0.5, abort_if_pause_over_s=2.0)
    assert (record.state, record.name, record.asked.destination) == ("installing", "r1", "b")
    (asked,) = lab.a.mover.asked
    assert (asked.destination_url, asked.destination_pk) == (lab.b.url, lab.b.node_pk)
    assert (asked.pause_s, asked.abort_if_pause_over_s) == (0.5, 2.0)
    lab.a.mover.advance()
    until(lambda: ("check", "done") in lab.steps())
    lab.a.mover.finish(pause_s=0.25, lost=0)
    done = lab.until(record, "done")
    assert (done.duration_ms, done.pause_ms, done.lost) == (5000.0, 250.0, 0)
    assert lab.kinds()[0] == "migration_begun"
    assert lab.kinds()[-1] == "migration_done"
    assert [step for step, state in lab.steps() if state == "done"] == [
        "check",
        "prepare",
        "move",
        "finish",
        "remove",
    ]
    assert len(set(lab.steps())) == len(lab.steps())
    (end,) = lab.xen.told("migration_done")
    assert end == {
        "id": record.id,
        "kind": "router",
        "host": "a",
        "domain": "r1",
        "destination": "b",
        "state": "done",
        "mode": "standard",
        "duration_ms": 5000.0,
        "pause_ms": 250.0,
        "lost": 0,
        "problem": None,
    }


def test_whoever_hears_that_it_is_done_finds_the_router_where_it_is(lab: Lab) -> None:
    record = lab.migrate()
    lab.a.mover.finish()
    lab.until(record, "done")
    known = {name: host.status.node for name, host in lab.xen.hosts.hosts().items()}
    found = {name: [one.name for one in node.domains] for name, node in known.items() if node}
    assert found == {"a": ["Domain-0"], "b": ["Domain-0", "r1"]}


def test_what_goes_on_being_tried_in_vain_is_told_until_it_ends(lab: Lab) -> None:
    record = lab.migrate()
    (status,) = lab.a.mover.known.values()
    lab.a.mover.known[record.id] = replace(status, unsettled="finish, 3 times in vain: gone")
    until(lambda: lab.xen.unsettled)
    said = f"migration {record.id} of r1 from a is unsettled: finish, 3 times in vain: gone"
    assert lab.xen.unsettled == (said,)
    assert lab.xen.migrations.get(record.id).unsettled == "finish, 3 times in vain: gone"
    (told,) = lab.xen.told("migration_unsettled")
    assert (told["id"], told["reason"]) == (record.id, "finish, 3 times in vain: gone")
    lab.a.mover.known[record.id] = status
    until(lambda: "migration_settled" in lab.kinds())
    lab.a.mover.known[record.id] = replace(status, state="rolled_back", problem="given up by hand")
    assert lab.until(record, "rolled_back").unsettled is None
    assert lab.xen.unsettled == ()


def test_the_commitment_is_told(lab: Lab) -> None:
    record = lab.migrate()
    for _ in range(4):
        lab.a.mover.advance()
    lab.until(record, "committed")
    until(lambda: lab.kinds()[-1] == "migration_committed")


def test_one_that_fails_tells_why_and_what_was_undone(lab: Lab) -> None:
    record = lab.migrate()
    lab.a.mover.advance()
    lab.a.mover.fail("the destination has no memory")
    ended = lab.until(record, "rolled_back")
    assert ended.problem == "the destination has no memory"
    assert [(step.name, step.state) for step in ended.steps[:2]] == [
        ("check", "undone"),
        ("prepare", "failed"),
    ]
    assert lab.kinds()[-1] == "migration_rolled_back"
    assert "r1" in names(lab.a)


def test_a_source_that_only_says_that_it_is_done_is_not_believed(lab: Lab) -> None:
    lab.a.mover.loses_domain = True
    record = lab.migrate()
    lab.a.mover.finish()
    ended = lab.until(record, "failed")
    assert ended.problem is not None
    assert ended.problem.startswith("host a says that it is done, but host b: ")


def test_a_destination_that_cannot_be_asked_is_told_of(lab: Lab) -> None:
    record = lab.migrate()
    lab.b.away = "switched off"
    lab.a.mover.finish()
    ended = lab.until(record, "done")
    assert "could not be asked: host b: switched off" in (ended.problem or "")


# ---- refused


def test_reasons_that_the_controller_knows(lab: Lab) -> None:
    (unknown,) = lab.migrate(destination="c").refusals
    assert (unknown.field, unknown.reason) == ("destination", "no host named c is registered")
    (same,) = lab.migrate(destination="a").refusals
    assert (same.field, same.reason) == ("destination", "r1 is on a already")
    lab.b.away = "switched off"
    lab.xen.look("b")
    (away,) = lab.migrate().refusals
    assert away.field == "destination"
    assert away.is_conflict
    assert not lab.a.mover.asked
    assert not lab.xen.migrations.all()
    assert not lab.xen.store.migrations


def test_a_host_that_cannot_migrate_is_not_asked_to(lab: Lab) -> None:
    lab.a.memory.capabilities = frozenset()
    lab.xen.look("a")
    (refusal,) = lab.migrate().refusals
    assert refusal.field == "mode"
    assert not lab.a.mover.asked


def test_reasons_that_the_source_knows_leave_nothing_behind(lab: Lab) -> None:
    lab.a.mover.refusals = (MigrationRefusal("mode", "its firewall would be bypassed"),)
    record = lab.migrate(mode="plane-separation")
    assert record.state == "refused"
    assert [(one.field, one.reason) for one in record.refusals] == [
        ("mode", "its firewall would be bypassed")
    ]
    assert not lab.xen.migrations.all()
    assert not lab.xen.store.migrations
    assert not lab.kinds()


@pytest.mark.parametrize("by", ["r1", "uuid", "id"])
def test_a_router_that_is_being_moved_is_not_moved_twice(lab: Lab, by: str) -> None:
    first = lab.migrate()
    domain = lab.a.physical.domain("r1")
    name = {"r1": "r1", "uuid": domain.uuid, "id": str(domain.id)}[by]
    (refusal,) = lab.migrate(domain=name).refusals
    assert (refusal.field, refusal.is_conflict) == ("domain", True)
    assert first.id in refusal.reason
    assert len(lab.a.mover.asked) == 1


def test_unknown_hosts_and_domains(lab: Lab) -> None:
    with pytest.raises(NotFound):
        lab.migrate(host="c")
    with pytest.raises(NotFound):
        lab.migrate(domain="r9")
    assert not lab.xen.migrations.all()
    assert not lab.xen.store.migrations


def test_a_node_of_an_older_release_is_told_of(lab: Lab) -> None:
    def refuse(body: Any) -> None:
        if isinstance(body, MigrateDomain):
            raise RequestUnsupported("no application 3 here")

    lab.a.before = refuse
    with pytest.raises(Unsupported):
        lab.migrate()
    assert not lab.xen.store.migrations


def test_no_more_than_so_many_at_a_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_migrations, "MAX_OPEN", 1)
    lab.a.physical.create(CreateDomain("r2"))
    lab.xen.look("a")
    lab.migrate()
    with pytest.raises(LimitExceeded):
        lab.migrate(domain="r2")


def test_a_dry_run_tells_the_steps_and_touches_nothing(lab: Lab) -> None:
    found = lab.dry_run(pause_s=1.0)
    assert found.state == "planned"
    assert [step.state for step in found.steps] == ["pending"] * 5
    (asked,) = lab.a.mover.asked
    assert asked.dry_run
    assert not lab.a.mover.known
    assert not lab.xen.migrations.all()
    assert not lab.kinds()


def test_a_dry_run_tells_every_reason_of_both_sides(lab: Lab) -> None:
    lab.migrate()
    lab.a.mover.refusals = (MigrationRefusal("pause_s", "cannot be lengthened here"),)
    found = lab.dry_run()
    assert found.state == "refused"
    assert [one.field for one in found.refusals] == ["domain", "pause_s"]
    assert [one.field for one in lab.dry_run(destination="c").refusals] == ["destination", "domain"]


# ---- aborted


def test_a_migration_is_taken_back_as_long_as_it_is_not_committed(lab: Lab) -> None:
    record = lab.migrate()
    lab.a.mover.advance()
    assert lab.xen.migrations.abort(record.id).state == "aborting"
    lab.a.mover.aborted()
    assert lab.until(record, "rolled_back").problem == "aborted as asked"
    assert "migration_aborting" in lab.kinds()
    with pytest.raises(Conflict, match="has ended: rolled_back"):
        lab.xen.migrations.abort(record.id)


def test_what_is_committed_goes_on(lab: Lab) -> None:
    record = lab.migrate()
    for _ in range(4):
        lab.a.mover.advance()
    with pytest.raises(Conflict, match="is not taken back any more"):
        lab.xen.migrations.abort(record.id)
    lab.a.mover.finish()
    lab.until(record, "done")


def test_an_unknown_migration(lab: Lab) -> None:
    for ask in (lab.xen.migrations.get, lab.xen.migrations.abort):
        with pytest.raises(NotFound):
            ask("0123456789ab")
    assert not [body for body, _, _ in lab.a.asked if isinstance(body, AbortMigration)]


# ---- silence, restarts


def test_a_source_that_goes_silent_is_told_of_and_heard_again(lab: Lab) -> None:
    record = lab.migrate()
    lab.a.away = "its cable was pulled"
    until(lambda: lab.now(record).silence)
    assert lab.now(record).state == "installing"
    (silent,) = lab.xen.told("migration_silent")
    assert "its cable was pulled" in silent["reason"]
    lab.a.away = None
    until(lambda: "migration_heard" in lab.kinds())
    lab.a.mover.finish()
    lab.until(record, "done")
    assert lab.kinds().count("migration_silent") == 1


def test_a_controller_that_is_restarted_finds_its_migration_again(lab: Lab) -> None:
    record = lab.migrate()
    lab.a.mover.advance()
    lab.until_kept(record, "installing")
    lab.restart()
    assert lab.now(record).state == "installing"
    lab.a.mover.finish(lost=0)
    done = lab.until(record, "done")
    assert (done.lost, done.asked.destination, done.name) == (0, "b", "r1")
    assert lab.kinds()[-1] == "migration_done"
    lab.until_kept(record, "done")
    lab.restart()
    assert lab.now(record) == done


def test_one_that_ended_while_the_controller_was_away_is_told_to_its_end(lab: Lab) -> None:
    record = lab.migrate()
    lab.xen.close()
    lab.a.mover.finish()
    lab.restart()
    assert [step.state for step in lab.until(record, "done").steps] == ["done"] * 5


def test_a_restart_while_the_source_is_away_loses_nothing(lab: Lab) -> None:
    record = lab.migrate()
    lab.a.away = "rebooting"
    lab.restart()
    until(lambda: lab.now(record).silence)
    lab.a.away = None
    lab.a.mover.finish()
    lab.until(record, "done")


def test_an_answer_that_is_lost_begins_nothing_twice(lab: Lab) -> None:
    def lose(body: Any) -> None:
        if isinstance(body, MigrateDomain):
            lab.a.mover.handlers()[MigrateDomain].carry_out(body)
            raise Deadline("the answer is lost")

    lab.a.before = lose
    record = lab.migrate()
    assert record.state == "requested"
    assert "the answer is lost" in (record.silence or "")
    lab.until(record, "installing")
    assert list(lab.a.mover.known) == [record.id]


def test_a_request_that_is_lost_is_told_as_never_begun(lab: Lab) -> None:
    def lose(body: Any) -> None:
        if isinstance(body, MigrateDomain):
            raise PeerAway("the connection was lost")

    lab.a.before = lose
    record = lab.migrate()
    until(lambda: sum(isinstance(body, GetMigration) for body, _, _ in lab.a.asked) > 2)
    assert lab.now(record).state == "requested"
    lab.xen.now += router_migrations.GRACE
    ended = lab.until(record, "rolled_back")
    assert ended.problem == "host a never heard of it"


def test_a_source_that_was_never_reached_is_an_error_at_once(lab: Lab) -> None:
    def refuse(body: Any) -> None:
        raise PeerUnreached("connection refused")

    original = lab.a.connect

    def connect(url: str, node_pk: str) -> Any:
        connection = original(url, node_pk)
        connection.ask = lambda *_args: refuse(None)  # type: ignore[method-assign]
        return connection

    lab.a.connect = connect  # type: ignore[method-assign]
    with pytest.raises(HostAway, match="connection refused"):
        lab.migrate()
    assert not lab.xen.migrations.all()
    assert not lab.xen.store.migrations


def test_a_source_that_has_forgotten_a_migration(lab: Lab) -> None:
    record = lab.migrate()
    lab.a.mover.known.clear()
    assert lab.until(record, "failed").problem == "host a does not know it any more"


def test_a_source_that_is_not_registered_any_more(lab: Lab) -> None:
    record = lab.migrate()
    lab.xen.hosts.remove("a")
    assert "is not registered any more" in (lab.until(record, "failed").problem or "")


def test_a_store_that_fails_begins_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise StoreError("full")

    monkeypatch.setattr(lab.xen.store, "put_router_migration", fail)
    with pytest.raises(StoreError):
        lab.migrate()
    assert not lab.a.mover.asked
    assert not lab.xen.migrations.all()


def test_an_end_that_cannot_be_written_is_written_later(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = lab.migrate()
    lab.until_kept(record, "installing")
    write = lab.xen.store.put_router_migration
    failures = []

    def fail_once(*args: Any) -> None:
        if not failures:
            failures.append(args)
            raise StoreError("busy")
        write(*args)

    monkeypatch.setattr(lab.xen.store, "put_router_migration", fail_once)
    lab.a.mover.finish()
    lab.until(record, "done")
    lab.until_kept(record, "done")
    assert failures


def test_only_so_many_that_ended_are_remembered(lab: Lab) -> None:
    ended = []
    for _ in range(5):
        record = lab.migrate()
        lab.a.mover.fail("no")
        lab.until(record, "rolled_back")
        lab.until_kept(record, "rolled_back")
        ended.append(record.id)
    until(lambda: len(lab.xen.migrations.all()) == 3)
    assert [one.id for one in lab.xen.migrations.all()] == ended[2:]
    assert sorted(lab.xen.store.migrations) == sorted(ended[2:])


def test_a_row_that_cannot_be_read_does_not_hide_the_others(lab: Lab) -> None:
    record = lab.migrate()
    lab.xen.store.put_router_migration("x", 1, {"id": "x"})
    lab.restart()
    assert [one.id for one in lab.xen.migrations.all()] == [record.id]
