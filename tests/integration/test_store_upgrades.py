"""A store as an older version left it: a real controller takes it over, with all that is in it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from tools.controller_process import ControllerProcess, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]
SCHEMAS = Path(__file__).resolve().parents[2] / "horizon_ryu" / "schema_versions"
VERSIONS = sorted(path.name[:4] for path in (SCHEMAS / "versions").glob("0*.py"))
TIMERS = {"rebuild_interval": 7.0, "port_hold_time": 3.0, "lldp_interval": 0.2}


def old_store(path: Path, version: str) -> None:
    """Make a store whose schema is of this version, with a network and timers in it."""
    config = Config()
    config.set_main_option("script_location", str(SCHEMAS).replace("%", "%%"))
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        connection.execute(
            sa.text("INSERT INTO networks (name, definition) VALUES ('blue', 'vlan:5')")
        )
        connection.execute(
            sa.text("INSERT INTO settings (name, value) VALUES ('spanning_tree.timers', :value)"),
            {"value": json.dumps(TIMERS)},
        )
    engine.dispose()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_older_version_kept_is_there_and_what_is_new_can_be_kept(
    tmp_path: Path, version: str
) -> None:
    store = tmp_path / "horizon.sqlite"
    old_store(store, version)
    with ControllerProcess(tmp_path, store=store) as controller:
        networks = controller.get("/v1/networks")["networks"]
        assert [(one["name"], one["definition"]) for one in networks] == [("blue", {"vlan": 5})]
        assert controller.get("/v1/spanning-tree/timers") == TIMERS
        assert controller.get("/v1/migrations")["migrations"] == []
        assert controller.get("/v1/xen/hosts")["hosts"] == []
        controller.request("POST", "/v1/networks", {"name": "red", "definition": {"vlan": 6}})
        # A machine that does much else may have held some loop up at the start.
        wait_until(lambda: controller.get("/v1/health")["status"] == "ok", 60.0, "it is well")
        assert controller.stop() == 0
        assert "Traceback" not in controller.log()
    with closing(sqlite3.connect(store)) as connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert found == VERSIONS[-1]
        kept = connection.execute("SELECT name FROM networks ORDER BY name").fetchall()
        assert kept == [("blue",), ("red",)]
