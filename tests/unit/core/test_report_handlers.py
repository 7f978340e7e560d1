"""What is left of the report's MigrationHandler: lists of dpids, and XML as dictionaries."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.identifiers import dpids_list
from horizon_ryu.formats.xml_dict import dict_from_xml

A, B = "0000000000000001", "00000000000000ff"


def test_dpids_are_separated_by_bars_and_keep_their_order() -> None:
    assert dpids_list(f"{B}|{A}") == (255, 1)
    assert dpids_list(f" {A} | {B} ") == (1, 255)


@pytest.mark.parametrize(("text", "loc"), [("", ()), (f"{A}|", (1,)), (f"g|{A}", (0,))])
def test_a_malformed_dpid_is_named_by_its_place(text: str, loc: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        dpids_list(text)
    assert refused.value.loc == ("dpids", *loc)


def test_the_hierarchy_of_a_message_is_kept() -> None:
    message = b"<m><path><switch><dpid>1</dpid></switch><switch/></path><status>done</status></m>"
    assert dict_from_xml(message) == {
        "m": {"path": {"switch": [{"dpid": "1"}, ""]}, "status": "done"}
    }
    three = dict_from_xml(b"<a><b>1</b><b>2</b><b>3</b></a>")
    assert three == {"a": {"b": ["1", "2", "3"]}}


@pytest.mark.parametrize(
    "message",
    [
        b"", b"<a>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"\xff", b"<a/><b/>",
        b"<a>" * 100 + b"</a>" * 100,
    ],
)  # fmt: skip
def test_a_hostile_message_is_refused(message: bytes) -> None:
    with pytest.raises(InvalidInput):
        dict_from_xml(message)


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(message: bytes) -> None:
    with suppress(InvalidInput):
        assert len(dict_from_xml(message)) == 1
