"""The document of statistics (report 3.3.2, 3.3.3): a tree that is made while it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.stats.rates import Rates
from horizon_ryu.core.stats.samples import SwitchSamples
from horizon_ryu.core.timers import StatsTimers
from horizon_ryu.formats.stats_forms import Items, JsonForm, Members, Nested, Written, XmlForm
from horizon_ryu.switch_stats.port_rates import port_rates
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


class StatsDocument:
    """Writes documents in one form, at one moment."""

    def __init__(
        self, form: XmlForm | JsonForm, now: float, timers: StatsTimers, rates: bool
    ) -> None:
        """``form`` also writes flow entries; ``rates`` adds them to the ports."""
        self._form = form
        self._now = now
        self._timers = timers
        self._rates = rates

    def everything(self, switches: Iterable[SwitchSamples]) -> Iterator[str]:
        """Yield the document of all switches."""
        objects = (Nested(self._datapath(switch, tuple(StatsSection))) for switch in switches)
        yield from self._form.document(ROOT, [("datapaths", Items("datapath", objects))])

    def one(self, switch: SwitchSamples, part: StatsSection | None, is_xml: bool) -> Iterator[str]:
        """Yield the document of one switch, or of one class; in XML below the same root."""
        members = self._datapath(switch, tuple(StatsSection) if part is None else (part,))
        if is_xml:
            datapath = Items("datapath", [Nested(members)])
            yield from self._form.document(ROOT, [("datapaths", datapath)])
        else:
            yield from self._form.document(ROOT, members)

    def _datapath(self, switch: SwitchSamples, parts: tuple[StatsSection, ...]) -> Members:
        yield "dpid", dpid_to_text(switch.dpid)
        # The lower 48 bits of a datapath id are a MAC address (1.0.0 section 5.3.1).
        yield "dp_mac", mac_to_text((switch.dpid & 0xFFFF_FFFF_FFFF).to_bytes(6, "big"))
        sections = {
            StatsSection.DESC: ("dp_desc_stats", self._desc),
            StatsSection.PORTS: ("dp_stats", self._stats),
            StatsSection.TABLES: ("dp_table_stats", self._tables),
            StatsSection.AGGREGATE: ("dp_aggr_stats", self._aggregate),
            StatsSection.FLOWS: ("dp_flow_stats", self._flows),
        }
        for part in parts:
            name, members = sections[part]
            yield name, Nested(members(switch))

    def _age(self, switch: SwitchSamples, kind: StatsType) -> tuple[str, float | None]:
        age = switch.age(kind, self._now)
        return "age", None if age is None else round(age, 3)

    def _desc(self, switch: SwitchSamples) -> Members:
        found = _codec(switch).description(switch.pieces(StatsType.DESC))
        yield self._age(switch, StatsType.DESC)
        yield "ip", _ip(switch.address)
        for name in ("sw_desc", "hw_desc", "serial_num", "mfr_desc", "dp_desc"):
            yield name, getattr(found, name, None)

    def _stats(self, switch: SwitchSamples) -> Members:
        features = _codec(switch).features(switch.pieces(StatsType.FEATURES))
        yield self._age(switch, StatsType.PORTS)
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
        yield self._age(switch, StatsType.TABLES)
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
        yield self._age(switch, StatsType.AGGREGATE)
        for name in ("packet_count", "byte_count", "flow_count"):
            yield name, getattr(found, name, None)

    def _flows(self, switch: SwitchSamples) -> Members:
        yield self._age(switch, StatsType.FLOWS)
        texts = _codec(switch).flow_text(self._form)
        yield "flows", Written(texts.slices(switch.pieces(StatsType.FLOWS)))


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
