"""Meters of the slicer's own on a switch of OpenFlow 1.3: the bandwidth of slices.

A slice whose bandwidth is held by ``meter`` has one with a band that drops what is above its rate.
Flow entries name it once the switch has confirmed it, and it is taken away when they name it no
more, so that none ever names a meter that is not there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from horizon_ryu.core.slicing.id_map import IdMap, IdsExhausted
from horizon_ryu.core.slicing.slice_settings import BandwidthMode, BandwidthShare
from horizon_ryu.core.slicing.switch_objects import ObjectKey, ObjectKind, SwitchObject
from horizon_ryu.slicer.settling_ids import SettlingIds
from horizon_ryu.slicer.sliced_link import SlicedLink, framed
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.of13.controller import MeterMod13
from horizon_ryu.wire.of13.structures import MeterBandDrop
from horizon_ryu.wire.ofp13 import OFPMC, OFPMF, OFPT
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_CODES = struct.Struct("!HH")
_ADD, _MODIFY, _DELETE = int(OFPMC.ADD), int(OFPMC.MODIFY), int(OFPMC.DELETE)


@dataclass(slots=True)
class ShareMeter:
    """The slicer's meter for the bandwidth of a slice; ``is_there``: the switch has said so.

    ``xid``: of the barrier that asks it.
    """

    real: int
    share: BandwidthShare
    is_there: bool = False
    xid: int = 0


class ShareMeters13:
    """The meters of all slices whose bandwidth is held by one, on one switch."""

    def __init__(
        self,
        link: SlicedLink,
        ids: IdMap,
        settling: SettlingIds,
        changed: Callable[[], None],
    ) -> None:
        """``ids`` are those of all meters; ``changed``: answers of :meth:`of_slice` have."""
        self._link = link
        self._ids = ids
        self._settling = settling
        self._changed = changed
        self._meters: dict[str, ShareMeter] = {}
        self._ending: list[int] = []

    def __iter__(self) -> Iterator[ShareMeter]:
        return iter(self._meters.values())

    def restore(self, one: SwitchObject) -> bool:
        """Have a meter that is noted, as if the switch had it; False if it is not wanted."""
        share = self._link.presences[one.key.slice_name].settings.bandwidth
        if share is None or share.mode is not BandwidthMode.METER:
            return False
        self._meters[one.key.slice_name] = ShareMeter(one.real, share)
        return True

    def real(self, slice_name: str) -> int | None:
        """Return the number of a slice's meter, whether or not the switch has confirmed it."""
        found = self._meters.get(slice_name)
        return None if found is None else found.real

    def settle(self, told: Mapping[int, MeterMod13]) -> None:
        """Have on the switch what there is to be, where it has ``told`` of something else."""
        for name, known in list(self._meters.items()):
            self._settle_one(name, known, told.get(known.real))

    def _settle_one(self, name: str, known: ShareMeter, has: MeterMod13 | None) -> None:
        known.is_there = has is not None
        if has is None:
            self._forget(name)
            self._ids.give_back(known.real)
            return
        wanted = _meter_mod(known, _ADD)
        if (has.flags, has.bands) != (wanted.flags, wanted.bands):
            self._tell(known, _MODIFY, name)

    def of_slice(self, slice_name: str) -> int | None:
        """Return the meter of a slice's bandwidth; None if it has none, or not yet."""
        found = self._meters.get(slice_name)
        return found.real if found is not None and found.is_there else None

    def follow(self) -> None:
        """Have a meter for each slice whose settings want one; change those that are others.

        One that is wanted no more is there until :meth:`sweep`, since entries may name it.
        """
        for name, presence in self._link.presences.items():
            share = presence.settings.bandwidth
            if share is not None and share.mode is BandwidthMode.METER:
                self._have(name, share)
            elif name in self._meters:
                self._drop(name)
                self._link.set_bandwidth_fault(name, None)
        for name in [name for name in self._meters if name not in self._link.presences]:
            self._drop(name)

    def _have(self, name: str, share: BandwidthShare) -> None:
        known = self._meters.get(name)
        if known is None:
            try:
                known = self._meters[name] = ShareMeter(self._ids.reserve(), share)
            except IdsExhausted:
                self._link.set_bandwidth_fault(name, "the switch has no meter left")
                return
            key = ObjectKey(ObjectKind.SHARE, name)
            self._link.sliced.objects.put(SwitchObject(key, known.real))
            self._tell(known, _ADD, name)
        elif known.share != share or self._is_forgotten(known):
            known.share = share
            self._tell(known, _MODIFY, name)

    def _is_forgotten(self, meter: ShareMeter) -> bool:
        """Tell whether the answer that a meter is there will not be known as such."""
        return not meter.is_there and self._link.xids.find(meter.xid) is None

    def _tell(self, meter: ShareMeter, command: int, name: str) -> None:
        """Send a meter of the slicer's, and ask to be told when it is there."""
        mod = _meter_mod(meter, command)
        self._link.set_bandwidth_fault(name, None)
        asked = Asked(self, 0, b"", (name, meter.real))
        self._send(mod, self._link.xids.translate(asked))
        meter.xid = self._link.xids.translate(asked)
        self._link.say(framed(OPENFLOW_13, int(OFPT.BARRIER_REQUEST), meter.xid, b""))

    def _drop(self, name: str) -> None:
        self._ending.append(self._forget(name).real)

    def _forget(self, name: str) -> ShareMeter:
        self._link.sliced.objects.remove(ObjectKind.SHARE, name)
        return self._meters.pop(name)

    def sweep(self) -> None:
        """Take those meters away that no entry of the slicer's names any more."""
        ending, self._ending = self._ending, []
        for real in ending:
            self._send(MeterMod13(_DELETE, 0, real), 0)
            self._ids.give_back(real)
        self._settling.ask()

    def answered(self, asked: Asked, _message: bytes, _now: float) -> None:
        """Take the barrier behind a meter of the slicer's: it is there."""
        found = self._meter_of(asked)
        if found is not None and not found.is_there:
            found.is_there = True
            self._changed()

    def refused(self, asked: Asked, message: bytes, _now: float) -> None:
        """Take note that a meter of the slicer's cannot be: the slice goes without."""
        found = self._meter_of(asked)
        if found is None:
            return
        name, real = asked.context
        if name in self._link.presences:
            kind, code = _CODES.unpack_from(message, HEADER_SIZE)
            reason = f"the switch refused its meter: error {kind}/{code}"
            self._link.set_bandwidth_fault(name, reason)
        if not found.is_there:
            self._forget(name)
            self._ids.give_back(real)
            self._settling.ask()

    def _meter_of(self, asked: Asked) -> ShareMeter | None:
        """Return the meter that a question was about, if it is still the slice's."""
        if asked.context is None:
            return None
        name, real = asked.context
        found = self._meters.get(name)
        return found if found is not None and found.real == real else None

    def _send(self, mod: MeterMod13, xid: int) -> None:
        self._link.say(_MESSAGES.encode(xid, mod))


def _meter_mod(meter: ShareMeter, command: int) -> MeterMod13:
    """Return the meter-mod of a meter of the slicer's."""
    flags = int(OFPMF.KBPS) | (int(OFPMF.BURST) if meter.share.burst_kb else 0)
    band = MeterBandDrop(meter.share.rate_kbps or 1, meter.share.burst_kb or 0)
    return MeterMod13(command, flags, meter.real, (band,))
