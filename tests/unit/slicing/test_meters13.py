"""Meters of two tenants of one switch of 1.3, and the slicer's own that hold bandwidth."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.slicing.limits import RateLimiter, SliceLimits
from horizon_ryu.core.slicing.slice_settings import BandwidthMode, BandwidthShare, SliceSettings
from horizon_ryu.slicer.xid_map import CAPACITY, Asked
from horizon_ryu.wire.error_codes13 import OFPET, OFPMMFC
from horizon_ryu.wire.of13.controller import FlowMod13, MeterMod13
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import (
    Counter,
    MeterConfig,
    MeterFeatures,
    MeterStats,
    MeterStatsRequest,
)
from horizon_ryu.wire.of13.structures import (
    InstructionMeter,
    MeterBandDrop,
    MeterBandExperimenter,
)
from horizon_ryu.wire.ofp13 import OFPM, OFPMC, OFPMF, OFPMP, OFPT
from horizon_ryu.wire.symmetric import BarrierRequest, Error
from unit.slicing.objects13 import ObjectLab, meter_mod
from unit.slicing.sliced10 import MACS_0, Sliced, mac
from unit.slicing.sliced13 import flow_mod13, match13, output13

FAILED = OFPET.METER_MOD_FAILED
ADD, MODIFY, DELETE = (int(command) for command in OFPMC)
ALL_METERS = int(OFPM.ALL)
METER_MOD = int(OFPT.METER_MOD)
MBPS_6 = BandwidthShare(BandwidthMode.METER, rate_kbps=6000, burst_kb=600)


def own() -> Any:
    return match13(in_port=4, eth_src=mac(MACS_0[0]))


def test_two_tenants_have_the_same_meter_and_the_switch_has_two() -> None:
    lab = ObjectLab()
    (one,) = lab.a.say_all(meter_mod(1, 100))
    (other,) = lab.b.say_all(meter_mod(1, 200))
    assert one.meter_id != other.meter_id
    assert (one.bands, other.bands) == ((MeterBandDrop(100, 0),), (MeterBandDrop(200, 0),))
    lab.a.refused(meter_mod(1), FAILED, OFPMMFC.METER_EXISTS)
    (changed,) = lab.b.say_all(meter_mod(1, 300, MODIFY))
    assert changed == MeterMod13(MODIFY, int(OFPMF.KBPS), other.meter_id, (MeterBandDrop(300, 0),))
    lab.b.say_all(meter_mod(1, command=DELETE))
    assert not lab.b.say_all(meter_mod(1, command=DELETE)), "that there is none is no error"
    lab.a.question(OFPMP.METER_CONFIG, MeterStatsRequest(1))
    assert lab.a.told() == (MeterConfig(int(OFPMF.KBPS), 1, (MeterBandDrop(100, 0),)),)


@pytest.mark.parametrize(
    ("mod", "code"),
    [
        (meter_mod(0), OFPMMFC.INVALID_METER),
        (meter_mod(int(OFPM.CONTROLLER)), OFPMMFC.INVALID_METER),
        (meter_mod(int(OFPM.SLOWPATH)), OFPMMFC.INVALID_METER),
        (meter_mod(ALL_METERS), OFPMMFC.INVALID_METER),
        (meter_mod(ALL_METERS, command=MODIFY), OFPMMFC.INVALID_METER),
        (meter_mod(int(OFPM.CONTROLLER), command=DELETE), OFPMMFC.INVALID_METER),
        (meter_mod(5, command=MODIFY), OFPMMFC.UNKNOWN_METER),
        (meter_mod(5, command=9), OFPMMFC.BAD_COMMAND),
        (MeterMod13(ADD, 1, 5, (MeterBandDrop(1, 0),) * 65), OFPMMFC.OUT_OF_BANDS),
        (MeterMod13(ADD, 1, 5, (MeterBandExperimenter(1, 0, 9),)), OFPMMFC.BAD_BAND),
    ],
)
def test_what_a_meter_may_not_be_is_refused_and_leaves_nothing(mod: MeterMod13, code: int) -> None:
    lab = ObjectLab()
    lab.b.say_all(meter_mod(5))
    lab.a.refused(mod, FAILED, code)
    lab.a.question(OFPMP.METER_CONFIG, MeterStatsRequest(ALL_METERS))
    assert lab.a.told() == ()


def test_the_quota_of_meters_is_the_slices_own_and_all_are_its_own() -> None:
    lab = ObjectLab(limits={"c0": SliceLimits(meters=2)})
    made = lab.a.say_all(meter_mod(1), meter_mod(2))
    lab.a.refused(meter_mod(3), FAILED, OFPMMFC.OUT_OF_METERS)
    lab.b.say_all(meter_mod(3))
    gone = lab.a.say_all(meter_mod(ALL_METERS, command=DELETE))
    assert [one.meter_id for one in gone] == [one.meter_id for one in made]
    lab.b.question(OFPMP.METER_CONFIG, MeterStatsRequest(ALL_METERS))
    assert [one.meter_id for one in lab.b.told()] == [3]


def test_entries_go_through_the_meter_of_their_slice_and_end_with_it() -> None:
    lab = ObjectLab()
    lab.b.say_all(meter_mod(1))
    entry = flow_mod13(own(), InstructionMeter(1), output13(2))
    lab.a.refused(entry, FAILED, OFPMMFC.INVALID_METER)
    (made,) = lab.a.say_all(meter_mod(1))
    (sent,) = lab.a.say_all(entry)
    assert InstructionMeter(made.meter_id) in sent.instructions
    gone = lab.a.say_all(meter_mod(1, command=DELETE))
    assert [type(one) for one in gone] == [FlowMod13, MeterMod13]
    assert not len(lab.datapath.sliced.table("c0"))


def test_a_meter_that_the_switch_refuses_is_not_there() -> None:
    lab = ObjectLab()
    lab.a.say_all(meter_mod(1))
    lab.refuse_last(METER_MOD, FAILED, OFPMMFC.OUT_OF_METERS)
    (error,) = lab.a.news()
    assert (error.type, error.code) == (FAILED, OFPMMFC.OUT_OF_METERS)
    lab.news()
    lab.a.refused(meter_mod(1, command=MODIFY), FAILED, OFPMMFC.UNKNOWN_METER)
    lab.a.say_all(meter_mod(1, 100), meter_mod(1, 200, MODIFY))
    lab.refuse_last(METER_MOD, FAILED, OFPMMFC.BAD_RATE)
    lab.a.news()
    lab.a.question(OFPMP.METER_CONFIG, MeterStatsRequest(1))
    assert lab.a.told()[0].bands == (MeterBandDrop(100, 0),)


def test_counters_are_those_of_own_meters_by_own_numbers() -> None:
    lab = ObjectLab()
    (mine,) = lab.a.say_all(meter_mod(70))
    (other,) = lab.b.say_all(meter_mod(70))
    lab.a.say_all(flow_mod13(own(), InstructionMeter(70), output13(2)))
    (asked,) = lab.a.question(OFPMP.METER, MeterStatsRequest(70))
    assert asked == MultipartRequest(OFPMP.METER, 0, MeterStatsRequest(mine.meter_id))
    stats = tuple(
        MeterStats(one.meter_id, 9, 5, 500, 1, 0, (Counter(1, 100),)) for one in (mine, other)
    )
    lab.answer(MultipartReply(OFPMP.METER, 0, stats), lab.last_xid())
    assert lab.a.told() == (MeterStats(70, 1, 5, 500, 1, 0, (Counter(1, 100),)),)
    unknown = MultipartRequest(int(OFPMP.METER), 0, MeterStatsRequest(other.meter_id + 100))
    lab.a.refused(unknown, FAILED, OFPMMFC.UNKNOWN_METER)
    unknown = MultipartRequest(int(OFPMP.METER_CONFIG), 0, MeterStatsRequest(71))
    lab.a.refused(unknown, FAILED, OFPMMFC.UNKNOWN_METER)


def test_the_features_tell_as_many_meters_as_the_slice_may_have() -> None:
    lab = ObjectLab(limits={"c0": SliceLimits(meters=5)})
    lab.a.question(OFPMP.METER_FEATURES)
    features = MeterFeatures(1000, 2, 5, 1, 0)
    lab.answer(MultipartReply(OFPMP.METER_FEATURES, 0, features), lab.last_xid())
    assert lab.a.told() == MeterFeatures(5, 2, 5, 1, 0)


# ---- bandwidth of slices


class BandwidthLab(ObjectLab):
    """The switch of the suite; what is told as an event is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []
        self.datapath.listen(lambda _event, **about: self.events.append(about))

    def hold(self, share: BandwidthShare | None, name: str = "c0") -> list[Any]:
        """Have a slice held to a share; return what the switch was told."""
        settings = SliceSettings(name, (), bandwidth=share)
        self.datapath.set_slice(settings, RateLimiter(settings.limits, self.now), None)
        self.datapath.set_flowspace(self.datapath.flowspace, self.now)
        return [one for one in self.news() if not isinstance(one, BarrierRequest)]

    def metered(self, sent: list[Any]) -> set[int]:
        """Return the meters that entries of the first table are told to go through."""
        return {
            one.meter_id
            for mod in sent
            if isinstance(mod, FlowMod13) and mod.table_id == 0
            for one in mod.instructions
            if isinstance(one, InstructionMeter)
        }


