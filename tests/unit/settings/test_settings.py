"""Options: typed, in range, and never misspelt without notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from horizon_ryu import settings
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.timers import DiscoveryTimers, TreeTimers
from horizon_ryu.ryu_options import read_as_ryu_manager


def load(tmp_path: Path, text: str) -> settings.Settings:
    path = tmp_path / "horizon.conf"
    path.write_text(text, encoding="utf-8")
    return settings.load(read_as_ryu_manager(str(path)))


def test_defaults_are_the_reports(tmp_path: Path) -> None:
    found = load(tmp_path, "")
    assert found == settings.Settings()
    assert found.discovery.timers == DiscoveryTimers(0.1, 5.0, 10.0)
    assert found.spanning_tree.timers == TreeTimers(5.0, 10.0, 0.05)


def test_values_are_read_with_their_types(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "[spanning_tree]\nport_hold_time = 3\n[guard]\nallowed_dpids = 0000000000000001,"
        "0000000000000002\nconnections = 7\n[store]\nurl = sqlite://\n",
    )
    assert found.spanning_tree.port_hold_time == 3.0
    assert found.guard.allowed_dpids == ("0000000000000001", "0000000000000002")
    assert found.guard.connections == 7
    assert found.store.url == "sqlite://"


@pytest.mark.parametrize(
    ("text", "loc"),
    [
        ("[spaning_tree]\nport_hold_time = 3\n", ("spaning_tree",)),
        ("[spanning_tree]\nport_hold = 3\n", ("spanning_tree", "port_hold")),
        ("[spanning_tree]\nport_hold_time = soon\n", ("spanning_tree", "port_hold_time")),
        ("[spanning_tree]\nport_hold_time = -1\n", ("spanning_tree", "port_hold_time")),
        ("[spanning_tree]\nport_hold_time = nan\n", ("spanning_tree", "port_hold_time")),
        ("[guard]\nconnections = 1.5\n", ("guard", "connections")),
        ("[guard]\nwatchdog = inf\n", ("guard", "watchdog")),
        ("[log]\nformat = yaml\n", ("log", "format")),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, loc: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, text)
    assert refused.value.loc == loc


def test_ryus_own_section_is_left_to_ryu(tmp_path: Path) -> None:
    assert load(tmp_path, "[DEFAULT]\nwsapi_port = 9090\n") == settings.Settings()


def test_the_sample_names_every_option_and_is_accepted(tmp_path: Path) -> None:
    sample = settings.sample()
    assert load(tmp_path, sample) == settings.Settings()
    set_all = "\n".join(
        line.removeprefix("# ") if " = " in line and not line.endswith("= ") else line
        for line in sample.splitlines()
    )
    assert load(tmp_path, set_all) == settings.Settings()
