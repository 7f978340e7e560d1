"""Both carriers of the client library, over real sockets: answers, errors, events that resume."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from horizon_client import (
    AccessRefused,
    ApiRequest,
    CannotBeSent,
    Client,
    DependencyAway,
    HorizonEvent,
    InputRefused,
    NoAnswer,
    NotAController,
    NothingThere,
    RequestRefused,
    SentElsewhere,
    StateConflict,
    TooMuch,
    UnusableName,
    WrongConnection,
    controller,
    flows,
    networks,
    topology,
)
from horizon_client.api_path import api_path
from horizon_client.api_request import as_nothing
from unit.client.carriers import Ask, Follow, each_ask, each_follow, trickling
from unit.client.told_controller import ToldController, event, sends

A, B = "0000000000000001", "0000000000000002"
NETWORK = {
    "switches": [{"dpid": A, "address": "x", "openflow": "1.3", "connected": True, "ports": [],
                  "newer": [1]}],
    "links": [{"src": {"dpid": A, "port_no": 1}, "dst": {"dpid": B, "port_no": 2},
               "bidirectional": True, "in_tree": None}],
    "hosts": [],
    "told_by_a_newer_controller": {"x": 1},
}  # fmt: skip


@pytest.fixture
def told() -> Iterator[ToldController]:
    with ToldController().serving() as made:
        yield made


@each_ask
def test_an_answer_is_a_model_whatever_a_newer_controller_tells_beside(
    told: ToldController, ask: Ask
) -> None:
    told.answers["/v1/topology"] = 200, NETWORK
    found = ask(told.url, topology.read(network="ip:10.0.0.0/24"))
    assert found.switches[0].openflow == "1.3"
    assert found.links[0].dst.port_no == 2
    assert told.asked == ["/v1/topology?network=ip%3A10.0.0.0%2F24"]
    assert told.tokens == ["Bearer secret"]


@each_ask
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InputRefused), (401, AccessRefused), (403, AccessRefused), (404, NothingThere),
        (409, StateConflict), (418, RequestRefused), (422, InputRefused), (424, DependencyAway),
        (429, TooMuch), (503, RequestRefused), (504, DependencyAway),
    ],
)  # fmt: skip
def test_a_problem_is_an_error_that_says_why(
    told: ToldController, ask: Ask, status: int, kind: type[RequestRefused]
) -> None:
    problem = {
        "type": "/v1/openapi.json#/components/responses/Invalid",
        "title": "Invalid input",
        "detail": "not so",
        "errors": [{"loc": ["src", "dpid"], "msg": "no switch"}, 7],
        "switch": A,
    }
    told.answers["/v1/flows"] = status, problem
    with pytest.raises(kind) as raised:
        ask(told.url, flows.list_all())
    found = raised.value.problem
    assert (found.status, found.type, found.switch, found.host) == (status, "Invalid", A, None)
    assert str(raised.value) == "Invalid input: not so; src.dpid: no switch"


@each_ask
@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"[" * 100_000, b"\xff", b'{"title": 3}'])
def test_a_problem_that_is_none_is_told_by_its_status(
    told: ToldController, ask: Ask, body: bytes
) -> None:
    told.answers["/v1/health"] = 500, body
    with pytest.raises(RequestRefused, match="answered 500"):
        ask(told.url, controller.health())


@each_ask
@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"[" * 100_000, b"\xff", {"flows": 3}])
def test_somebody_else_is_told_from_a_controller(
    told: ToldController, ask: Ask, body: object
) -> None:
    told.answers["/v1/flows"] = 200, body
    with pytest.raises(NotAController, match=told.url):
        ask(told.url, flows.list_all())


DELETION: ApiRequest[Any] = ApiRequest("GET", api_path("v1", "flows", "1"), as_nothing)
"""Read as a deletion is; the server here knows GET only."""


@each_ask
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_no_success_and_is_not_followed(
    told: ToldController, ask: Ask, status: int
) -> None:
    """A proxy that sends from HTTP to HTTPS has deleted nothing, and gets no token elsewhere."""
    told.answers["/v1/flows/1"] = status, b""
    told.headers["Location"] = f"{told.url}/v1/elsewhere"
    with pytest.raises(SentElsewhere, match="/v1/elsewhere") as raised:
        ask(told.url, DELETION)
    assert raised.value.location == f"{told.url}/v1/elsewhere"
    assert told.asked == ["/v1/flows/1"]


@each_ask
@pytest.mark.parametrize("body", [b"<html>", b"ok", b"\xff", b"[" * 100_000])
def test_an_answer_that_says_nothing_may_be_anothers_too(
    told: ToldController, ask: Ask, body: bytes
) -> None:
    told.answers["/v1/flows/1"] = 200, body
    with pytest.raises(NotAController):
        ask(told.url, DELETION)
    told.answers["/v1/flows/1"] = 200, b""
    ask(told.url, DELETION)
    told.headers["Content-Type"] = "text/html; charset=utf-8"
    with pytest.raises(NotAController):
        ask(told.url, DELETION)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@each_ask
def test_an_answer_that_trickles_is_not_waited_for_to_its_end(ask: Ask) -> None:
    with trickling(HEAD, b" ") as url, pytest.raises(NoAnswer, match="not whole"):
        ask(url, flows.list_all().within(0.2))


@each_ask
def test_an_answer_that_is_cut_off_is_none(ask: Ask) -> None:
    with trickling(HEAD + b'{"flows": []}', b"") as url, pytest.raises(NoAnswer, match="closed"):
        ask(url, flows.list_all())


@each_ask
def test_nobody_is_an_error_of_its_own(ask: Ask) -> None:
    with pytest.raises(NoAnswer, match=r"127\.0\.0\.1:9"):
        ask("http://127.0.0.1:9", flows.list_all())


@each_ask
def test_authorities_that_the_environment_names_and_are_not_there_are_told(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    with pytest.raises(NoAnswer, match="No such file"):
        ask("https://controller.invalid", flows.list_all())


@each_ask
def test_what_cannot_be_sent_is_not(told: ToldController, ask: Ask) -> None:
    with pytest.raises(CannotBeSent):
        ask(told.url, flows.create_from({"priority": float("nan")}))
    assert told.asked == []


@pytest.mark.parametrize("url", ["", "x", "ftp://h", "http://", "http://h:99999", "http://h:0"])
def test_a_wrong_address_is_named_before_anything_is_sent(url: str) -> None:
    with pytest.raises(WrongConnection) as raised:
        Client(url)
    assert raised.value.field == "url"


def test_a_token_that_is_none_and_a_name_that_nothing_has() -> None:
    with pytest.raises(WrongConnection) as raised:
        Client("http://h", "two words")
    assert raised.value.field == "token"
    for name in ("", ".", "..", "\udcff"):
        with pytest.raises(UnusableName):
            networks.read(name)
    assert api_path("v1", "a/b?", "é") == "/v1/a%2Fb%3F/%C3%A9"


def test_an_answer_tells_where_its_events_go_on(told: ToldController) -> None:
    told.answers["/v1/topology"], told.cursor = (200, NETWORK), "9f3ac41b-7"
    assert Client(told.url).tell(topology.read()).cursor == "9f3ac41b-7"


# ---- events


@each_follow
def test_events_are_resumed_by_number_and_none_comes_twice(
    told: ToldController, follow: Follow
) -> None:
    told.cursor = "9f3ac41b-4"
    told.scripts = [sends(event(5), event(6)), sends(event(6), event(7))]
    found = follow(told.url, 3, kinds=("link_add", "link_delete"))
    assert [one.seq for one in found] == [5, 6, 7]
    kinds = "kinds=link_add%2Clink_delete"
    assert told.asked == [
        "/v1",
        f"/v1/events?since=9f3ac41b-4&{kinds}",
        f"/v1/events?since=9f3ac41b-6&{kinds}",
    ]


@each_follow
def test_a_gap_is_told_and_the_numbers_of_the_new_run_are_taken(
    told: ToldController, follow: Follow
) -> None:
    told.scripts = [
        sends(event(90)),
        sends(event(0, "gap", since=90, oldest=1, newest=2, epoch="00c0ffee"), event(1)),
        sends(event(2)),
    ]
    found = follow(told.url, 4, since="9f3ac41b-80")
    assert [(one.seq, one.is_gap) for one in found] == [
        (90, False),
        (0, True),
        (1, False),
        (2, False),
    ]
    asked = [path.partition("since=")[2] for path in told.asked]
    assert asked == ["9f3ac41b-80", "9f3ac41b-90", "00c0ffee-1"]


@each_follow
def test_an_older_controller_without_cursors_is_asked_by_numbers(
    told: ToldController, follow: Follow
) -> None:
    told.scripts = [sends(event(3)), sends(event(4))]
    assert [one.seq for one in follow(told.url, 2, since=2)] == [3, 4]
    assert told.asked == ["/v1", "/v1/events?since=2", "/v1/events?since=3"]


@each_follow
def test_a_refused_stream_says_why_and_is_not_asked_again(
    told: ToldController, follow: Follow
) -> None:
    told.answers["/v1/events"] = 422, {"title": "Invalid input", "detail": "no such kind"}
    with pytest.raises(InputRefused, match="no such kind"):
        follow(told.url, 1, kinds=("nonsense",))
    assert told.asked == ["/v1", "/v1/events?kinds=nonsense"]


@each_follow
def test_a_controller_that_stays_away_is_not_waited_for_longer_than_told(
    told: ToldController, follow: Follow
) -> None:
    told.scripts = [sends(event(3))]
    found: list[HorizonEvent] = []
    with pytest.raises(NoAnswer):
        found += follow(told.url, 2, since="9f3ac41b-2", patience=-1.0)
    with pytest.raises(NoAnswer):
        follow("http://127.0.0.1:9", 1)


@each_follow
@pytest.mark.parametrize("text", ["[]", "{}", "x", event(1).replace("1.5", '"now"'), "[" * 9999])
def test_what_is_no_event_is_not_taken_for_one(
    told: ToldController, follow: Follow, text: str
) -> None:
    told.scripts = [sends(text)]
    with pytest.raises(NotAController):
        follow(told.url, 1)


PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "HTTP_PROXY", "no_proxy")


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What has the environment name a proxy."""

    def name(proxy: str) -> None:
        for variable in PROXIES:
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("all_proxy", proxy)

    return name


@each_ask
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks5://127.0.0.1:1", "nonsense"])
def test_no_proxy_is_asked_for_a_controller_on_this_machine(
    told: ToldController, ask: Ask, behind: Callable[[str], None], proxy: str
) -> None:
    behind(proxy)
    told.answers["/v1/topology"] = 200, NETWORK
    assert ask(told.url, topology.read()).hosts == ()


@each_ask
@pytest.mark.parametrize("proxy", ["http://me:secret@127.0.0.1:1", "socks5://127.0.0.1:1"])
def test_a_proxy_that_does_not_answer_is_named_without_its_password(
    ask: Ask, behind: Callable[[str], None], proxy: str
) -> None:
    behind(proxy)
    with pytest.raises(NoAnswer, match=r"by the proxy .*127\.0\.0\.1:1, which") as raised:
        ask("http://controller.example", topology.read())
    assert "secret" not in str(raised.value)


@each_follow
def test_events_of_this_machine_come_by_no_proxy(
    told: ToldController, follow: Follow, behind: Callable[[str], None]
) -> None:
    behind("socks5://127.0.0.1:1")
    told.scripts = [sends(event(1))]
    assert [one.seq for one in follow(told.url, 1)] == [1]
