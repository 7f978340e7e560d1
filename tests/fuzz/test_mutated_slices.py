"""Slices that were mutated, over REST: taken whole, by the engine too, or nothing is changed."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from webob import Request, Response

from examples import examples
from horizon_ryu.core.slicing.slice_registry import SliceRegistry, told
from horizon_ryu.http.router import Router
from horizon_ryu.rest import slices as slices_resource
from horizon_ryu.slices.service import SliceService
from horizon_ryu.slices.slice_rows import registry_of
from unit.rest.fake_engine import FakeEngine, MemorySlices
from xen_bridge.runtime.green import GreenRuntime


class SliceApi:
    """The resources of slices alone, over fakes."""

    def __init__(self) -> None:
        self.store, self.engine = MemorySlices(), FakeEngine()
        self.slices = SliceService(self.store, self.engine, lambda *_: None, GreenRuntime())
        self.router = Router()
        self.router.add(slices_resource.resources(self.slices))

    def ask(self, method: str, path: str, body: Any = None) -> Response:
        request = Request.blank(path, method=method)
        if method != "GET":
            request.body, request.content_type = json.dumps(body).encode(), "application/json"
        return request.get_response(self.router)


BASE: dict[str, Any] = {
    "name": "fuzzed",
    "controllers": [{"url": "tcp:127.0.0.1:6653", "role": "control"}],
    "flowspace": [
        {
            "dpids": ["1", 2],
            "ports": [1, "5-8", "local"],
            "match": {
                "dl_vlan": ["10-20", "untagged"],
                "nw_src": ["10.0.0.0/8", "11.0.0.1-11.0.0.9"],
                "dl_src": "00:00:00:00:00:01/00:00:00:00:00:ff",
                "dl_type": "ip",
                "nw_proto": ["tcp", 17],
                "tp_dst": [80, "8000-8080"],
            },
            "priority": 7,
            "permissions": "rwd",
            "queues": [1, 2],
            "force_queue": 1,
        },
        {"match": {"ipv6_dst": "2001:db8::/32", "eth_type": 0x86DD}},
    ],
    "limits": {"flow_entries": 5, "per_switch": {"1": {"messages_per_s": 3}}},
    "bandwidth": {"mode": "ip_tos", "value": 32},
    "drop_policy": "rule",
    "enabled": True,
    "expires_s": 60,
    "contact": "me",
    "description": "what\nfor",
    "allows_vendor": [5],
}
PATCHES: dict[str, Any] = {**BASE, "flowspace": [{"id": 1, "within": None}, {"ports": [1]}]}
_TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", "0", "-1", "1-", "9-1", "0x10", "\u0661", "\x00", "\ud7ff", "10.0.0.0/33", "all"]
    ),
)
_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 70_000),
        st.sampled_from([1 << 32, 1 << 53, 1 << 63, 1 << 64, -(1 << 70), 10**40]),
        st.floats(allow_nan=False, allow_infinity=False),
        _TEXTS,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value in a document, but the document itself."""
    keys = list(document) if isinstance(document, dict) else range(len(document))
    found = []
    for key in keys:
        found.append((*at, key))
        if isinstance(document[key], (dict, list)):
            found += places(document[key], (*at, key))
    return found


@st.composite
def mutated(draw: Any, base: dict[str, Any]) -> Any:
    """Draw a document of which up to three values are others, gone, twice there, or misnamed."""
    document = copy.deepcopy(base)
    for _ in range(draw(st.integers(0, 3))):
        here = places(document)
        if not here:
            return draw(_VALUES)
        *way, last = draw(st.sampled_from(here))
        holder = document
        for key in way:
            holder = holder[key]
        what = draw(st.sampled_from(["other", "gone", "more"]))
        if what == "gone":
            del holder[last]
        elif what == "other":
            holder[last] = draw(_VALUES)
        elif isinstance(holder, dict):
            holder[draw(st.text(max_size=6))] = copy.deepcopy(holder[last])
        else:
            holder.append(copy.deepcopy(holder[last]))
    return document


METHODS = st.sampled_from(["POST", "PATCH", "PUT", "RULES"])


@settings(max_examples=examples(50, 300), derandomize=True)
@given(st.data(), METHODS, st.booleans())
def test_a_slice_is_taken_whole_or_refused_by_name(data: Any, method: str, dry: bool) -> None:
    client = SliceApi()
    client.ask("POST", "/v1/slices", {"name": "there", "flowspace": [{"ports": [3]}]})
    client.ask("POST", "/v1/slices", {**BASE, "name": "old", "controllers": []})
    before = client.slices.registry
    body, path = _request(data, method)
    sent = {"RULES": "POST"}.get(method, method)
    answer = client.ask(sent, f"{path}?dry_run={int(dry)}", body)
    after = client.slices.registry
    assert answer.status_int in (200, 201, 400, 409, 422), answer.text
    if answer.status_int >= 400:
        assert answer.content_type == "application/problem+json"
        assert answer.status_int == 409 or answer.json["errors"]
    if answer.status_int >= 400 or dry:
        assert after is before
        return
    assert client.engine.document == after.engine_document()
    assert registry_of(client.store.rows) == after
    now = client.slices.now()
    again = SliceRegistry().replaced([told(one, now) for one in after.slices.values()], now)
    assert {name: list(one.rules) for name, one in again.slices.items()} == {
        name: list(one.rules) for name, one in after.slices.items()
    }


def _request(data: Any, method: str) -> tuple[Any, str]:
    if method == "PATCH":
        return data.draw(mutated({**PATCHES, "name": "there"})), "/v1/slices/there"
    if method == "PUT":
        return data.draw(mutated({"slices": [BASE, {"name": "two"}]})), "/v1/slices"
    if method == "RULES":
        found = data.draw(mutated({"rules": BASE["flowspace"]}))
        return (
            found.get("rules") if isinstance(found, dict) else found
        ), "/v1/slices/there/flowspace"
    return data.draw(mutated(BASE)), "/v1/slices"


@settings(max_examples=examples(40, 100), derandomize=True)
@given(mutated(BASE))
@example({**BASE, "controllers": [{"url": "tcp:h:" + "9" * 5000}]})
def test_what_a_slice_is_told_as_makes_the_same_slice_again(document: Any) -> None:
    client = SliceApi()
    made = client.ask("POST", "/v1/slices", document)
    if made.status_int != 201:
        assert made.status_int in (400, 422)
        return
    listed = client.ask("GET", "/v1/slices").json
    again = client.ask("PUT", "/v1/slices", {"slices": listed["slices"]})
    assert again.status_int == 200
    (one,), (other,) = listed["slices"], again.json["slices"]
    assert {**one, "expires_s": 0} == {**other, "expires_s": 0}