def test_a_meter_is_there_before_the_first_table_uses_it_and_after() -> None:
    lab = BandwidthLab()
    sent = lab.hold(MBPS_6)
    (mod,) = [one for one in sent if isinstance(one, MeterMod13)]
    assert mod.bands == (MeterBandDrop(6000, 600),)
    assert mod.flags == OFPMF.KBPS | OFPMF.BURST
    assert not lab.metered(sent)
    lab.settle()
    assert lab.metered(lab.news()) == {mod.meter_id}
    (changed,) = lab.hold(BandwidthShare(BandwidthMode.METER, rate_kbps=4000))
    assert changed == MeterMod13(MODIFY, int(OFPMF.KBPS), mod.meter_id, (MeterBandDrop(4000, 0),))
    lab.settle()
    lab.news()
    sent = lab.hold(None)
    kinds = [type(one) for one in sent]
    assert MeterMod13 in kinds
    assert kinds.index(MeterMod13) > max(at for at, one in enumerate(kinds) if one is FlowMod13)
    assert sent[kinds.index(MeterMod13)] == MeterMod13(DELETE, 0, mod.meter_id)
    assert not lab.metered(sent)


def test_a_switch_without_meters_serves_the_slice_and_tells_that_it_is_not_held() -> None:
    lab = BandwidthLab()
    lab.hold(MBPS_6)
    lab.refuse_last(METER_MOD, FAILED, OFPMMFC.OUT_OF_METERS)
    lab.settle()
    assert not lab.metered(lab.news())
    assert lab.datapath.presence("c0").bandwidth_fault == (
        "the switch refused its meter: error 12/10"
    )
    (told,) = lab.events
    assert (told["slice"], told["dpid"]) == ("c0", 0)
    (again,) = [one for one in lab.hold(MBPS_6) if isinstance(one, MeterMod13)]
    lab.settle()
    assert lab.metered(lab.news()) == {again.meter_id}
    assert lab.datapath.presence("c0").bandwidth_fault is None


