"""Counters of switches and ports in Prometheus' text format, written as a stream.

A family of prometheus_client is a list of objects; for ten thousand ports these hold up the
switches for a second. Labels are numbers: there is nothing to escape, and no peer grows them
beyond the ports that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.stats.samples import SwitchSamples
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.stats.types import StatsType
from horizon_ryu.wire.stats.values import PortCounters

MAX_PORTS = 100_000
"""Series of one family; the ports beyond are left out."""
_PORT_COUNTERS = (
    ("rx_packets", "Packets received"),
    ("tx_packets", "Packets sent"),
    ("rx_bytes", "Bytes received"),
    ("tx_bytes", "Bytes sent"),
    ("rx_dropped", "Received packets that were dropped"),
    ("tx_dropped", "Packets to be sent that were dropped"),
    ("rx_errors", "Receive errors"),
    ("tx_errors", "Transmit errors"),
)


def text(switches: Callable[[], Iterable[SwitchSamples]], now: float) -> Iterator[str]:
    """Yield the families, a few kilobytes at a time."""
    known = tuple(switches())
    ports = [
        (dpid_to_text(switch.dpid), counters)
        for switch in known
        for counters in codec_of(switch.version).stats.port_counters(switch.pieces(StatsType.PORTS))
    ][:MAX_PORTS]
    for name, words in _PORT_COUNTERS:
        family = f"horizon_switch_port_{name}_total"
        yield f"# HELP {family} {words}\n# TYPE {family} counter\n"
        yield from _series(family, name, ports)
    yield from _gauge(
        "horizon_switch_flows", "Flow entries", ((switch, _flows(switch)) for switch in known)
    )
    yield from _gauge(
        "horizon_switch_echo_seconds",
        "Round-trip time of the last echo",
        ((switch, switch.rtt) for switch in known),
    )
    yield from _gauge(
        "horizon_switch_stats_age_seconds",
        "Age of the port counters",
        ((switch, switch.age(StatsType.PORTS, now)) for switch in known),
    )


def _series(family: str, name: str, ports: list[tuple[str, PortCounters]]) -> Iterator[str]:
    lines: list[str] = []
    for dpid, counters in ports:
        value = getattr(counters, name)
        if value is not None:
            lines.append(f'{family}{{dpid="{dpid}",port="{counters.port_no}"}} {value}\n')
        if len(lines) == 256:
            yield "".join(lines)
            lines.clear()
    yield "".join(lines)


def _gauge(
    family: str, words: str, values: Iterable[tuple[SwitchSamples, float | None]]
) -> Iterator[str]:
    yield f"# HELP {family} {words}\n# TYPE {family} gauge\n"
    for switch, value in values:
        if value is not None:
            yield f'{family}{{dpid="{dpid_to_text(switch.dpid)}"}} {value}\n'


def _flows(switch: SwitchSamples) -> int | None:
    found = codec_of(switch.version).stats.aggregate(switch.pieces(StatsType.AGGREGATE))
    return None if found is None else found.flow_count
