"""Confirmation: sends messages and waits for switches, with more than a barrier where asked.

Barriers of some switches lie: the answer comes before the entry works (research on updates, 8.1).
For those, entries can be read back, and a time to settle can be given by model.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from horizon_ryu.changes.ports import Failure
from horizon_ryu.core.errors import InvalidInput, SwitchError
from horizon_ryu.core.flows.entries import EntryKey, key_of
from horizon_ryu.core.flows.plan import FlowStep
from horizon_ryu.core.ownership import FLOW_COOKIE_MASK, FLOW_COOKIES
from horizon_ryu.flows.inventory import AnsweringSwitches
from horizon_ryu.openflow.context import Connection, EntryReader
from horizon_ryu.wire.description import Description
from horizon_ryu.wire.messages import FlowCommand, FlowMod, Outgoing
from xen_bridge.runtime.port import Runtime

_PER_MESSAGE = 1 / 2000
"""Seconds more for each message in a wave: tables take a few thousand entries per second."""
_MAX_SETTLE = 300.0


class FlowSwitches(EntryReader, AnsweringSwitches, Protocol):
    """The part of the switch registry that is used."""

    def confirm(
        self, messages: Sequence[Outgoing], deadline: float = ...
    ) -> tuple[SwitchError, ...]:
        """Send and wait for barriers."""

    def description(self, dpid: int, deadline: float = ...) -> Description:
        """Read what the switch says of itself."""

    def get(self, dpid: int) -> Connection:
        """Return the connection."""


class Confirmation:
    """Knows when a switch may be believed."""

    def __init__(
        self,
        switches: FlowSwitches,
        deadline: float,
        verify: bool,
        settle: Sequence[str],
        runtime: Runtime,
        clock: Callable[[], float],
    ) -> None:
        """``settle``: entries ``PATTERN:SECONDS``; InvalidInput if one is malformed."""
        self._runtime = runtime
        self._clock = clock
        self._sent_at: dict[EntryKey, float] = {}
        self._switches = switches
        self._deadline = deadline
        self._verify = verify
        self._settle = parse_settle(settle)
        self._models: dict[int, tuple[Connection, float]] = {}

    def confirm(self, steps: Sequence[FlowStep]) -> list[Failure]:
        """Send ``steps``; return what went wrong when all switches have answered."""
        if not steps:
            return []
        messages = [step.send for step in steps]
        return [Failure(error, error.dpid, error.index) for error in self._errors(messages)]

    def _errors(self, messages: Sequence[Outgoing]) -> list[SwitchError]:
        deadline = self._deadline + len(messages) * _PER_MESSAGE
        self._date(messages)
        errors = list(self._switches.confirm(messages, deadline))
        if self._settle:
            self._runtime.sleep(max(map(self._settle_time, {sent.dpid for sent in messages})))
        if self._verify:
            failed = {error.dpid for error in errors}
            errors += self._unverified([sent for sent in messages if sent.dpid not in failed])
        return errors

    def age(self, key: EntryKey) -> float:
        """Return the seconds since an entry with a timeout was last sent.

        It is infinite for all others, those of an earlier run among them.
        """
        return self._clock() - self._sent_at.get(key, float("-inf"))

    @property
    def dated(self) -> int:
        """The entries whose age is known."""
        return len(self._sent_at)

    def _date(self, messages: Iterable[Outgoing]) -> None:
        """Take note of entries with a timeout that are being sent; one sent again begins anew."""
        now = self._clock()
        for dpid, message in messages:
            if not isinstance(message, FlowMod):
                continue
            key = EntryKey(dpid, message.match, message.priority, message.table_id)
            lasts = not (message.idle_timeout or message.hard_timeout)
            if message.command is not FlowCommand.ADD or lasts:
                self._sent_at.pop(key, None)
            else:
                self._sent_at[key] = now

    def _settle_time(self, dpid: int) -> float:
        """Return how long to wait for a switch, by its model; asked once per connection."""
        try:
            connection = self._switches.get(dpid)
            known = self._models.get(dpid)
            if known is None or known[0] is not connection:
                description = self._switches.description(dpid)
                text = " ".join((description.mfr_desc, description.hw_desc))
                known = connection, settle_for(f"{text} {description.sw_desc}", self._settle)
                self._models[dpid] = known
        except SwitchError:
            return 0.0
        return known[1]

    def _unverified(self, messages: Sequence[Outgoing]) -> list[SwitchError]:
        """Read the switches' tables, and return an error for each entry that is not as sent."""
        wanted: dict[int, dict[EntryKey, FlowMod]] = {}
        for sent in messages:
            if isinstance(sent.message, FlowMod):
                key = key_of(sent.dpid, sent.message)
                wanted.setdefault(sent.dpid, {})[key] = sent.message
        errors = []
        for dpid, mods in wanted.items():
            try:
                errors += self._differences(dpid, mods)
            except SwitchError as error:
                errors.append(error)
        return errors

    def _differences(self, dpid: int, mods: Mapping[EntryKey, FlowMod]) -> list[SwitchError]:
        codec = self._switches.codec(dpid)
        entries = self._switches.flow_entries(dpid, cookie=FLOW_COOKIES, mask=FLOW_COOKIE_MASK)
        found = {(entry.table_id, entry.match, entry.priority): entry for entry in entries}
        errors = []
        for mod in mods.values():
            match, actions = codec.as_reported(mod.match, mod.actions)
            entry = found.get((mod.table_id, match, mod.priority))
            if mod.command is FlowCommand.ADD:
                is_right = entry is not None and entry.actions == actions
            else:
                is_right = entry is None
            if not is_right:
                errors.append(SwitchError(dpid, "it confirmed a change that it did not make"))
        return errors


def parse_settle(texts: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Return (pattern, seconds) of each ``PATTERN:SECONDS``; InvalidInput names the option."""
    return tuple(map(_parse_one, texts))


def _parse_one(text: str) -> tuple[str, float]:
    pattern, colon, seconds = text.rpartition(":")
    try:
        value = float(seconds)
    except ValueError:
        value = -1.0
    if not colon or not pattern or not 0 <= value <= _MAX_SETTLE:
        reason = f"{text!r} is not PATTERN:SECONDS, as in *Pica8*:0.4"
        raise InvalidInput(("flow_migration", "settle"), reason)
    return pattern, value


def settle_for(model: str, settle: Sequence[tuple[str, float]]) -> float:
    """Return the seconds for a model: those of the first pattern that it fits, else 0."""
    lower = model.lower()
    fits = (seconds for pattern, seconds in settle if fnmatch.fnmatchcase(lower, pattern.lower()))
    return next(fits, 0.0)
