"""What a real Open vSwitch answered (see capture.py), as pieces by kind."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from horizon_ryu.wire.stats.types import StatsType

FOLDER = Path(__file__).parent / "captured"
VERSIONS = (1, 4)


@cache
def _content(version: int) -> Any:
    return json.loads((FOLDER / f"ovs_{version}.json").read_text(encoding="utf-8"))


def pieces(version: int, kind: StatsType) -> tuple[bytes, ...]:
    """Return the answer to a question; none if the version does not know it."""
    return tuple(map(bytes.fromhex, _content(version)["answers"].get(kind.value, ())))


def dump_flows(version: int) -> list[str]:
    """Return the same entries as ``ovs-ofctl dump-flows`` wrote them, one line each."""
    return [line.strip() for line in _content(version)["dump_flows"]]
