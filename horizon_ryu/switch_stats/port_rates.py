"""Rates of a switch's ports, from its last two polls."""

from __future__ import annotations

from horizon_ryu.core.stats.rates import Rates, Reading, rates
from horizon_ryu.core.stats.samples import Sample, SwitchSamples
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.stats.codec import StatsCodec
from horizon_ryu.wire.stats.types import StatsType


def port_rates(switch: SwitchSamples) -> dict[int, Rates]:
    """Return the rates by port number; of each, None where two readings do not tell."""
    latest = switch.latest.get(StatsType.PORTS)
    if latest is None:
        return {}
    codec = codec_of(switch.version).stats
    earlier = switch.before.get(StatsType.PORTS)
    before = {} if earlier is None else _readings(codec, earlier)
    after = _readings(codec, latest)
    return {number: rates(before.get(number), reading) for number, reading in after.items()}


def _readings(codec: StatsCodec, sample: Sample) -> dict[int, Reading]:
    return {load.port_no: Reading(sample.at, *load[1:]) for load in codec.port_loads(sample.pieces)}
