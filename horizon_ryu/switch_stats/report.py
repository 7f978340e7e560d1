"""The document of statistics (report 3.3.2, 3.3.3): a tree that is made while it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import chain

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.stats.rates import Rates
from horizon_ryu.core.stats.samples import SwitchSamples
from horizon_ryu.core.timers import StatsTimers
from horizon_ryu.formats.stats_forms import (
    Items,
    JsonForm,
    Members,
    Nested,
    Prepared,
    Written,
    XmlForm,
)
from horizon_ryu.switch_stats.port_rates import port_rates
from horizon_ryu.switch_stats.section_texts import SectionTexts
from horizon_ryu.wire.addresses import mac_to_text
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.stats.codec import StatsCodec
from horizon_ryu.wire.stats.types import StatsType
from horizon_ryu.wire.stats.values import PortCounters, TableFeatures

ROOT = "openflowstats"


class StatsSection(Enum):
    """The classes of 3.3.3, by their names in URLs."""

    DESC = "desc"
    PORTS = "ports"
    TABLES = "tables"
    AGGREGATE = "aggregate"
    FLOWS = "flows"


_NAMES = {
    StatsSection.DESC: "dp_desc_stats",
    StatsSection.PORTS: "dp_stats",
    StatsSection.TABLES: "dp_table_stats",
    StatsSection.AGGREGATE: "dp_aggr_stats",
    StatsSection.FLOWS: "dp_flow_stats",
}
_KINDS = {
    StatsSection.DESC: StatsType.DESC,
    StatsSection.PORTS: StatsType.PORTS,
    StatsSection.TABLES: StatsType.TABLES,
    StatsSection.AGGREGATE: StatsType.AGGREGATE,
    StatsSection.FLOWS: StatsType.FLOWS,
}
MOST_FLOW_BYTES = 64 * 1024
"""Of the flow entries of a switch whose text is kept; of more it is made while it is sent."""


class StatsDocument:
    """Writes documents in one form, at one moment."""

    def __init__(
        self,
        form: XmlForm | JsonForm,
        now: float,
        timers: StatsTimers,
        rates: bool,
        texts: SectionTexts | None = None,
    ) -> None:
        """``form`` also writes flow entries; ``rates`` adds them to the ports.

        ``texts`` keeps sections from one document to the next.
        """
        self._texts = texts or SectionTexts()
        self._form = form
        self._now = now
        self._timers = timers
        self._rates = rates
        self._members: dict[StatsSection, Callable[[SwitchSamples], Members]] = {
            StatsSection.DESC: self._desc,
            StatsSection.PORTS: self._stats,
            StatsSection.TABLES: self._tables,
            StatsSection.AGGREGATE: self._aggregate,
            StatsSection.FLOWS: self._flows,
        }

    def everything(self, switches: Iterable[SwitchSamples]) -> Iterator[str | bytes]:
        """Yield the document of all switches; what was kept of it is UTF-8 already."""
        known, parts = tuple(switches), tuple(StatsSection)
        if not (self._rates or any(map(_is_long, known))):
            yield from self._from_kept(known)
            return
        objects = (Nested(self._datapath(switch, parts)) for switch in known)
        yield from self._form.document(ROOT, [("datapaths", Items("datapath", objects))])

    def _from_kept(self, switches: Iterable[SwitchSamples]) -> Iterator[str | bytes]:
        whole = "".join(self._form.document(ROOT, [("datapaths", Written((_AGE,)))]))
        before, after = whole.split(_AGE)
        joint = b""
        yield before
        for switch in switches:
            yield self._kept_datapath(switch, joint)
            joint = self._form.joint.encode()
        yield after

    def _kept_datapath(self, switch: SwitchSamples, joint: bytes) -> bytes:
        """Return ``joint`` and a switch in one piece: what was kept, and the ages between."""
        between = self._texts.texts(
            (switch.dpid, None, type(self._form)),
            (switch, switch.news, self._timers),
            lambda: self._between_ages(switch),
        )
        parts, now, latest, texts = [joint], self._now, switch.latest, iter(between)
        for kind in _KINDS.values():
            sample = latest.get(kind)
            if sample is not None:
                age = round(max(0.0, now - sample.at), 3)
                parts += (next(texts), b"%a" % age)
        parts.append(next(texts))
        return b"".join(parts)

    def _between_ages(self, switch: SwitchSamples) -> tuple[bytes, ...]:
        """Return what stands before, between and after the ages that are known of a switch."""
        form = self._form
        sections = []
        for part in StatsSection:
            is_known = _KINDS[part] in switch.latest
            age = form.number("age", _AGE if is_known else None)
            told = (text for text in (age, self._rest(switch, part)) if text)
            sections.append(form.nested(_NAMES[part], form.joint.join(told)))
        inner = form.joint.join((form.inner(_identity(switch)), *sections))
        return tuple(text.encode() for text in form.item("datapath", inner).split(_AGE))

    def one(self, switch: SwitchSamples, part: StatsSection | None, is_xml: bool) -> Iterator[str]:
        """Yield the document of one switch, or of one class; in XML below the same root."""
        members = self._datapath(switch, tuple(StatsSection) if part is None else (part,))
        if is_xml:
            datapath = Items("datapath", [Nested(members)])
            yield from self._form.document(ROOT, [("datapaths", datapath)])
        else:
            yield from self._form.document(ROOT, members)

    def _datapath(self, switch: SwitchSamples, parts: tuple[StatsSection, ...]) -> Members:
        yield from _identity(switch)
        for part in parts:
            yield _NAMES[part], self._section(switch, part)

    def _section(self, switch: SwitchSamples, part: StatsSection) -> Prepared | Nested:
        """Return a section of which only the age is new, if nothing else is."""
        age = _rounded(switch.age(_KINDS[part], self._now))
        if part is StatsSection.FLOWS and _is_long(switch):
            # What may be tens of megabytes is written while it is sent.
            return Nested(chain([("age", age)], self._members[part](switch)))
        return Prepared("age", age, self._rest(switch, part))

    def _rest(self, switch: SwitchSamples, part: StatsSection) -> str:
        """Return the text of a section without its age."""
        rates = self._rates and part is StatsSection.PORTS
        (text,) = self._texts.texts(
            (switch.dpid, part, type(self._form), rates),
            self._sources(switch, part, rates),
            lambda: (self._form.inner(self._members[part](switch)),),
        )
        return text

    def _sources(
        self, switch: SwitchSamples, part: StatsSection, rates: bool
    ) -> tuple[object, ...]:
        """Return all that a section is made from: an answer that is the same is not replaced."""
        latest = switch.latest.get(_KINDS[part])
        sources = (part, switch, None if latest is None else latest.pieces)
        if part is StatsSection.TABLES:
            return (*sources, switch.table_features)
        if part is not StatsSection.PORTS:
            return sources
        states_type = _codec(switch).port_states_type
        features, states = map(switch.latest.get, (StatsType.FEATURES, states_type))
        about = (
            None if features is None else features.pieces,
            None if states is None else states.pieces,
            switch.table_features,
            self._timers,
        )
        # Rates also stand on when the counters were read.
        moments = (latest, switch.before.get(StatsType.PORTS)) if rates else ()
        return (*sources, *about, *moments)

    def _desc(self, switch: SwitchSamples) -> Members:
        found = _codec(switch).description(switch.pieces(StatsType.DESC))
        yield "ip", _ip(switch.address)
        for name in ("sw_desc", "hw_desc", "serial_num", "mfr_desc", "dp_desc"):
            yield name, getattr(found, name, None)

    def _stats(self, switch: SwitchSamples) -> Members:
        features = _codec(switch).features(switch.pieces(StatsType.FEATURES))
        yield "n_tables", getattr(features, "n_tables", None)
        actions = getattr(features, "actions", None)
        if actions is None and switch.table_features:
            actions = switch.table_features[0].actions
        yield "actions", actions
        yield "caps", getattr(features, "capabilities", None)
        yield "flow_poll_interval", self._timers.flows_interval
        yield "port_poll_interval", self._timers.ports_interval
        yield "ports", Items("port", self._ports(switch))

    def _ports(self, switch: SwitchSamples) -> Iterator[Nested]:
        codec = _codec(switch)
        counted = {
            counters.port_no: counters
            for counters in codec.port_counters(switch.pieces(StatsType.PORTS))
        }
        rates = port_rates(switch) if self._rates else {}
        for state in codec.port_states(switch.pieces(codec.port_states_type)):
            counters = counted.pop(state.port_no, None)
            told = state._asdict()
            told["speed"] = told.pop("speed_kbps") or None
            yield Nested(_port(told, counters, self._rates, rates.get(state.port_no)), leaf=True)
        for number, counters in counted.items():
            yield Nested(
                _port({"port_no": number}, counters, self._rates, rates.get(number)), leaf=True
            )

    def _tables(self, switch: SwitchSamples) -> Members:
        table_features = {features.table_id: features for features in switch.table_features}
        yield "tables", Items("table", self._each_table(switch, table_features))

    def _each_table(
        self, switch: SwitchSamples, table_features: dict[int, TableFeatures]
    ) -> Iterator[Nested]:
        for table in _codec(switch).tables(switch.pieces(StatsType.TABLES)):
            features = table_features.get(table.table_id)
            if table.name is None and features is not None:
                table = table._replace(name=features.name, max_entries=features.max_entries)
            yield Nested(table._asdict().items(), leaf=True)

    def _aggregate(self, switch: SwitchSamples) -> Members:
        found = _codec(switch).aggregate(switch.pieces(StatsType.AGGREGATE))
        for name in ("packet_count", "byte_count", "flow_count"):
            yield name, getattr(found, name, None)

    def _flows(self, switch: SwitchSamples) -> Members:
        texts = _codec(switch).flow_text(self._form)
        yield "flows", Written(texts.slices(switch.pieces(StatsType.FLOWS)))


_AGE = "\0"
"""Stands for an age, or for all switches: no text of ours has it."""


def _identity(switch: SwitchSamples) -> Members:
    yield "dpid", dpid_to_text(switch.dpid)
    # The lower 48 bits of a datapath id are a MAC address (1.0.0 section 5.3.1).
    yield "dp_mac", mac_to_text((switch.dpid & 0xFFFF_FFFF_FFFF).to_bytes(6, "big"))


def _is_long(switch: SwitchSamples) -> bool:
    """Tell whether a switch has so many flow entries that their text is not kept."""
    pieces = switch.pieces(StatsType.FLOWS)
    # No message of OpenFlow is as long: the size is 16 bits (1.3.5 section 7.1).
    return len(pieces) > 1 and sum(map(len, pieces)) > MOST_FLOW_BYTES


def _rounded(age: float | None) -> float | None:
    return None if age is None else round(age, 3)


def _codec(switch: SwitchSamples) -> StatsCodec:
    """Return what reads the samples of ``switch``."""
    return codec_of(switch.version).stats


def _ip(address: str) -> str:
    """Return an address without its port: ``192.0.2.1:6653``, ``[2001:db8::1]:6653``."""
    return address.rpartition(":")[0].strip("[]") or address


_COUNTED = (
    "rx_packets", "rx_bytes", "rx_crc_err", "rx_dropped", "rx_errors", "rx_frame_err",
    "rx_over_err", "tx_packets", "tx_bytes", "tx_dropped", "tx_errors", "collisions",
)  # fmt: skip
_STATED = ("port_no", "hw_addr", "name", "speed", "enabled", "flood", "state", "link")


def _port(
    told: dict[str, object], counters: PortCounters | None, with_rates: bool, rates: Rates | None
) -> Members:
    """Yield a port's members in the report's order; what is not known is None."""
    for name in _STATED:
        yield name, told.get(name)
    for name in _COUNTED:
        yield name, getattr(counters, name, None)
    if with_rates:
        for name in ("rx_bps", "tx_bps", "dropped_per_s"):
            value = getattr(rates, name, None)
            yield name, None if value is None else round(value, 3)
