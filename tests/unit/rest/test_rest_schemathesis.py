"""The OpenAPI document as the judge of requests and answers: it must promise what is kept."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from examples import examples
from fake_sysfs import PF
from horizon_ryu.core.errors import NotFound
from xen_bridge.errors import BridgeError
from xen_bridge.protocol.documents.domains import CreateDomain

pytestmark = pytest.mark.timeout(900)
"""A test takes up to a minute of a processor, of which a busy machine has little to give."""
EXAMPLES = examples(3, 30)
"""Per operation and kind of input: bounded, for the time of everybody who runs the tests."""

_CONFIG = {
    # What a schema cannot say is left to 422, the host bits of a range, to 424, which switches
    # there are, and to 501, what a device can do.
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", 404, 409, 422, 424, 426, 501]},
        # 413: a list that is too long may well be a body that is too large.
        "negative_data_rejection": {
            "expected-statuses": [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
        },
    },
}
_KNOWN = {"host": "xen1", "domain": "r1", "address": PF}
"""Path parameters that lead somewhere: what a pattern makes up hardly ever does."""
_KNOWN_NODES = ("xen:xen1", "xen:xen1:r1")
SLICE = "blue"
_BOUNDED = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_as_documented(client: Any, mode: GenerationMode) -> None:
    config = SchemathesisConfig.from_dict(_CONFIG)
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", client.router, config=config)
    schema.validate()
    found: Any = schema.get_all_operations()
    operations = [operation.ok() for operation in found]
    served = {f"{resource.method} {resource.path}" for resource in client.router.resources}
    assert {item.label for item in operations} == served - {"GET /v1/openapi.json"}
    for operation in operations:
        _attack(operation, mode, client)
    answered = client.metrics.requests
    if mode is GenerationMode.POSITIVE:
        assert {"200", "201"} <= set(answered)
        assert client.xen.hosts.outcomes["done"]
    else:
        assert answered["422"]


def _attack(operation: Any, mode: GenerationMode, client: Any) -> None:
    if mode is GenerationMode.NEGATIVE and not _takes_input(operation):
        return

    @_BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
    def attack(case: Any, known: bool) -> None:
        if known and mode is GenerationMode.POSITIVE:
            _have_xen1(client.xen)
            _have_slice(client.slices)
            _lead_somewhere(case, client.xen)
        # What calls a WSGI application does not unpack what is compressed.
        case.call_and_validate(headers={"Accept-Encoding": "identity"})

    attack()


def _lead_somewhere(case: Any, xen: Any) -> None:
    """Put what is there in place of names that are made up, and 1 in place of 1.0."""
    parameters = case.path_parameters or {}
    for name in _KNOWN.keys() & parameters.keys():
        parameters[name] = _KNOWN[name]
    if case.path.startswith("/v1/nodes/"):
        parameters["id"] = _KNOWN_NODES[len(parameters["id"]) % 2]
    if case.path.startswith("/v1/slices/"):
        parameters["name"] = SLICE
    if isinstance(case.body, dict):
        case.body = _with_integers(case.body)
        if "node_pk" in case.body:
            case.body["node_pk"] = xen.bridges["xen1"].node_pk


def _with_integers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_integers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_integers(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _have_xen1(xen: Any) -> None:
    """Have a host with a router, whatever became of them."""
    try:
        bridge = xen.bridges["xen1"]
        xen.host("xen1")
    except (KeyError, NotFound):
        bridge = xen.add("xen1")
    try:
        bridge.physical.domain("r1")
    except BridgeError:
        bridge.physical.create(CreateDomain("r1", max_vcpus=4))
        bridge.add_router("r1")


def _have_slice(slices: Any) -> None:
    """Have a slice with rules, whatever became of it."""
    document = {"name": SLICE, "flowspace": [{}, {"permissions": "rwd"}]}
    if SLICE not in slices.registry.slices:
        slices.change(lambda registry: registry.created(document, None, 0.0), "slice_created")


def _takes_input(operation: Any) -> bool:
    """Tell whether there is anything that could be wrong with a request."""
    return any((operation.path_parameters, operation.query, operation.body))
