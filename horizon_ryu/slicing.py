"""Slicing: the network divided among controllers, and the API of it (report, sections 3.1 and 4.2).

Events in: none. Events out: none; what happens to slices, switches and tenants is told on
``/v1/events``. Switches connect to the slicer's engine, a process of its own that this application
starts, or finds again; it goes on slicing while this one is away.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from horizon_ryu.app import HorizonApp
from horizon_ryu.core.slicing.seen_ports import ports_seen
from horizon_ryu.rest import slices as slices_resource
from horizon_ryu.slicer_files import statistics_words, tls_words
from horizon_ryu.slices.engine_client import EngineClient
from horizon_ryu.slices.engine_place import engine_folder
from horizon_ryu.slices.engine_process import EngineOptions, EngineProcess
from horizon_ryu.slices.service import LOOK_SECONDS, SliceService


class Slicing(HorizonApp):
    """Keeps the slices, and has the engine work by them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        horizon, options = self.horizon, self.horizon.settings.slicing
        folder = engine_folder(options.folder, horizon.store.folder)
        more = [*statistics_words(options), *tls_words(options)]
        started = EngineOptions(folder, options.listen, options.instance, more)
        self._client = EngineClient(horizon.runtime, horizon.supervisor, started.socket)
        self._process = EngineProcess(horizon.runtime, horizon.supervisor, self._client, started)
        self._slices = SliceService(
            horizon.store, self._client, horizon.events.publish, horizon.runtime
        )
        horizon.router.add(slices_resource.resources(self._slices))
        horizon.slice_ports = self._ports
        self._client.listen(self._told)
        self._client.on_connect(self._slices.look)
        self._measure()

    def start(self) -> None:
        """Begin to look after the engine, once all applications are there."""
        super().start()
        self._client.start()
        self._process.start()
        self.spawn_loop(self._look)

    def stop(self) -> None:
        """Let the engine go; it goes on."""
        self._process.close()
        self._client.close()
        super().stop()

    def _look(self) -> None:
        self.horizon.runtime.sleep(LOOK_SECONDS)
        self._slices.look()
        self._slices.expire()
        self.horizon.published.slicer_trouble = self._trouble()

    def _trouble(self) -> str | None:
        if not self._client.is_connected:
            return self._process.problem() or "the slicer's engine is away"
        trouble = self._slices.status.trouble
        return self._process.problem() if trouble is None else f"the slicer's engine: {trouble}"

    def _told(self, event: str, about: Mapping[str, Any]) -> None:
        """Tell on what the engine tells."""
        self.horizon.events.publish(f"slicer_{event}", dict(about))

    def _ports(self, name: str, _authorization: str | None) -> Mapping[int, frozenset[int]] | None:
        """Return the ports that a slice has, by switch; None if there is no such slice."""
        if name not in self._slices.registry.slices:
            return None
        return ports_seen(self._client.call("topology", slice=name))

    def _measure(self) -> None:
        metrics, slices = self.horizon.metrics, self._slices
        metrics.gauge("horizon_slices", "Slices", lambda: len(slices.registry.slices))
        text = "Rules of all slices"
        metrics.gauge("horizon_slice_rules", text, lambda: slices.registry.rule_count())
        text = "1 if the slicer's engine answers, else 0"
        metrics.gauge("horizon_slicer_engine_up", text, lambda: int(slices.status.trouble is None))
        text = "Starts of the slicer's engine"
        metrics.gauge("horizon_slicer_engine_starts", text, lambda: self._process.starts)
        for name in ("switches", "tenants"):
            text = f"Connections of {name} of the slicer"
            metrics.gauge(f"horizon_slicer_{name}", text, partial(self._count, name))

        text = "Frames that no slice owns, which a switch has dropped since it connected"
        metrics.counters("horizon_slicer_unowned_frames", text, "dpid", self._unowned)

    def _unowned(self) -> Mapping[str, int]:
        switches = self._slices.status.told.get("switches")
        found = switches.items() if isinstance(switches, Mapping) else ()
        return {dpid: one.get("unowned", 0) for dpid, one in found}

    def _count(self, name: str) -> int:
        found = self._slices.status.told.get(name, ())
        return len(found) if isinstance(found, (list, dict)) else 0
