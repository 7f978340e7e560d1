"""Handlers of Ryu's events fail aloud, and leave nothing of a switch half known."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from ryu.base.app_manager import RyuApp
from ryu.controller.event import EventBase
from ryu.lib import hub

from horizon_ryu.app import HorizonApp
from horizon_ryu.core.loop_record import PATIENCE
from horizon_ryu.core.topology import Switch
from horizon_ryu.supervision import Supervisor
from horizon_ryu.switch_events import EventSwitchConnected, EventSwitchLeft
from xen_bridge.runtime.green import GreenRuntime


class Controller:
    """What an application is given, with a clock, and the switches that it disconnected."""

    def __init__(self) -> None:
        self.now = 100.0
        self.counts: Counter[str] = Counter()
        self.runtime = GreenRuntime()
        self.supervisor = Supervisor(
            self.runtime, lambda: self.now, lambda name: self.counts.update((name,))
        )
        self.disconnected: list[int] = []
        self.switches = SimpleNamespace(
            disconnect=lambda dpid, _reason: self.disconnected.append(dpid)
        )

    def start(self, _wsgi: Any) -> None:
        """Begin nothing."""


class Listener(HorizonApp):
    """Takes events, and raises what it is given."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.raised: list[BaseException] = []
        self.heard: list[EventBase] = []
        self.gate: Any = None

    def hear(self, event: EventBase) -> None:
        if self.gate is not None:
            self.gate.wait()
        if self.raised:
            raise self.raised.pop(0)
        self.heard.append(event)


@pytest.fixture
def controller() -> Controller:
    return Controller()


@pytest.fixture
def listener(controller: Controller) -> Any:
    made = Listener(wsgi=None, horizon=controller)
    for kind in (EventSwitchConnected, EventSwitchLeft, EventBase):
        made.register_handler(kind, made.hear)
    made.start()
    yield made
    made.stop()


def tell(listener: Listener, *events: EventBase) -> None:
    for event in events:
        listener._send_event(event, None)
    while not listener.events.empty():
        hub.sleep(0)
    hub.sleep(0)


def test_what_a_handler_raises_is_told_and_its_loop_goes_on(
    controller: Controller, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    listener.raised = [KeyError("x"), KeyError("y"), hub.Timeout(None)]
    tell(listener, *(EventBase() for _ in range(4)))
    assert len(listener.heard) == 1
    assert controller.counts == {"Listener.hear": 3}
    assert controller.supervisor.failing() == ("Listener.hear",)
    told = [record for record in caplog.records if record.exc_info]
    assert len(told) == 2, "one traceback for each kind of exception"
    assert controller.disconnected == []


def test_a_switch_of_which_half_is_known_is_disconnected(
    controller: Controller, listener: Listener
) -> None:
    listener.raised = [KeyError("x")] * 3
    switch = Switch(7, "192.0.2.7:1", 4, {})
    from_ryu = EventBase()
    from_ryu.msg = SimpleNamespace(datapath=SimpleNamespace(id=9))  # type: ignore[attr-defined]
    tell(listener, EventSwitchConnected(switch), EventSwitchLeft(8), from_ryu)
    assert controller.disconnected == [7, 8, 9]


def test_a_loop_of_events_that_is_idle_is_well_and_one_that_hangs_is_not(
    controller: Controller, listener: Listener
) -> None:
    hub.sleep(0)
    (record,) = controller.supervisor.records()
    assert record.name == "events of Listener"
    controller.now += 10_000
    assert record.trouble(controller.now) is None
    listener.gate = controller.runtime.event()
    listener._send_event(EventBase(), None)
    hub.sleep(0)
    controller.now += PATIENCE + 1
    assert record.trouble(controller.now) == f"has not turned for {PATIENCE + 1:.0f} s"
    listener.gate.set()
    hub.sleep(0)
    hub.sleep(0)
    assert record.trouble(controller.now) is None


def test_what_ends_ryus_loop_of_events_begins_it_again(
    controller: Controller, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.sleep(0)
    tell(listener, EventBase())
    whole = RyuApp.get_handlers

    def broken(*args: Any) -> Any:
        monkeypatch.setattr(RyuApp, "get_handlers", whole)
        raise RuntimeError("no handlers")

    monkeypatch.setattr(RyuApp, "get_handlers", broken)
    tell(listener, EventBase())
    assert controller.counts == {"events of Listener": 1}
    while len(listener.heard) < 2:
        tell(listener, EventBase())
        hub.sleep(0.01)
