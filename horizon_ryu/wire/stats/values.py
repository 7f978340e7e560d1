"""Values of switches' answers, free of versions; None where a switch does not count."""

from __future__ import annotations

from typing import NamedTuple


class Features(NamedTuple):
    """``capabilities`` and ``actions`` are bitmaps (1.0.0 section 5.3.1, 1.3.5 section 7.3.1)."""

    n_tables: int
    capabilities: int
    actions: int | None


class PortState(NamedTuple):
    """A port as it is set up; ``speed_kbps`` is 0 where the switch does not say."""

    port_no: int
    hw_addr: str
    name: str
    speed_kbps: int
    enabled: bool
    flood: bool
    state: int
    link: bool


class PortCounters(NamedTuple):
    """The counters of a port; ``alive``: seconds since it was made (1.3 only)."""

    port_no: int
    rx_packets: int | None
    tx_packets: int | None
    rx_bytes: int | None
    tx_bytes: int | None
    rx_dropped: int | None
    tx_dropped: int | None
    rx_errors: int | None
    tx_errors: int | None
    rx_frame_err: int | None
    rx_over_err: int | None
    rx_crc_err: int | None
    collisions: int | None
    alive: float | None = None


class PortLoad(NamedTuple):
    """Of a port's counters those of its load; ``alive`` as in :class:`PortCounters`."""

    port_no: int
    rx_bytes: int | None
    tx_bytes: int | None
    rx_dropped: int | None
    tx_dropped: int | None
    alive: float | None


class TableCounters(NamedTuple):
    """A flow table; ``name`` and ``max_entries`` None where the switch has not told them."""

    table_id: int
    name: str | None
    max_entries: int | None
    active_count: int | None
    lookup_count: int | None
    matched_count: int | None


class TableFeatures(NamedTuple):
    """What 1.3 tells apart from the counters; ``actions``: bitmap of the types it can apply."""

    table_id: int
    name: str
    max_entries: int
    actions: int


class Aggregate(NamedTuple):
    """The sums over all flow entries."""

    packet_count: int | None
    byte_count: int | None
    flow_count: int | None
