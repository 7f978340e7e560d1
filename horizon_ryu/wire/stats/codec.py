"""Statistics of one version: its questions as bytes, and what the answers say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from horizon_ryu.wire.capabilities import capabilities_of
from horizon_ryu.wire.description import Description
from horizon_ryu.wire.stats import readers, requests
from horizon_ryu.wire.stats.flow_text import FlowText
from horizon_ryu.wire.stats.form import Form
from horizon_ryu.wire.stats.types import StatsType
from horizon_ryu.wire.stats.values import (
    Aggregate,
    Features,
    PortCounters,
    PortLoad,
    PortState,
    TableCounters,
)


class StatsCodec:
    """Binds the readers to a version, so that nobody who reads has to know it."""

    def __init__(self, version: int) -> None:
        self._version = version
        described = capabilities_of(version).port_desc
        self.port_states_type = StatsType.PORT_DESC if described else StatsType.FEATURES
        """The question whose answer tells the states of the ports."""

    def encode_request(self, kind: StatsType, xid: int) -> bytes:
        """Return the question of ``kind``."""
        return requests.encode(self._version, kind, xid)

    def description(self, pieces: Sequence[bytes]) -> Description | None:
        """Return the texts about a switch; None if it told none."""
        return readers.read_description(self._version, pieces)

    def aggregate(self, pieces: Sequence[bytes]) -> Aggregate | None:
        """Return the sums over all flow entries; None if they were not told."""
        return readers.read_aggregate(self._version, pieces)

    def features(self, pieces: Sequence[bytes]) -> Features | None:
        """Return what a features reply says; None if there is none."""
        return readers.read_features(self._version, pieces)

    def port_states(self, pieces: Sequence[bytes]) -> Iterator[PortState]:
        """Yield the ports, of the answer to ``port_states_type``."""
        return readers.read_port_states(self._version, pieces)

    def port_counters(self, pieces: Iterable[bytes]) -> Iterator[PortCounters]:
        """Yield the counters of each port."""
        return readers.read_port_counters(self._version, pieces)

    def port_loads(self, pieces: Iterable[bytes]) -> Iterator[PortLoad]:
        """Yield of each port the counters that rates are made of."""
        return readers.read_port_loads(self._version, pieces)

    def tables(self, pieces: Iterable[bytes]) -> Iterator[TableCounters]:
        """Yield the flow tables."""
        return readers.read_tables(self._version, pieces)

    def flow_text(self, form: Form) -> FlowText:
        """Return what writes flow entries in ``form``."""
        return FlowText(self._version, form)
