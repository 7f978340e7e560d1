"""Stops a controller at a state of a migration: a Ryu application loaded beside Horizon's.

The file named by HORIZON_STOP_AT says what to do right after the journal has a state on disk:
``kill committing`` ends the process as a power failure would, ``hold installing`` waits there
until the file is gone. It is read at every state, so that one run can be stopped several times;
``kill`` takes the file away, so that the next run is not. That a migration is held is told by a
second file, with the suffix ``.held``.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ryu.base import app_manager
from ryu.lib import hub

from horizon_ryu.app import HorizonApp

ORDERS = "HORIZON_STOP_AT"
HELD = ".held"

app_manager.require_app("horizon_ryu.flow_migration")


class KillAtState(HorizonApp):
    """Wraps the journal's ``write``."""

    def start(self) -> None:
        super().start()
        self._orders = Path(os.environ[ORDERS])
        journal = self.horizon.flow_migrations._journal
        write = journal.write

        def write_and_stop(transactions: Sequence[Any]) -> None:
            write(transactions)
            for state in {each.state.value for each in transactions}:
                self._stop_at(state)

        journal.write = write_and_stop

    def _stop_at(self, state: str) -> None:
        order = self._order()
        if order == f"kill {state}":
            self._orders.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        if order == f"hold {state}":
            self._orders.with_suffix(HELD).touch()
            while self._order() == order:
                hub.sleep(0.01)

    def _order(self) -> str:
        # Asking first whether it exists would race with the test that takes it away.
        try:
            return self._orders.read_text(encoding="ascii")
        except FileNotFoundError:
            return ""
