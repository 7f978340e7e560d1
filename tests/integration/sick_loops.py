"""Makes loops of a controller sick: a Ryu application loaded beside Horizon's.

The file named by HORIZON_SICK says how, and is read at every turn: ``fails`` has each turn of
Discovery's publishing raise, ``hangs`` has it never end, ``deaf`` has each connection of a
switch break what accepts it; no file: all is well. What the supervisor would wait a minute for, it
waits a second for here.
"""

from __future__ import annotations

import os
from functools import wraps
from pathlib import Path
from typing import Any

from horizon_ryu import supervised_loop, supervision
from horizon_ryu.app import HorizonApp
from horizon_ryu.core import loop_record
from horizon_ryu.discovery import Discovery
from horizon_ryu.openflow.admission import ConnectionAdmission

ORDERS = "HORIZON_SICK"

supervision.LOOK_INTERVAL = 0.1
supervised_loop.LONGEST_PAUSE = 0.1
loop_record.HOPELESS = 1.0
_healthy = Discovery._publish


def _order() -> str:
    try:
        return Path(os.environ[ORDERS]).read_text(encoding="utf-8")
    except OSError:
        return ""


@wraps(_healthy)
def _sick(discovery: Any) -> None:
    order = _order()
    if order == "fails":
        raise RuntimeError("sick")
    if order == "hangs":
        # As a turn does that waits for what never comes.
        loop_record.PATIENCE = 1.0
        discovery.horizon.runtime.event().wait()
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
