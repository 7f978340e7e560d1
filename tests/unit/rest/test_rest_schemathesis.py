"""The OpenAPI document as the judge of requests and answers: it must promise what is kept."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

EXAMPLES = 30
"""Per operation and kind of input: bounded, for the time of everybody who runs the tests."""

_CONFIG = {
    # What a schema cannot say is left to 422, the host bits of a range, and to 424, which
    # switches there are.
    "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 404, 409, 422, 424, 426]}},
}
_BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
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
        _attack(operation, mode)
    answered = client.metrics.requests
    assert {"200", "201"} <= set(answered) if mode is GenerationMode.POSITIVE else answered["422"]


def _attack(operation: Any, mode: GenerationMode) -> None:
    if mode is GenerationMode.NEGATIVE and not _takes_input(operation):
        return

    @_BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def attack(case: Any) -> None:
        case.call_and_validate()

    attack()


def _takes_input(operation: Any) -> bool:
    """Tell whether there is anything that could be wrong with a request."""
    return any((operation.path_parameters, operation.query, operation.body))
