"""Barriers, errors and deadlines as the registry of switches has them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from horizon_ryu.core.errors import SwitchAway, SwitchDeadline, SwitchError
from horizon_ryu.wire.messages import Message, Outgoing
from simulator.channel import Channel
from simulator.clock import Clock

Done = Callable[[tuple[SwitchError, ...]], None]


@dataclass(slots=True)
class _Transaction:
    done: Done
    waiting: set[int]
    xids: dict[int, int] = field(default_factory=dict)
    errors: list[SwitchError] = field(default_factory=list)
    over: bool = False


class Transactions:
    """What was sent and is not confirmed yet."""

    def __init__(self, clock: Clock) -> None:
        self.channels: dict[int, Channel] = {}
        self.errors: list[SwitchError] = []
        self._clock = clock
        self._xids = itertools.count(1)
        self._open: list[_Transaction] = []

    def send(self, messages: Iterable[Outgoing]) -> None:
        """Send without waiting; what is for absent switches is lost."""
        for dpid, numbered in self._numbered(messages).items():
            if dpid in self.channels:
                self.channels[dpid].send(numbered)

    def confirm(self, messages: Iterable[Outgoing], done: Done, deadline: float = 2.0) -> None:
        """Send with one barrier per switch; call ``done`` with the errors when all is answered."""
        numbered = self._numbered(messages)
        transaction = _Transaction(done, set(numbered))
        self._open.append(transaction)
        for dpid, batch in numbered.items():
            channel = self.channels.get(dpid)
            if channel is None:
                transaction.errors.append(SwitchAway(dpid))
                transaction.waiting.discard(dpid)
                continue
            barrier = next(self._xids)
            transaction.xids.update({xid: dpid for xid, _ in batch})
            transaction.xids[barrier] = dpid
            channel.send(batch, barrier)
        self._clock.after(deadline, lambda: self._expire(transaction))
        self._clock.after(0.0, lambda: self._finish(transaction))

    def answered(self, dpid: int, xid: int) -> None:
        """Take a barrier reply."""
        for transaction in [one for one in self._open if xid in one.xids]:
            transaction.waiting.discard(dpid)
            self._finish(transaction)

    def failed(self, dpid: int, xid: int, text: str) -> None:
        """Take an error message."""
        self.errors.append(SwitchError(dpid, text))
        for transaction in [one for one in self._open if xid in one.xids]:
            transaction.errors.append(SwitchError(dpid, text))

    def gone(self, dpid: int) -> None:
        """Forget a connection."""
        self.channels.pop(dpid, None)
        for transaction in list(self._open):
            if dpid in transaction.waiting:
                transaction.errors.append(SwitchAway(dpid))
                transaction.waiting.discard(dpid)
                self._finish(transaction)

    def _numbered(self, messages: Iterable[Outgoing]) -> dict[int, list[tuple[int, Message]]]:
        numbered: dict[int, list[tuple[int, Message]]] = {}
        for sent in messages:
            numbered.setdefault(sent.dpid, []).append((next(self._xids), sent.message))
        return numbered

    def _expire(self, transaction: _Transaction) -> None:
        late = [SwitchDeadline(dpid, "no answer in time") for dpid in transaction.waiting]
        transaction.errors += late
        transaction.waiting.clear()
        self._finish(transaction)

    def _finish(self, transaction: _Transaction) -> None:
        if transaction.waiting or transaction.over:
            return
        transaction.over = True
        self._open.remove(transaction)
        transaction.done(tuple(transaction.errors))
