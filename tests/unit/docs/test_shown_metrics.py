"""Metrics that the dashboard and the alert rules ask for: the controller tells them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from webob import Request

from horizon_ryu.rest.api import Api
from horizon_ryu.switch_stats import prometheus
from unit.docs.shown_pages import PROJECT
from unit.rest.test_rest_api import Clock, services

_DASHBOARD = PROJECT / "deploy" / "grafana" / "horizon.json"
_RULES = PROJECT / "deploy" / "prometheus" / "horizon.rules.yml"
_NAME = re.compile(r"\b(?:horizon|of)_[a-z_]+\b")
_FAMILY = re.compile(r"^# TYPE (\S+) ", re.MULTILINE)


def _expressions(node: Any) -> Iterator[str]:
    """Yield what is asked for, however deep it is."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query", "definition") and isinstance(value, str):
                yield value
            else:
                yield from _expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from _expressions(value)


def _told() -> set[str]:
    answer = Request.blank("/metrics").get_response(Api(services(Clock())).router)
    of_switches = "".join(prometheus.text(tuple, 0.0))
    return set(_FAMILY.findall(answer.text)) | set(_FAMILY.findall(of_switches))


@pytest.mark.parametrize(
    "asked",
    [
        json.loads(_DASHBOARD.read_text(encoding="utf-8")),
        yaml.safe_load(_RULES.read_text(encoding="utf-8")),
    ],
    ids=["dashboard", "rules"],
)
def test_each_metric_that_is_asked_for_is_told(asked: Any) -> None:
    names = {name for text in _expressions(asked) for name in _NAME.findall(text)}
    assert len(names) > 5
    assert names - _told() == set()
