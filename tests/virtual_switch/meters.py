"""Meters of OpenFlow 1.3 with drop bands (1.3.5 section 5.7)."""

from __future__ import annotations

from dataclasses import dataclass

from horizon_ryu.wire.of13.controller import MeterMod13
from horizon_ryu.wire.of13.structures import MeterBand, MeterBandDrop
from horizon_ryu.wire.ofp13 import OFPM, OFPMC, OFPMF
from virtual_switch.refusal import SwitchRefusal

_BITS_PER_KBIT, _BITS_PER_OCTET = 1000, 8


@dataclass(slots=True)
class SwitchMeter:
    """A meter; ``level`` is what its bucket holds, in bits or packets."""

    meter_id: int
    flags: int
    bands: tuple[MeterBand, ...]
    since: float
    level: float
    filled: float
    packets: int = 0
    octets: int = 0
    dropped: int = 0
    dropped_octets: int = 0

    @property
    def rate(self) -> float:
        """How much passes in a second; the bucket holds as much as passes in one."""
        rates = (band.rate for band in self.bands if isinstance(band, MeterBandDrop))
        return min(rates, default=0) * (1 if self.flags & OFPMF.PKTPS else _BITS_PER_KBIT)

    def passes(self, size: int, now: float) -> bool:
        """Tell whether a frame of ``size`` bytes is within the rate, and count it."""
        self.packets += 1
        self.octets += size
        self.level = min(self.rate, self.level + (now - self.filled) * self.rate)
        self.filled = now
        cost = 1 if self.flags & OFPMF.PKTPS else size * _BITS_PER_OCTET
        if cost <= self.level:
            self.level -= cost
            return True
        self.dropped += 1
        self.dropped_octets += size
        return False


class MeterTable:
    """The meters of a switch, by number."""

    def __init__(self) -> None:
        self._meters: dict[int, SwitchMeter] = {}

    def get(self, meter_id: int) -> SwitchMeter | None:
        """Return a meter, if it is there."""
        return self._meters.get(meter_id)

    def chosen(self, meter_id: int) -> list[SwitchMeter]:
        """Return one meter, or all; SwitchRefusal for one that is not there."""
        if meter_id == OFPM.ALL:
            return list(self._meters.values())
        self.check(meter_id)
        return [self._meters[meter_id]]

    def check(self, meter_id: int | None) -> None:
        """SwitchRefusal unless there is such a meter, if one is asked for."""
        if meter_id is not None and meter_id not in self._meters:
            raise SwitchRefusal("METER_MOD_FAILED", "UNKNOWN_METER")

    def change(self, mod: MeterMod13, now: float) -> set[int]:
        """Carry out a meter-mod and return the meters that are gone; SwitchRefusal."""
        if mod.command == OFPMC.DELETE:
            gone = set(self._meters) if mod.meter_id == OFPM.ALL else {mod.meter_id}
            for meter_id in gone:
                self._meters.pop(meter_id, None)
            return gone
        if mod.command == OFPMC.ADD and mod.meter_id in self._meters:
            raise SwitchRefusal("METER_MOD_FAILED", "METER_EXISTS")
        if mod.command == OFPMC.MODIFY:
            self.check(mod.meter_id)
        if not 0 < mod.meter_id <= OFPM.MAX:
            raise SwitchRefusal("METER_MOD_FAILED", "INVALID_METER")
        meter = SwitchMeter(mod.meter_id, mod.flags, mod.bands, now, 0.0, now)
        meter.level = meter.rate
        self._meters[mod.meter_id] = meter
        return set()

    def clear(self) -> None:
        """Lose everything."""
        self._meters.clear()
