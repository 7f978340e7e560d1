"""Slices as documents: what is read is what is written, and what is wrong is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.slicing.slice_document import parse_slice, slice_document
from horizon_ryu.slicer.command import main
from horizon_ryu.slicer.configuration import parse_configuration

RED: dict[str, Any] = {
    "name": "red team ✓",
    "controllers": [
        {"url": "tcp:127.0.0.1:7001", "role": "control"},
        {"url": "tcp:[::1]:7002", "role": "monitor"},
    ],
    "flowspace": [
        {
            "id": 7,
            "dpids": ["0000000000000001", "00000000000000ff"],
            "match": {"in_port": [1, "5-8"], "dl_vlan": ["untagged", "10-20"]},
            "priority": 40000,
            "permissions": "rwd",
            "queues": [1, 2],
            "force_queue": 1,
        }
    ],
    "limits": {"messages_per_s": 10, "flow_entries": 5, "per_switch": {"0" * 15 + "1": {}}},
    "drop_policy": "rule",
    "enabled": True,
    "receives_lldp": False,
    "allows_vendor": [8992],
    "allows_config": False,
    "native_flood": False,
    "bandwidth": {"mode": "ip_tos", "value": 32},
}


def test_a_slice_is_read_again_as_it_was_written() -> None:
    parsed = parse_slice(RED, 1)
    assert slice_document(parsed) == RED
    assert parse_slice(slice_document(parsed), 1) == parsed
    assert json.loads(json.dumps(slice_document(parsed))) == RED


def changed(**fields: Any) -> dict[str, Any]:
    return {**RED, **fields}


@pytest.mark.parametrize(
    ("document", "loc"),
    [
        ([], ""),
        (changed(nonsense=1), "nonsense"),
        (changed(name=""), "name"),
        (changed(name="x" * 46), "name"),
        (changed(name="a\nb"), "name"),
        (changed(controllers=[{"url": "udp:1.2.3.4:5"}]), "controllers.0.url"),
        (changed(controllers=[{"url": "tcp:1.2.3.4:70000"}]), "controllers.0.url"),
        (changed(controllers=[{"url": "tcp:h:1"}, {"url": "tcp:h:1"}]), "controllers"),
        (changed(controllers=[{"url": "tcp:h:1", "role": "king"}]), "controllers.0.role"),
        (changed(flowspace={}), "flowspace"),
        (changed(flowspace=[{"dpids": []}]), "flowspace.0.dpids"),
        (changed(flowspace=[{"dpids": ["xyz"]}]), "flowspace.0.dpids.0"),
        (changed(flowspace=[{"ports": [1], "match": {"in_port": 2}}]), "flowspace.0.ports"),
        (changed(flowspace=[{"match": {"dl_vlan": 5000}}]), "flowspace.0.match.dl_vlan"),
        (changed(flowspace=[{"permissions": "x"}]), "flowspace.0.permissions"),
        (changed(flowspace=[{"priority": -1}]), "flowspace.0.priority"),
        (changed(flowspace=[{"queues": [-1]}]), "flowspace.0.queues.0"),
        (changed(limits={"flow_mods_per_s": 0}), "limits.flow_mods_per_s"),
        (changed(limits={"per_switch": {"1": {"x": 1}}}), "limits.per_switch.1.x"),
        (changed(bandwidth={"mode": "vlan_pcp", "value": 8}), "bandwidth.value"),
        (changed(bandwidth={"mode": "queue"}), "bandwidth.value"),
        (changed(bandwidth={"mode": "ip_tos", "value": 3}), "bandwidth.value"),
        (changed(bandwidth={"mode": "meter", "rate_kbps": 0}), "bandwidth.rate_kbps"),
        (changed(limits={"groups": -1}), "limits.groups"),
        (changed(drop_policy="never"), "drop_policy"),
        (changed(enabled="yes"), "enabled"),
    ],
)
def test_what_is_wrong_in_a_slice_is_named(document: Any, loc: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_slice(document, 1)
    assert ".".join(map(str, refused.value.loc)) == loc


@pytest.mark.parametrize(
    ("slices", "loc"),
    [
        ([RED, RED], "slices.1.name"),
        ([changed(controllers=[{"url": "tls:h:1"}])], "slices.0.controllers.0.url"),
    ],
)
def test_what_a_slicer_does_not_carry_out_is_refused(slices: list[Any], loc: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_configuration({"slices": slices})
    assert ".".join(map(str, refused.value.loc)) == loc


def test_a_slice_may_be_held_by_a_meter_where_switches_have_them() -> None:
    metered = changed(bandwidth={"mode": "meter", "rate_kbps": 5})
    (found,) = parse_configuration({"slices": [metered]}).slices.values()
    assert found.settings.bandwidth is not None
    assert found.settings.bandwidth.rate_kbps == 5


@pytest.mark.parametrize("text", ["", "{", "[]", '{"slices": [{"name": ""}]}', None])
def test_a_file_that_is_no_good_ends_the_program_with_one_line(
    tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "slices.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    ran = CliRunner().invoke(main, ["--slices", str(path)])
    assert ran.exit_code == 1
    assert str(path) in ran.output
    assert len(ran.output.strip().splitlines()) == 1


@pytest.mark.parametrize("listen", ["6633", "host:", ":1x", "h:99999"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, listen: str) -> None:
    ran = CliRunner().invoke(main, ["--slices", str(tmp_path / "x"), "--listen", listen])
    assert ran.exit_code == 2
    assert "host:port" in ran.output
