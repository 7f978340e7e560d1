"""Keys of virtual routers: they say Hello and tell their routes, a few at a time, and no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from xen_bridge.protocol import messages
from xen_bridge.protocol.documents.channel import Acknowledgement, ChannelMessages, NumberedMessage
from xen_bridge.protocol.documents.domains import DeleteDomain, Done, GetNode
from xen_bridge.protocol.documents.hello import HelloAnswer, RouterHello
from xen_bridge.protocol.documents.planes import ListPlanes, PlaneList
from xen_bridge.protocol.documents.route_change import RouteChange
from xen_bridge.protocol.messages import Message
from xen_bridge.runtime.limiter import ThreadLimiter
from xen_bridge.runtime.threads import ThreadRuntime
from xen_bridge.server.dispatcher import ROUTERS_IN_FLIGHT, Dispatcher
from xen_bridge.server.request_handler import Origin, RequestHandler

OWN, CONTROLLER, ROUTER, STRANGER = "AAAA", "BBBB", "CCCC", "DDDD"
TOLD = ChannelMessages(1, 1, (NumberedMessage(1, RouteChange()),))


class HangingNode:
    """A dispatcher whose Hello waits until it may be answered."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.waiting = threading.Semaphore(0)
        runtime = ThreadRuntime()

        def hello(_body: RouterHello, _origin: Origin) -> HelloAnswer:
            self.waiting.release()
            self.may_answer.wait(20)
            return HelloAnswer("separated")

        handlers: dict[type[Any], RequestHandler[Any]] = {
            RouterHello: RequestHandler(hello, blocking=False, needs_origin=True),
            ChannelMessages: RequestHandler(
                lambda _body, _origin: Acknowledgement(1, 1, 1), needs_origin=True
            ),
            DeleteDomain: RequestHandler(lambda _body: Done()),
            ListPlanes: RequestHandler(lambda _body: PlaneList()),
        }
        self.dispatcher = Dispatcher(
            OWN,
            lambda: {CONTROLLER: "controller"},
            handlers,
            runtime,
            ThreadLimiter(runtime, "hypervisor", 4),
            ThreadLimiter(runtime, "parsing", 1),
            None,
            lambda: {ROUTER: "r1"},
        )

    def ask(self, body: Any, key: str = ROUTER, router: str | None = None) -> tuple[int, Any]:
        reply = self.dispatcher.answer(messages.write(messages.request(key, body, router)), key)
        return reply.status, messages.read(reply.data).body


@pytest.fixture
def node() -> Iterator[HangingNode]:
    made = HangingNode()
    yield made
    made.may_answer.set()


def test_a_router_says_hello_and_tells_its_routes(node: HangingNode) -> None:
    assert node.ask(RouterHello("r")) == (200, HelloAnswer("separated"))
    assert node.ask(TOLD) == (200, Acknowledgement(1, 1, 1))


@pytest.mark.parametrize("body", [DeleteDomain("r2"), GetNode(), ListPlanes()])
def test_a_router_is_refused_all_else(node: HangingNode, body: Any) -> None:
    status, problem = node.ask(body)
    assert (status, problem.status) == (403, 403)
    assert "nothing else" in problem.detail


def test_a_router_reaches_no_other_router_through_domain_0(node: HangingNode) -> None:
    assert node.ask(RouterHello("r"), router="r2")[0] == 403


def test_who_is_neither_gets_no_further_and_the_controller_everywhere(node: HangingNode) -> None:
    assert node.ask(RouterHello("r"), STRANGER)[0] == 403
    assert node.ask(DeleteDomain("r2"), CONTROLLER)[0] == 200


def test_the_key_in_the_message_is_that_of_the_connection(node: HangingNode) -> None:
    data = messages.write(Message(ROUTER, 1, RouterHello("r")))
    assert node.dispatcher.answer(data, CONTROLLER).status == 403


def test_one_router_has_few_requests_in_flight_and_others_go_on(node: HangingNode) -> None:
    node.may_answer.clear()
    threads = [
        threading.Thread(target=node.ask, args=(RouterHello("r"),))
        for _ in range(ROUTERS_IN_FLIGHT)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert node.waiting.acquire(timeout=20)
    assert node.ask(RouterHello("r"))[0] == 429
    assert node.ask(TOLD)[0] == 429
    assert node.ask(ListPlanes(), CONTROLLER)[0] == 200
    node.may_answer.set()
    for thread in threads:
        thread.join()
    assert node.ask(RouterHello("r"))[0] == 200
