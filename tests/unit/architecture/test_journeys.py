"""Journeys of a request: how often the reader of a trace has to go to another module."""

from __future__ import annotations

from pathlib import Path

from unit.architecture.journeys import called, moves
from unit.rest.conftest import Client
from unit.rest.test_rest_flows import SPEC, A, B

MAX_MOVES_OF_A_FLOW, MAX_MOVES_OF_A_MIGRATION = 60, 90


def test_a_flow_and_its_migration_take_a_straight_way(tmp_path: Path) -> None:
    client = Client(folder=tmp_path)
    made: list[str] = []

    def make() -> None:
        made.append(client.ask("POST", "/v1/flows", {**SPEC, "waypoints": [B]}).json["id"])

    def migrate(to: str) -> None:
        answer = client.ask("POST", "/v1/migrations", {"flow": made[0], "dpids": [to]})
        assert answer.json["state"] == "done"

    assert 0 < moves(called(make)) <= MAX_MOVES_OF_A_FLOW
    migrate(A)
    assert 0 < moves(called(lambda: migrate(B))) <= MAX_MOVES_OF_A_MIGRATION
