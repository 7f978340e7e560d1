"""Poller: asks switches what core/stats says is due, and keeps what they answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol

from horizon_ryu.core.errors import SwitchError
from horizon_ryu.core.stats.polling import Ask, Polling
from horizon_ryu.core.stats.samples import StatsCache
from horizon_ryu.openflow.switch_request import SwitchRequest
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.stats.readers import read_table_features
from horizon_ryu.wire.stats.types import StatsType
from horizon_ryu.wire.stats.values import TableFeatures
from xen_bridge.runtime.port import Runtime

LONGEST_SLEEP = 0.25
SHORTEST_SLEEP = 0.05
"""Between two turns: of 500 switches some have their turns together, and their bytes leave once."""


class PolledSwitches(Protocol):
    """The part of the switch registry that is used."""

    def ask(
        self, dpid: int, encode: Callable[[Codec, int], bytes], wake: Callable[[], None]
    ) -> SwitchRequest:
        """Send a question."""

    def give_up(self, question: SwitchRequest, reason: str) -> None:
        """End one."""

    def noted(self, dpid: int, kind: str, is_answered: bool) -> None:
        """Take note of an answer, or that there was none."""


class Poller:
    """The loop of questions, and what becomes of the answers."""

    def __init__(
        self,
        polling: Polling,
        book: StatsCache,
        switches: PolledSwitches,
        runtime: Runtime,
        clock: Callable[[], float],
    ) -> None:
        self._runtime = runtime
        self._polling = polling
        self._book = book
        self._switches = switches
        self._clock = clock
        self._open: dict[Ask, tuple[SwitchRequest, float]] = {}
        self._unanswered: dict[int, dict[StatsType, None]] = {}
        """What each switch left unanswered since it answered anything: it may be dead."""
        self._wake = runtime.event()
        self.outcomes: Counter[str] = Counter()
        """Answers by what became of them: labels of a metric."""

    def joined(self, dpid: int, kinds: tuple[StatsType, ...]) -> None:
        """Ask a new switch, soon."""
        self._forget(dpid)
        self._polling.joined(dpid, kinds)
        self._wake.set()

    def left(self, dpid: int) -> None:
        """Ask a switch no more."""
        self._forget(dpid)
        self._polling.left(dpid)

    def hurry(self, dpid: int, kind: StatsType) -> None:
        """Ask before the turn, because something changed."""
        self._polling.hurry(dpid, kind, self._clock())

    def _forget(self, dpid: int) -> None:
        for ask in [ask for ask in self._open if ask.dpid == dpid]:
            del self._open[ask]
        self._unanswered.pop(dpid, None)

    def turn(self) -> None:
        """Ask what is due, and wait until something is again: one turn of a loop.

        A question that a turn which failed left out is overdue some time, and asked again.
        """
        now = self._clock()
        for ask in self._polling.due(now):
            self._ask(ask)
        for ask in self._polling.overdue(now, self._pieces):
            self._give_up(ask)
        self._wake.clear()
        self._wake.wait(min(LONGEST_SLEEP, max(SHORTEST_SLEEP, self._polling.next_due() - now)))

    def _ask(self, ask: Ask) -> None:
        started = self._clock()

        def done() -> None:
            self._done(ask)

        try:
            question = self._switches.ask(
                ask.dpid, lambda codec, xid: codec.stats.encode_request(ask.kind, xid), done
            )
        except SwitchError:
            self._polling.missed(ask)
            return
        self._open[ask] = (question, started)

    def _pieces(self, ask: Ask) -> int:
        found = self._open.get(ask)
        return 0 if found is None else len(found[0].pieces)

    def _give_up(self, ask: Ask) -> None:
        found = self._open.get(ask)
        if found is None:
            self._polling.missed(ask)
        else:
            self._switches.give_up(found[0], "no answer in time")

    def _done(self, ask: Ask) -> None:
        """Take an answer, in the receive task of the switch: must never wait."""
        found = self._open.pop(ask, None)
        if found is None:
            return
        question, started = found
        self._note(ask, not question.errors)
        if question.errors:
            self.outcomes["missed"] += 1
            self._polling.missed(ask)
            return
        self._polling.answered(ask)
        now = self._clock()
        if ask.kind is StatsType.ECHO:
            self._book.echoed(ask.dpid, now - started, now)
        elif ask.kind is StatsType.TABLE_FEATURES:
            self._runtime.spawn(self._read_table_features, ask.dpid, tuple(question.pieces))
        else:
            taken = self._book.take(ask.dpid, ask.kind, question.pieces, now)
            self.outcomes[taken.value] += 1

    def _note(self, ask: Ask, is_answered: bool) -> None:
        """Tell which requests a switch answers, and which it leaves unanswered while it lives."""
        if not is_answered:
            self._unanswered.setdefault(ask.dpid, {})[ask.kind] = None
            return
        for kind in self._unanswered.pop(ask.dpid, ()):
            if kind is not ask.kind:
                self._switches.noted(ask.dpid, kind.value, False)
        self._switches.noted(ask.dpid, ask.kind.value, True)

    def _read_table_features(self, dpid: int, pieces: tuple[bytes, ...]) -> None:
        """Read 300 KiB piece by piece, and let others have their turns in between."""
        found: list[TableFeatures] = []
        for piece in pieces:
            found += read_table_features((piece,))
            self._runtime.checkpoint()
        self._book.told_table_features(dpid, tuple(found))