def test_a_meter_whose_confirmation_was_forgotten_is_asked_for_again() -> None:
    lab = BandwidthLab()
    (mod,) = [one for one in lab.hold(MBPS_6) if isinstance(one, MeterMod13)]
    for _ in range(CAPACITY):
        lab.datapath._link.xids.translate(Asked(lab.b, 1, b""))
    lab.settle()
    assert not lab.metered(lab.news())
    (again,) = [one for one in lab.hold(MBPS_6) if isinstance(one, MeterMod13)]
    assert (again.command, again.meter_id) == (MODIFY, mod.meter_id)
    lab.settle()
    assert lab.metered(lab.news()) == {mod.meter_id}


def test_tenants_neither_see_nor_touch_the_meters_of_the_slicer() -> None:
    lab = BandwidthLab()
    (mod,) = [one for one in lab.hold(MBPS_6) if isinstance(one, MeterMod13)]
    lab.settle()
    lab.news()
    lab.a.question(OFPMP.METER_CONFIG, MeterStatsRequest(ALL_METERS))
    assert lab.a.told() == ()
    lab.a.refused(meter_mod(mod.meter_id, command=MODIFY), FAILED, OFPMMFC.UNKNOWN_METER)
    assert not lab.a.say_all(meter_mod(ALL_METERS, command=DELETE))


def test_a_slice_that_goes_takes_its_meter_along() -> None:
    lab = BandwidthLab()
    (mod,) = [one for one in lab.hold(MBPS_6) if isinstance(one, MeterMod13)]
    lab.settle()
    lab.a.say_all(meter_mod(1))
    lab.news()
    lab.datapath.remove_slice("c0", lab.now)
    gone = [one.meter_id for one in lab.news() if isinstance(one, MeterMod13)]
    assert len(gone) == 2
    assert mod.meter_id in gone


def test_a_switch_of_1_0_tells_that_it_has_no_meters() -> None:
    sliced = Sliced()
    events: list[dict[str, Any]] = []
    sliced.datapath.listen(lambda _event, **about: events.append(about))
    for _ in range(2):
        settings = SliceSettings("c0", (), bandwidth=MBPS_6)
        sliced.datapath.set_slice(settings, RateLimiter(settings.limits, sliced.now), None)
    assert [one["slice"] for one in events] == ["c0"]
    presence = sliced.datapath.presence("c0")
    assert presence is not None
    assert presence.bandwidth_fault == "OpenFlow 1.0 has no meters"


def test_an_error_about_nothing_of_the_slicers_changes_nothing() -> None:
    lab = BandwidthLab()
    lab.answer(Error(FAILED, 1, bytes(64)), 0)
    lab.answer(Error(FAILED, 1, bytes(64)), 0xFFFFFFFF)
    assert not lab.events
