"""A store that somebody has spoilt: what can be read is, the rest is told and ends nothing."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest

from horizon_ryu.core.discovery.host_pins import pins_from_json
from horizon_ryu.core.discovery.virtual_network import NetworkDefinition
from horizon_ryu.core.errors import InvalidInput, NotFound
from horizon_ryu.core.flows.flow import EntrySpec, Flow
from horizon_ryu.core.flows.record import flow_from_json, flow_to_json
from horizon_ryu.core.layout import Position
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.kept_layout import KeptLayout
from horizon_ryu.kept_timers import kept_timers
from horizon_ryu.store import Store
from horizon_ryu.store_place import check_url
from horizon_ryu.wire.messages import Match

SPOILT = (
    "INSERT INTO settings VALUES ('cut', '{')",
    "INSERT INTO settings VALUES ('deep', '" + "[" * 100_000 + "')",
    "INSERT INTO flows VALUES (1, '{')",
    "INSERT INTO migrations VALUES ('x', 1, 0, '{')",
    "INSERT INTO router_migrations VALUES ('x', 1, '{')",
    "INSERT INTO networks VALUES ('bad', 'foo')",
    "INSERT INTO networks VALUES ('no name at all', 'vlan:7')",
    "INSERT INTO networks VALUES ('', 'vlan:7')",
    "INSERT INTO networks VALUES ('röt', 'vlan:7')",
    "INSERT INTO networks VALUES (5, 'vlan:7')",
    "INSERT INTO layout VALUES ('text', 'x', 0, 1)",
    "INSERT INTO layout VALUES ('endless', 9e999, 0, 1)",
    "INSERT INTO layout VALUES ('far', 0, 1e30, 1)",
    "INSERT INTO layout VALUES ('good', 1, 2, 1)",
)
BLUE = NetworkDefinition(vlan=10)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(f"sqlite:///{tmp_path / 'store.sqlite'}")
    made.add_network("blue", BLUE)
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        for statement in SPOILT:
            connection.execute(statement)
    return made


def test_what_is_damaged_is_told_and_all_else_is_read(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.get_setting("cut") is None
    assert store.get_setting("deep") is None
    assert store.flows() == store.migrations() == store.router_migrations() == (None,)
    assert store.networks() == {"5": NetworkDefinition(vlan=7), "blue": BLUE}
    layout = KeptLayout(store, lambda *_: None, nullcontext()).layout
    assert layout.positions == {"good": Position(1, 2, True)}
    told = [record.getMessage() for record in caplog.records]
    assert sum("has a value that cannot be read" in text for text in told) == 5
    assert sum("has a network 'bad' that cannot be read" in text for text in told) == 1
    for name in ("bad", "no name at all", "röt"):
        with pytest.raises(NotFound):
            store.network(name)
        store.delete_network(name)


@pytest.mark.parametrize("saved", [5, [1], "text", None])
def test_timers_that_are_no_timers_are_as_configured(saved: object) -> None:
    store, configured = Store("sqlite://"), DiscoveryTimers()
    store.set_setting("t", saved)
    assert kept_timers(store, "t", configured) == configured


@pytest.mark.parametrize("value", ["x", None, [], 0])
def test_a_timer_that_is_none_is_named_with_where_it_is(value: object) -> None:
    store = Store("sqlite://")
    store.set_setting("t", {"link_max_idle": value})
    with pytest.raises(InvalidInput, match="the store has a timer that is none") as refused:
        kept_timers(store, "t", DiscoveryTimers())
    assert refused.value.loc == ("t",)


@pytest.mark.parametrize("value", [5, "text", [3], [{}], [{"mac": 7}], {"a": 1}])
def test_pins_that_are_none_are_refused_as_such(value: object) -> None:
    with pytest.raises(InvalidInput, match="pins"):
        pins_from_json(value)


def test_a_store_in_memory_is_one_for_everybody() -> None:
    store = Store("sqlite://")
    found: list[object] = []
    store.set_setting("a", 1)
    thread = threading.Thread(target=lambda: found.append(store.get_setting("a")))
    thread.start()
    thread.join()
    assert found == [1]


@pytest.mark.parametrize("name", ["number", "reverse", "meter"])
@pytest.mark.parametrize("value", ["odd", -1, 2**32, 1.5])
def test_a_flow_with_an_odd_number_is_none(name: str, value: object) -> None:
    kept = flow_to_json(Flow(7, EntrySpec(dpid=1, match=Match(), actions=())))
    assert flow_from_json(kept).number == 7
    with pytest.raises(InvalidInput):
        flow_from_json({**kept, name: value})


def test_a_folder_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's shell may stand in one, and the store's own file is named from there."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(InvalidInput, match="started in is gone"):
        check_url("sqlite:///horizon.sqlite")
    check_url(f"sqlite:///{tmp_path}/horizon.sqlite")
