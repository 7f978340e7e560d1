"""Events as they happen, numbered, resumed where they broke off: what decides, without a socket.

An :class:`EventPosition` knows which event came last and what to ask for next; the carriers
connect, and wait. A *cursor*, ``EPOCH-NUMBER``, names an event of one run of the controller: a
number alone could be taken for another event after a restart.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from horizon_client.errors import NoAnswer, NotAController

GAP = "gap"
PATIENCE = 60.0
"""Seconds for which a controller may be away while its events are followed."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds between attempts to connect again."""


@dataclass(frozen=True, slots=True)
class HorizonEvent:
    """What happened: its number, when (seconds since 1970), its kind, and the data of that kind."""

    seq: int
    at: float
    kind: str
    data: Mapping[str, Any]

    @property
    def is_gap(self) -> bool:
        """Whether some of what was missed is no longer there: ask for the snapshots again."""
        return self.kind == GAP

    def document(self) -> dict[str, Any]:
        """Return it as the controller tells it."""
        return {"seq": self.seq, "at": self.at, "kind": self.kind, "data": dict(self.data)}


class EventPosition:
    """How far a stream has come, and what becomes of it when a connection is lost.

    ``since`` is a cursor or a number, None: from now on; ``patience`` is for how many seconds
    attempts to connect again may fail before the loss is an error.
    """

    def __init__(
        self, url: str, since: str | int | None, kinds: Collection[str], patience: float
    ) -> None:
        self._url = url
        self._kinds = tuple(kinds)
        self._patience = patience
        self._since = None if since is None else str(since)
        self._epoch = self._since.partition("-")[0] if self._since and "-" in self._since else ""
        self._number: int | None = None
        self._is_begun = False
        self._lost_at: float | None = None
        self._attempts = 0

    @property
    def needs_cursor(self) -> bool:
        """Whether the controller's own cursor is still to be asked for, before connecting."""
        return not self._epoch and not self._is_begun

    def begin_at(self, cursor: str | None) -> None:
        """Take over the controller's cursor, None where it tells none (it is of an older version).

        Who asked for a number asked for one of this run.
        """
        if cursor is None:
            return
        self._epoch, _, number = cursor.partition("-")
        self._since = f"{self._epoch}-{number if self._since is None else self._since}"

    @property
    def query(self) -> dict[str, str]:
        """What to ask for, to go on after the last event."""
        since = self._since
        if self._number is not None:
            since = f"{self._epoch}-{self._number}" if self._epoch else str(self._number)
        asked = {} if since is None else {"since": since}
        return {**asked, "kinds": ",".join(self._kinds)} if self._kinds else asked

    def connected(self) -> None:
        """Note that a connection stands."""
        self._is_begun, self._lost_at, self._attempts = True, None, 0

    def take(self, text: str | bytes) -> HorizonEvent | None:
        """Return the event that a message tells; None for one that came before. NotAController."""
        try:
            told = json.loads(text)
            event = HorizonEvent(
                int(told["seq"]), float(told["at"]), str(told["kind"]), told["data"]
            )
            self._epoch = str(event.data["epoch"]) if "epoch" in event.data else self._epoch
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise NotAController(self._url) from error
        if event.is_gap:
            self._number = event.seq
        elif self._number is not None and event.seq <= self._number:
            return None
        self._number = event.seq
        return event

    def pause(self, now: float, error: NoAnswer) -> float:
        """Return for how many seconds to wait before connecting again; raises ``error`` if not.

        ``now`` is of any clock that only goes forward. Pauses grow, and differ from client to
        client: all of them would come back at one moment.
        """
        if not self._is_begun:
            raise error
        self._lost_at = now if self._lost_at is None else self._lost_at
        if now - self._lost_at > self._patience:
            raise error
        self._attempts += 1
        longest = min(FIRST_PAUSE * 2.0 ** min(self._attempts, 10), LONGEST_PAUSE)
        return float(longest * random.uniform(0.5, 1.0))
