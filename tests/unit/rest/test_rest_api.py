"""The API as a controller puts it together."""

from __future__ import annotations

import errno
import logging
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from webob import Request

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.loop_record import PATIENCE, LoopRecord
from horizon_ryu.disk_space import DiskSpace
from horizon_ryu.http.event_log import EventLog
from horizon_ryu.hub_lag import WINDOW, HubLag
from horizon_ryu.kept_layout import KeptLayout
from horizon_ryu.kept_names import KeptNames
from horizon_ryu.metrics import Metrics
from horizon_ryu.published import Published
from horizon_ryu.rest.api import Api
from horizon_ryu.settings import RestOptions, Settings
from horizon_ryu.store import Store
from horizon_ryu.store_thread import STORE_PATIENCE, StoreThread
from horizon_ryu.supervision import REMEMBERED, Supervisor
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.serving.accepting import LASTING_SECONDS, AcceptFailures


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def services(clock: Clock, **rest: Any) -> Any:
    metrics, runtime = Metrics(), GreenRuntime()
    store, events = Store("sqlite://"), EventLog(runtime)
    return SimpleNamespace(
        switch_names=KeptNames(store, events.publish, nullcontext()),
        layout=KeptLayout(store, events.publish, nullcontext()),
        settings=Settings(rest=RestOptions(**rest)),
        metrics=metrics,
        store=store,
        store_thread=StoreThread(runtime),
        supervisor=Supervisor(runtime, clock, metrics.loop_failed),
        events=events,
        runtime=runtime,
        clock=clock,
        accept_failures=AcceptFailures(logging.getLogger(__name__), clock),
        published=Published(),
        disk=DiskSpace(Path(), runtime),
        switches=SimpleNamespace(connected_switches=lambda: {1: None, 2: None}),
    )


def test_health_tells_uptime_and_switches() -> None:
    clock = Clock()
    api = Api(services(clock))
    clock.now += 42
    body = Request.blank("/v1/health").get_response(api.router).json
    assert body["status"] == "ok"
    assert (body["uptime"], body["switches"], body["hub_lag"]) == (42.0, 2, 0.0)


def test_health_names_some_of_the_switches_that_are_slow_to_join() -> None:
    controller = services(Clock())
    controller.published.slow_joins = frozenset(range(1, 1000))
    body = Request.blank("/v1/health").get_response(Api(controller).router).json
    assert body["status"] == "ok"
    assert body["slow_joins"] == [f"{dpid:016x}" for dpid in range(1, 33)]


def test_metrics_tell_of_events_and_switches() -> None:
    controller = services(Clock())
    api = Api(controller)
    controller.events.publish("link_add", {})
    text = Request.blank("/metrics").get_response(api.router).text
    assert 'horizon_events_total{kind="link_add"} 1.0' in text
    assert "horizon_connected_switches 2.0" in text
    assert "horizon_hub_lag_seconds 0.0" in text


def test_a_store_that_does_not_answer_degrades_health(monkeypatch: pytest.MonkeyPatch) -> None:
    silence = STORE_PATIENCE
    monkeypatch.setattr(StoreThread, "busy_for", lambda _self: silence)
    api = Api(services(Clock()))
    assert Request.blank("/v1/health").get_response(api.router).json["status"] == "ok"
    silence += 1
    body = Request.blank("/v1/health").get_response(api.router).json
    assert body["status"] == "degraded"
    assert body["reasons"] == ["the store has not answered for 11 s"]


