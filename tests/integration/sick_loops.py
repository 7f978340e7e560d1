"""Makes loops of a controller sick: a Ryu application loaded beside Horizon's.

The file named by HORIZON_SICK says how, and is read at every turn: ``fails`` has each turn of
Discovery's publishing raise, ``hangs`` has it never end, ``hangs once`` only the first of them,
``deaf`` has each connection of a switch break what accepts it; no file: all is well. What the
supervisor would wait a minute for, it waits a second for here: of that loop alone, since on a
busy machine others do not turn in that time either. That loop turns often, too.
"""

from __future__ import annotations

import os
from functools import wraps
from pathlib import Path
from typing import Any

from horizon_ryu import discovery as discovery_app
from horizon_ryu import supervised_loop, supervision
from horizon_ryu.app import HorizonApp
from horizon_ryu.core import loop_record
from horizon_ryu.discovery import Discovery
from horizon_ryu.openflow.admission import ConnectionAdmission

ORDERS = "HORIZON_SICK"
LOOP = "Discovery._publish"

supervision.LOOK_INTERVAL = 0.1
supervised_loop.LONGEST_PAUSE = 0.1
loop_record.HOPELESS = 1.0
discovery_app.IDLE_TURN = 0.2
_healthy = Discovery._publish


def _order() -> str:
    try:
        return Path(os.environ[ORDERS]).read_text(encoding="utf-8")
    except OSError:
        return ""


def _have_patience(discovery: Any, terms: loop_record.LoopTerms) -> None:
    for record in discovery.horizon.supervisor.records():
        if record.name == LOOP:
            record._terms = terms


@wraps(_healthy)
def _sick(discovery: Any) -> None:
    order = _order()
    if order == "fails":
        raise RuntimeError("sick")
    if order.startswith("hangs"):
        _have_patience(discovery, loop_record.LoopTerms(lambda: 1.0))
        if order == "hangs once":
            Path(os.environ[ORDERS]).unlink()
        # As a turn does that waits for what never comes.
        discovery.horizon.runtime.event().wait()
    _have_patience(discovery, loop_record.TERMS)
    _healthy(discovery)


Discovery._publish = _sick  # type: ignore[method-assign]


class SickLoops(HorizonApp):
    """Breaks the accept loop of OpenFlow when it is told to."""


_enter = ConnectionAdmission.enter


def _refuse(admission: Any, host: str) -> Any:
    if _order() == "deaf":
        raise RuntimeError("deaf")
    return _enter(admission, host)


ConnectionAdmission.enter = _refuse  # type: ignore[method-assign]
