"""Pair trial: what is known of one pair of ports whose probes meet though hosts are known there."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from horizon_ryu.core.topology import Host, Link, PortRef


class PairStanding(Enum):
    """What a probe that was heard between two ports leads to."""

    BELIEVED = "believed"
    HELD = "held"
    SEGMENT = "segment"


class TrialState(Enum):
    """Where a trial stands; the values of the first three are told to users."""

    ASKING = "asking"
    RELAYED = "relayed"
    SLOW = "slow"
    BRIDGED = "bridged"
    CLEARED = "cleared"


HELD_STATES = (TrialState.ASKING, TrialState.RELAYED, TrialState.SLOW)
"""Those in which a link is shown as held."""


@dataclass(slots=True)
class PairTrial:
    """Two ports; ``closes`` is when the hosts' time to answer ends, None while none is asked."""

    link: Link
    heard: float
    next_round: float
    is_lldp: bool = False
    state: TrialState = TrialState.ASKING
    closes: float | None = None
    again: float = 0.0
    rounds: int = 0
    crossed: float | None = None
    asked: tuple[Host, ...] = ()
    vlans: tuple[int | None, ...] = (None,)
    samples: list[float] = field(default_factory=list)
    answered: dict[bytes, PortRef] = field(default_factory=dict)
    elsewhere: set[bytes] = field(default_factory=set)

    def standing(self) -> PairStanding:
        """Return what a probe leads to now."""
        if self.state is TrialState.CLEARED:
            return PairStanding.BELIEVED
        is_joined = self.state is TrialState.ASKING and self.crossed is not None
        if is_joined or self.state is TrialState.BRIDGED:
            return PairStanding.SEGMENT
        return PairStanding.HELD

    def witness(self) -> PortRef | None:
        """Return where a host has answered; None if none has."""
        places = (ref for key, ref in self.answered.items() if key not in self.elsewhere)
        return next(places, None)
