"""What anybody may send to ``/messages``: refused with a reason, quickly, without harm."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop import BACKSTOP
from xen_bridge.errors import BridgeError, TooLarge, Unparsable
from xen_bridge.protocol import messages, safe_xml
from xen_bridge_samples import LISTING_2_1

LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<XenPrototype><NodePK>&c;</NodePK></XenPrototype>"""
OUTSIDE = b"""<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>
<XenPrototype><NodePK>&e;</NodePK></XenPrototype>"""
HOSTILE = {
    "nothing": b"",
    "spaces": b"   ",
    "no xml": b"\x00\xff\xfe",
    "entities": LAUGHS,
    "outside entity": OUTSIDE,
    "empty doctype": b"<!DOCTYPE XenPrototype><XenPrototype/>",
    "undeclared entity": b"<XenPrototype>&x;</XenPrototype>",
    "wrong root": b"<Xen/>",
    "two roots": b"<XenPrototype/><XenPrototype/>",
    "empty": b"<XenPrototype/>",
    "attribute": LISTING_2_1.replace(b"<Application>", b'<Application x="1">'),
    "namespace": LISTING_2_1.replace(b"<XenPrototype>", b'<XenPrototype xmlns="urn:x">'),
    "nested": b"<a>" * 30_000 + b"</a>" * 30_000,
    "unclosed": b"<a>" * 300_000,
    "unknown encoding": b'<?xml version="1.0" encoding="klingon"?><XenPrototype/>',
    "missing gatherer": LISTING_2_1.replace(b"<memGatherer>1</memGatherer>", b""),
    "gatherer twice": LISTING_2_1.replace(b"<memGatherer>", b"<memGatherer>1</memGatherer>" * 2),
    "flag of 2": LISTING_2_1.replace(b"<memGatherer>1", b"<memGatherer>2"),
    "iterations of -1": LISTING_2_1.replace(b">4</iterations>", b">-1</iterations>"),
    "iterations without end": LISTING_2_1.replace(b">4</it", b">" + b"9" * 6000 + b"</it"),
    "id of text": LISTING_2_1.replace(b"<ApplicationId>4", b"<ApplicationId>four"),
    "key no base64": LISTING_2_1.replace(b"TUlJQg==", b"!"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused(name: str) -> None:
    with pytest.raises(BridgeError) as refused:
        messages.read(HOSTILE[name])
    assert 400 <= refused.value.status < 502
    assert "passwd" not in str(refused.value)
    assert "root:" not in str(refused.value)


def test_size_is_bounded_before_anything_else() -> None:
    with pytest.raises(TooLarge):
        messages.read(b" " * (safe_xml.MAX_BYTES + 1))


def test_depth_is_bounded() -> None:
    deep = b"<a>" * safe_xml.MAX_DEPTH + b"</a>" * safe_xml.MAX_DEPTH
    assert safe_xml.parse(deep).tag == "a"
    with pytest.raises(Unparsable, match="deeper"):
        safe_xml.parse(b"<a>" + deep + b"</a>")


def test_comments_and_instructions_are_dropped() -> None:
    text = LISTING_2_1.replace(b"<iterations>", b"<!-- 9 --><?evil rm?><iterations>")
    assert messages.read(text) == messages.read(LISTING_2_1)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_bridge_error(data: bytes) -> None:
    with pytest.raises(BridgeError):
        messages.read(data)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_message_is_read_or_refused(data: st.DataObject) -> None:
    text = bytearray(LISTING_2_1)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place] = data.draw(st.integers(0, 255))
    try:
        messages.read(bytes(text))
    except BridgeError as refused:
        status = refused.status
    else:
        status = 400
    assert 400 <= status < 502


def test_threads_that_read_their_first_messages_at_once_find_the_schema_there() -> None:
    program = """
import threading
from lxml import etree
from xen_bridge.protocol import messages
from xen_bridge.protocol.documents.domains import GetNode

def refused(*_args):
    raise AssertionError("a schema is made when messages are read already")

etree.XMLSchema = refused
data = messages.write(messages.request("S0VZ", GetNode()))
begin, read = threading.Barrier(8), []

def reads():
    begin.wait()
    read.append(messages.read(data))

threads = [threading.Thread(target=reads) for _ in range(8)]
for one in threads:
    one.start()
for one in threads:
    one.join()
print(len(read))
"""
    words = (sys.executable, "-c", program)
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=BACKSTOP)
    assert (ended.stdout, ended.stderr) == ("8\n", "")
