"""Loads of ports and links (``/v1/stats/loads``), and their last minutes (``…/history``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Protocol

from pydantic import StringConstraints

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.stats.history import SPAN, STEP, PortPoints, RateHistory
from horizon_ryu.core.stats.rates import Rates
from horizon_ryu.core.topology import PortRef, TopologyView
from horizon_ryu.http.resource import Call, Resource, Versioned, operation, resources_of
from horizon_ryu.rest.given import DpidGiven
from horizon_ryu.rest.model import Dpid, Model, PortNo, optional
from horizon_ryu.rest.topology_model import PortRefModel, port_ref_model

_STALE = 6 * STEP
"""Seconds after which a rate is no load any more: its switch is gone, or answers nothing."""
_DIGITS = 3


class PortLoadModel(Model):
    """What a port receives and sends, in bits per second; null where it is not known.

    ``speed_kbps`` is 0 where the switch does not say.
    """

    dpid: Dpid
    port_no: PortNo
    rx_bps: float | None
    tx_bps: float | None
    dropped_per_s: float | None
    speed_kbps: int


class LinkLoadModel(Model):
    """What one direction of a link carries: what its source sends.

    ``load_percent`` is of the slower end, null where neither says how fast it is.
    """

    src: PortRefModel
    dst: PortRefModel
    bps: float | None
    load_percent: float | None


class LoadsModel(Model):
    """The newest rates of all ports and links."""

    ports: tuple[PortLoadModel, ...]
    links: tuple[LinkLoadModel, ...]


class PortHistoryModel(Model):
    """The rates of a port, oldest first; ``times`` are seconds before now, as negative numbers."""

    dpid: Dpid
    port_no: PortNo
    times: tuple[float, ...]
    rx_bps: tuple[float | None, ...]
    tx_bps: tuple[float | None, ...]
    dropped_per_s: tuple[float | None, ...]


class HistoryModel(Model):
    """The last ``seconds`` of a switch; points are ``step`` seconds apart, or more."""

    seconds: int
    step: float
    ports: tuple[PortHistoryModel, ...]


class HistoryQuery(Model):
    """Whose history is wanted; without ``port_no`` that of every port of the switch."""

    dpid: DpidGiven
    port_no: Annotated[str, StringConstraints(pattern="^[0-9]{1,10}$")] = optional()
    seconds: Annotated[str, StringConstraints(pattern="^([1-9][0-9]?|[1-8][0-9]{2}|900)$")] = (
        optional(description="How far back, 900 at most and by default")
    )


class LoadsProvider(Protocol):
    """Who has rates: Stats."""

    def history(self) -> RateHistory:
        """Return what is remembered."""

    def view(self) -> TopologyView:
        """Return the topology."""

    def now(self) -> float:
        """Return the time of the rates' clock."""


class LoadsOperations:
    """Operations on rates, now and lately."""

    tag = "statistics"

    def __init__(self, provider: LoadsProvider) -> None:
        self._provider = provider

    @operation("GET", "/v1/stats/loads")
    def loads(self, _call: Call) -> Versioned[LoadsModel]:
        """Tell how loaded every port and every link is."""
        history, view, now = self._provider.history(), self._provider.view(), self._provider.now()
        # Without any new point what is old becomes stale: a step later it is looked at again.
        sources = (history.version, view, int(now / STEP))
        return Versioned(sources, lambda _: loads_model(history, view, now))

    @operation("GET", "/v1/stats/history")
    def history(self, _call: Call, query: HistoryQuery) -> HistoryModel:
        """Tell the rates of a switch's ports over the last minutes."""
        seconds = int(query.seconds or SPAN)
        port_no = None if query.port_no is None else int(query.port_no)
        now = self._provider.now()
        points = self._provider.history().of(query.dpid, now - seconds, port_no)
        ports = tuple(_history_model(query.dpid, one, now) for one in points)
        return HistoryModel(seconds=seconds, step=STEP, ports=ports)


def resources(provider: LoadsProvider) -> list[Resource]:
    """Return the resources of loads and their history."""
    return resources_of(LoadsOperations(provider))


def loads_model(history: RateHistory, view: TopologyView, now: float) -> LoadsModel:
    """Return the loads of the ports and links of ``view``; of those that are known."""
    rates = dict(_newest(history, view, now))
    ports = tuple(_port_model(ref, found, view) for ref, found in sorted(rates.items()))
    links = tuple(
        _link_model(link.src, link.dst, rates.get(link.src), view)
        for _, link in sorted(view.links.items())
    )
    return LoadsModel(ports=ports, links=links)


def _newest(
    history: RateHistory, view: TopologyView, now: float
) -> Iterator[tuple[PortRef, Rates]]:
    for dpid in view.switches:
        found = history.latest(dpid)
        if found is not None and found[0] >= now - _STALE:
            for port_no, rates in found[1].items():
                yield PortRef(dpid, port_no), rates


def _speed(ref: PortRef, view: TopologyView) -> int:
    switch = view.switches.get(ref.dpid)
    port = None if switch is None else switch.port(ref.port_no)
    return 0 if port is None else port.speed_kbps


def _port_model(ref: PortRef, rates: Rates, view: TopologyView) -> PortLoadModel:
    return PortLoadModel(
        dpid=dpid_to_text(ref.dpid),
        port_no=ref.port_no,
        rx_bps=_rounded(rates.rx_bps),
        tx_bps=_rounded(rates.tx_bps),
        dropped_per_s=_rounded(rates.dropped_per_s),
        speed_kbps=_speed(ref, view),
    )


def _link_model(
    src: PortRef, dst: PortRef, rates: Rates | None, view: TopologyView
) -> LinkLoadModel:
    speeds = [speed for speed in (_speed(src, view), _speed(dst, view)) if speed]
    bps = None if rates is None else rates.tx_bps
    percent = None if bps is None or not speeds else bps / (10 * min(speeds))
    return LinkLoadModel(
        src=port_ref_model(src),
        dst=port_ref_model(dst),
        bps=_rounded(bps),
        load_percent=_rounded(percent),
    )


def _history_model(dpid: int, points: PortPoints, now: float) -> PortHistoryModel:
    return PortHistoryModel(
        dpid=dpid_to_text(dpid),
        port_no=points.port_no,
        times=tuple(round(at - now, 1) for at in points.times),
        rx_bps=tuple(_rounded(one.rx_bps) for one in points.rates),
        tx_bps=tuple(_rounded(one.tx_bps) for one in points.rates),
        dropped_per_s=tuple(_rounded(one.dropped_per_s) for one in points.rates),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
