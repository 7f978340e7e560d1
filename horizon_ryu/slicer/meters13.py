"""Meters of a switch of OpenFlow 1.3 as its tenants see them: each its own, by its own numbers.

Beside them stand the slicer's own, for the bandwidth of slices, out of the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from horizon_ryu.core.slicing.id_map import IdMap, IdsExhausted, IdTaken
from horizon_ryu.core.slicing.limits import Limited
from horizon_ryu.core.slicing.switch_objects import ObjectKey, ObjectKind, SwitchObject
from horizon_ryu.core.slicing.version_trail import VersionTrail
from horizon_ryu.slicer.groups13 import ObjectUsers
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.settling_ids import SettlingIds
from horizon_ryu.slicer.share_meters13 import ShareMeters13
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPET, OFPMMFC
from horizon_ryu.wire.layout import WireError
from horizon_ryu.wire.of13.controller import MeterMod13
from horizon_ryu.wire.of13.structures import MeterBandDrop, MeterBandDscpRemark
from horizon_ryu.wire.ofp13 import OFPM, OFPMC, OFPRR
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_MAX_METER, _ALL_METERS = int(OFPM.MAX), int(OFPM.ALL)
_ADD, _MODIFY, _DELETE = int(OFPMC.ADD), int(OFPMC.MODIFY), int(OFPMC.DELETE)
DEFAULT_METERS = 1_024
"""Meters of a slice on a switch, where its limits do not say."""
MOST_BANDS = 64
"""Of one meter: what no switch has, and no memory should hold."""


class TenantMeter(NamedTuple):
    """A meter as its tenant wrote it."""

    meter_id: int
    mod: MeterMod13


class TenantMeters13:
    """The meters of all slices on one switch."""

    def __init__(self, link: SlicedLink, users: ObjectUsers, changed: Callable[[], None]) -> None:
        """``changed`` is called when the answers of ``shares.of_slice`` have become others."""
        self._link = link
        self._users = users
        self._ids = IdMap(_MAX_METER)
        self._settling = SettlingIds(link, self._ids)
        self.shares = ShareMeters13(link, self._ids, self._settling, changed)
        """Those of the slicer's own."""
        self._meters: dict[str, dict[int, TenantMeter]] = {}
        self._trail: VersionTrail[TenantMeter] = VersionTrail()
        self._kept: frozenset[int] = frozenset()
        self._is_open = False

    def begin(self) -> None:
        """Have the switch without meters; what there is to be comes with :meth:`settle`."""
        self._send(MeterMod13(_DELETE, 0, _ALL_METERS), 0)
        self._kept = frozenset(self._in_use())

    # ---- a switch that is taken over

    def restore(self) -> None:
        """Have the meters that are noted, as if the switch had them; it is told nothing."""
        noted = self._link.sliced.objects.of_kind(ObjectKind.METER, ObjectKind.SHARE)
        live: dict[int, tuple[str, int] | None] = {}
        for one in noted:
            if one.key.slice_name not in self._link.presences or one.real in live:
                continue
            if one.key.kind is ObjectKind.METER:
                if self._reread(one):
                    live[one.real] = one.key.slice_name, one.key.number
            elif self.shares.restore(one):
                live[one.real] = None
        self._ids.restore(live, max((one.real for one in noted), default=0))
        self._kept = frozenset(live)

    def _reread(self, one: SwitchObject) -> bool:
        """Have a meter as its tenant wrote it; False if that cannot be."""
        number = one.key.number
        try:
            mod = _MESSAGES.decode(one.body).message
        except WireError:
            return False
        if not isinstance(mod, MeterMod13) or mod.meter_id != number:
            return False
        self._meters.setdefault(one.key.slice_name, {})[number] = TenantMeter(number, mod)
        return True

    def settle(self, told: Mapping[int, MeterMod13]) -> None:
        """Have on the switch what there is to be, where it has ``told`` of something else.

        Those of shares of bandwidth follow from now on.
        """
        for one in self._link.sliced.objects.of_kind(ObjectKind.METER, ObjectKind.SHARE):
            name = one.key.slice_name
            is_share = one.key.kind is ObjectKind.SHARE
            real = self.shares.real(name) if is_share else self.real(name, one.key.number)
            if one.real != real:
                self._link.sliced.objects.remove(*one.key)
        self._ids.rest(self._others(told))
        for name, own in self._meters.items():
            for meter in own.values():
                self._settle_one(self.real(name, meter.meter_id), meter.mod, told)
        self.shares.settle(told)
        self._is_open = True

    def _settle_one(
        self, real: int | None, mod: MeterMod13, told: Mapping[int, MeterMod13]
    ) -> None:
        if real is None or real not in self._kept:
            return
        has = told.get(real)
        if has is None or (has.flags, has.bands) != (mod.flags, mod.bands):
            command = _ADD if has is None else _MODIFY
            self._send(replace(mod, command=command, meter_id=real), 0)

    def remove_others(self, told: Mapping[int, MeterMod13]) -> int:
        """Take away the meters of the switch that are nobody's; return how many."""
        others = self._others(told)
        for real in others:
            self._send(MeterMod13(_DELETE, 0, real), 0)
        self._kept = frozenset()
        self._settling.ask()
        return len(others)

    def _others(self, told: Mapping[int, MeterMod13]) -> list[int]:
        return sorted(told.keys() - self._kept - self._in_use())

    def _in_use(self) -> set[int]:
        """Return the numbers of the switch's meters that are somebody's."""
        found = {known.real for known in self.shares}
        for name in self._meters:
            found.update(self._ids.of_slice(name).values())
        return found

    # ---- numbers

    def real(self, slice_name: str, meter_id: int) -> int | None:
        """Return the number that the switch has for a slice's meter; None if there is none."""
        return self._ids.find(slice_name, meter_id)

    def tenant_id(self, slice_name: str, real: int) -> int | None:
        """Return a slice's own number for a meter of the switch; None if it is not the slice's."""
        owner = self._ids.owner(real)
        return owner[1] if owner is not None and owner[0] == slice_name else None

    def quota(self, slice_name: str) -> int:
        """Return how many meters a slice may have here."""
        found = self._link.presences[slice_name].quota(self._link.dpid, "meters")
        return DEFAULT_METERS if found is None else found

    def owned(self, slice_name: str) -> Iterable[TenantMeter]:
        """Return a slice's meters, as it wrote them."""
        return tuple(self._meters.get(slice_name, {}).values())

    # ---- from tenants

    def meter_mod(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        """Carry out a tenant's meter-mod; TenantRefusal, and then nothing has changed.

        It counts as a flow-mod where those are limited: it costs the switch as much.
        """
        mod: MeterMod13 = _MESSAGES.decode(message).message
        presence = self._link.presence(tenant)
        if not presence.admit(Limited.FLOW_MODS, now):
            raise TenantRefusal(OFPET.METER_MOD_FAILED, OFPMMFC.UNKNOWN, Limited.FLOW_MODS.value)
        asked = Asked(tenant, xid_of(message), message)
        if mod.command not in (_ADD, _MODIFY, _DELETE):
            raise _failed(OFPMMFC.BAD_COMMAND, "unknown command")
        is_all = mod.command == _DELETE and mod.meter_id == _ALL_METERS
        if not is_all and not 0 < mod.meter_id <= _MAX_METER:
            # The meters of the slow path and of the controller are everybody's.
            raise _failed(OFPMMFC.INVALID_METER, "reserved meter")
        if mod.command == _DELETE:
            self._delete(asked, None if is_all else mod.meter_id, now)
        else:
            self._set(asked, mod)

    def _set(self, asked: Asked, mod: MeterMod13) -> None:
        """Have a meter, or another in its place."""
        name, meter_id = asked.tenant.slice_name, mod.meter_id
        own = self._meters.setdefault(name, {})
        before = own.get(meter_id)
        if mod.command == _ADD and before is not None:
            raise _failed(OFPMMFC.METER_EXISTS, "meter exists")
        if mod.command == _MODIFY and before is None:
            raise _failed(OFPMMFC.UNKNOWN_METER, "unknown meter")
        self._check_bands(mod)
        real = self._number(name, meter_id)
        meter = own[meter_id] = TenantMeter(meter_id, mod)
        self._note_meter(name, meter, real)
        self._trail.came((name, meter_id), before, meter)
        undo = partial(self._undo, name, meter)
        xid = self._link.xids.translate(asked._replace(context=undo))
        self._send(replace(mod, meter_id=real), xid)

    def _note_meter(self, name: str, meter: TenantMeter, real: int) -> None:
        """Note a meter as its tenant wrote it."""
        key = ObjectKey(ObjectKind.METER, name, meter.meter_id)
        one = SwitchObject(key, real, _MESSAGES.encode(0, replace(meter.mod, command=_ADD)))
        self._link.sliced.objects.put(one)

    def _check_bands(self, mod: MeterMod13) -> None:
        if len(mod.bands) > MOST_BANDS:
            raise _failed(OFPMMFC.OUT_OF_BANDS, "too many bands")
        if not all(isinstance(band, MeterBandDrop | MeterBandDscpRemark) for band in mod.bands):
            raise _failed(OFPMMFC.BAD_BAND, "experimenter band")

    def _number(self, name: str, meter_id: int) -> int:
        known = self.real(name, meter_id)
        if known is not None:
            return known
        try:
            return self._ids.take(name, meter_id, self.quota(name))
        except (IdTaken, IdsExhausted) as error:
            raise _failed(OFPMMFC.OUT_OF_METERS, "meters") from error

    def _delete(self, asked: Asked, meter_id: int | None, now: float) -> None:
        """Delete a meter, or all of the slice's; that there is none is no error."""
        name = asked.tenant.slice_name
        own = self._meters.get(name, {})
        gone = list(own) if meter_id is None else [meter_id] if meter_id in own else []
        self._end(name, gone, now, asked)

    def _end(self, name: str, gone: Iterable[int], now: float, asked: Asked | None) -> None:
        """Take meters from the switch, after the flow entries that use them."""
        meters = list(gone)
        if meters:
            reason = int(OFPRR.DELETE)
            self._users.end_using(name, frozenset(), frozenset(meters), reason, now)
        for meter_id in meters:
            del self._meters[name][meter_id]
            self._trail.forget((name, meter_id))
            self._link.sliced.objects.remove(ObjectKind.METER, name, meter_id)
            real = self._ids.release(name, meter_id)
            xid = self._link.xids.translate(Asked(self, 0, b"") if asked is None else asked)
            self._send(MeterMod13(_DELETE, 0, real), xid)
        self._settling.ask()

    def _undo(self, name: str, meter: TenantMeter, now: float) -> None:
        """Have again what was there before a meter-mod that the switch has refused."""
        instead = self._trail.refused((name, meter.meter_id), meter)
        if instead is None:
            return
        if instead.version is None:
            self._end(name, (meter.meter_id,), now, None)
        else:
            self._meters[name][meter.meter_id] = instead.version
            real = self.real(name, meter.meter_id)
            if real is not None:
                self._note_meter(name, instead.version, real)

    def remove_slice(self, name: str, now: float) -> None:
        """Take all meters of a slice from the switch; its flow entries have gone before."""
        self._end(name, list(self._meters.get(name, {})), now, None)
        self._meters.pop(name, None)
        self.follow()
        self.shares.sweep()

    def follow(self) -> None:
        """Let the slicer's own follow the settings of slices.

        Nothing happens before :meth:`settle`: what the switch has is not known.
        """
        if self._is_open:
            self.shares.follow()

    def answered(self, _asked: Asked, _message: bytes, _now: float) -> None:
        """Meter-mods are answered with errors alone."""

    def refused(self, _asked: Asked, _message: bytes, _now: float) -> None:
        """Pass over an error: what was to be removed is not there."""

    # ---- to the switch

    def _send(self, mod: MeterMod13, xid: int) -> None:
        self._link.say(_MESSAGES.encode(xid, mod))


def _failed(code: OFPMMFC, reason: str) -> TenantRefusal:
    return TenantRefusal(OFPET.METER_MOD_FAILED, code, reason)