def test_servers_are_looked_at_once_per_look_at_health(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    lasting = AcceptFailures.lasting
    monkeypatch.setattr(AcceptFailures, "lasting", lambda self: looks.append(1) or lasting(self))
    api = Api(services(Clock()))
    Request.blank("/v1/health").get_response(api.router)
    assert looks == [1]


def test_a_late_event_loop_degrades_health(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(HubLag, "seconds", property(lambda _self: 1.5))
    body = Request.blank("/v1/health").get_response(Api(services(clock)).router).json
    assert body["status"] == "degraded"


def test_a_server_that_cannot_accept_degrades_health_as_long_as_it_cannot() -> None:
    clock = Clock()
    controller = services(clock)
    api = Api(controller)
    controller.accept_failures.note("openflow", OSError(errno.EMFILE, "Too many open files"))
    body = Request.blank("/v1/health").get_response(api.router).json
    assert (body["status"], body["not_accepting"]) == ("degraded", ["openflow"])
    text = Request.blank("/metrics").get_response(api.router).text
    assert 'horizon_accept_failures_total{reason="openflow EMFILE"} 1.0' in text
    clock.now += LASTING_SECONDS
    body = Request.blank("/v1/health").get_response(api.router).json
    assert (body["status"], body["not_accepting"]) == ("ok", [])


def test_worst_lag_is_remembered_for_a_while() -> None:
    clock = Clock()
    lag = HubLag(GreenRuntime(), clock)
    lag.note(0.5)
    lag.note(0.1)
    assert lag.seconds == 0.5
    clock.now += WINDOW
    lag.note(0.2)
    assert lag.seconds == 0.5
    clock.now += WINDOW
    lag.note(0.1)
    assert lag.seconds == 0.2


def test_limits_and_tokens_are_settings(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("monitor monitor-token-0001\n")
    path.chmod(0o600)
    api = Api(services(Clock(), tokens_file=str(path), max_body=1024))
    assert api.router.protected
    assert Request.blank("/metrics").get_response(api.router).status_int == 401
    path.chmod(0o644)
    with pytest.raises(InvalidInput, match="chmod"):
        Api(services(Clock(), tokens_file=str(path)))


def test_a_store_that_cannot_be_written_degrades_health(tmp_path: Path) -> None:
    controller = services(Clock())
    api = Api(controller)
    assert Request.blank("/v1/health").get_response(api.router).json["reasons"] == []
    controller.store.trouble = "disk full"
    controller.store.failures["write"] += 3
    body = Request.blank("/v1/health").get_response(api.router).json
    assert body["status"] == "degraded"
    assert body["reasons"] == ["the store cannot be written: disk full"]
    text = Request.blank("/metrics").get_response(api.router).text
    assert "horizon_store_writable 0.0" in text
    assert 'horizon_store_failures_total{operation="write"} 3.0' in text


def test_a_migration_that_goes_on_being_tried_in_vain_degrades_health() -> None:
    controller = services(Clock())
    api = Api(controller)
    controller.published.unsettled_migrations = ("migration m1 of r1 from a is unsettled: gone",)
    body = Request.blank("/v1/health").get_response(api.router).json
    assert body["status"] == "degraded"
    assert body["reasons"] == ["migration m1 of r1 from a is unsettled: gone"]


def test_a_router_whose_agent_says_nothing_degrades_health() -> None:
    controller = services(Clock())
    api = Api(controller)
    controller.published.silent_routers = ("the agent of router r1 on a says nothing",)
    body = Request.blank("/v1/health").get_response(api.router).json
    assert (body["status"], body["reasons"]) == (
        "degraded",
        ["the agent of router r1 on a says nothing"],
    )


def test_a_loop_that_fails_degrades_health_for_a_minute() -> None:
    clock = Clock()
    controller = services(clock)
    api = Api(controller)
    controller.supervisor.failed("Discovery._probe", KeyError("a secret"))
    response = Request.blank("/v1/health").get_response(api.router)
    assert response.json["status"] == "degraded"
    assert response.json["reasons"] == ["Discovery._probe failed a moment ago: see the log"]
    assert "secret" not in response.text
    text = Request.blank("/metrics").get_response(api.router).text
    assert 'horizon_loop_failures_total{loop="Discovery._probe"} 1.0' in text
    clock.now += REMEMBERED
    assert Request.blank("/v1/health").get_response(api.router).json["status"] == "ok"


def test_health_tells_every_loop_and_what_is_wrong_with_it() -> None:
    clock = Clock()
    controller = services(clock)
    api = Api(controller)
    controller.supervisor.loop(LoopRecord("Discovery._probe", clock.now), lambda: None)
    clock.now += 12
    body = Request.blank("/v1/health").get_response(api.router).json
    assert body["status"] == "ok"
    assert body["loops"] == [
        {
            "name": "Discovery._probe",
            "last_turn": 12.0,
            "failures": 0,
            "idle": False,
            "trouble": None,
        }
    ]
    text = Request.blank("/metrics").get_response(api.router).text
    assert 'horizon_loop_last_turn_seconds{loop="Discovery._probe"} 12.0' in text
    assert "horizon_degraded 0.0" in text
    clock.now += PATIENCE
    body = Request.blank("/v1/health").get_response(api.router).json
    assert body["status"] == "degraded"
    assert body["reasons"] == ["Discovery._probe has not turned for 72 s"]
    assert body["loops"][0]["trouble"] == "has not turned for 72 s"
    assert "horizon_degraded 1.0" in Request.blank("/metrics").get_response(api.router).text


def test_health_tells_store_disk_servers_and_belief() -> None:
    controller = services(Clock())
    api = Api(controller)
    controller.disk.free, controller.disk.total = 1000, 10**9
    controller.published.believes_links = False
    controller.accept_failures.note("rest", OSError(errno.EMFILE, "Too many open files"))
    body = Request.blank("/v1/health").get_response(api.router).json
    assert body["store"] == {
        "writable": True,
        "trouble": None,
        "disk_free": 1000,
        "disk_total": 10**9,
    }
    assert body["accepting"] == {"rest": False}
    assert body["discovery"] == {"believes": False}
    assert body["reasons"] == [
        "rest cannot accept connections",
        "the disk of the store is nearly full: 1000 bytes are free",
    ]
    text = Request.blank("/metrics").get_response(api.router).text
    assert 'horizon_accepting{server="rest"} 0.0' in text
    assert "horizon_discovery_believes 0.0" in text
    assert "horizon_store_disk_free_bytes 1000.0" in text


def test_the_bare_status_needs_no_token_and_tells_no_more(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("monitor monitor-token-0001\nslice:a tenant-token-00001\n")
    path.chmod(0o600)
    controller = services(Clock(), tokens_file=str(path))
    api = Api(controller)

    def told(token: str | None) -> Any:
        request = Request.blank("/v1/health")
        if token is not None:
            request.headers["Authorization"] = f"Bearer {token}"
        return request.get_response(api.router)

    for token in (None, "tenant-token-00001"):
        assert told(token).json == {"status": "ok"}
    controller.store.trouble = "a secret"
    assert told(None).json == {"status": "degraded"}
    assert told("monitor-token-0001").json["reasons"] == ["the store cannot be written: a secret"]
    assert told("monitor-token-0002").status_int == 401
    assert Request.blank("/v1/health", method="HEAD").get_response(api.router).status_int == 200
    for method in ("OPTIONS", "POST"):
        refused = Request.blank("/v1/health", method=method).get_response(api.router)
        assert refused.status_int == 401


def test_openapi_tells_that_the_status_needs_no_token(tmp_path: Path) -> None:
    document = Request.blank("/v1/openapi.json").get_response(Api(services(Clock())).router).json
    operation = document["paths"]["/v1/health"]["get"]
    assert operation["security"] == [{}, {"bearer": []}]
    assert operation["description"] == "Needs no token; tells all to monitor."
    assert document["components"]["schemas"]["Health"]["required"] == ["status"]
