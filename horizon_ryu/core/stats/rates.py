"""Rates from two readings of counters, honest about resets and about what a switch cannot count."""

from __future__ import annotations

from typing import NamedTuple

MIN_SECONDS = 0.001
"""Between two readings; closer ones would make a rate of rounding errors."""


class Reading(NamedTuple):
    """The counters of a port at one moment; None for what the switch does not count.

    ``at``: seconds of our clock. ``alive``: seconds the port has been configured, by the switch's
    own clock (1.3 only).
    """

    at: float
    rx_bytes: int | None
    tx_bytes: int | None
    rx_dropped: int | None
    tx_dropped: int | None
    alive: float | None = None


class Rates(NamedTuple):
    """Bits per second, and dropped packets of both directions per second; None: not known."""

    rx_bps: float | None
    tx_bps: float | None
    dropped_per_s: float | None


NO_RATES = Rates(None, None, None)


def rates(before: Reading | None, after: Reading) -> Rates:
    """Return the rates between two readings of one port.

    A counter that went backwards was reset in between: how far it had come is unknown, and so is
    the rate, until the next reading. A port that was made anew in between has no rate at all.
    """
    seconds = _seconds_between(before, after) if before is not None else None
    if before is None or seconds is None:
        return NO_RATES
    received = _per_second(before.rx_bytes, after.rx_bytes, seconds)
    sent = _per_second(before.tx_bytes, after.tx_bytes, seconds)
    rx_dropped = _per_second(before.rx_dropped, after.rx_dropped, seconds)
    tx_dropped = _per_second(before.tx_dropped, after.tx_dropped, seconds)
    return Rates(
        None if received is None else 8 * received,
        None if sent is None else 8 * sent,
        total(rx_dropped, tx_dropped),
    )


def total(*values: float | None) -> float | None:
    """Return the sum of what is known; None if nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _seconds_between(before: Reading, after: Reading) -> float | None:
    """Return the time between two readings; None if they cannot be compared.

    The switch's clock is the better one, since answers may have waited on their way, but only
    where it roughly agrees with ours: it is the switch that says so.
    """
    ours = after.at - before.at
    if ours < MIN_SECONDS:
        return None
    if before.alive is None or after.alive is None:
        return ours
    theirs = after.alive - before.alive
    if theirs < 0:
        return None
    return theirs if ours / 2 <= theirs <= ours * 2 and theirs >= MIN_SECONDS else ours


def _per_second(before: int | None, after: int | None, seconds: float) -> float | None:
    if before is None or after is None or after < before:
        return None
    return (after - before) / seconds
