"""The node protocol under documents made from its own schema, bent, and under bytes that were hit.

Whatever comes, the answer is a message of the protocol, never an internal error, and what was
refused has changed nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

import fake_sysfs
from examples import examples
from xen_bridge.dom0.devices import DeviceManager
from xen_bridge.dom0.hypervisor.memory_host import MemoryWorld
from xen_bridge.dom0.sysfs_devices import SysfsDevices
from xen_bridge.handlers import device_handlers, domain_handlers
from xen_bridge.protocol import applications, messages
from xen_bridge.protocol.document_schema import FieldInfo, field_infos, tag_of
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.measures import Measures, MeasuresAnswer
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.runtime.limiter import ThreadLimiter
from xen_bridge.server.dispatcher import Dispatcher
from xen_bridge.server.request_handler import RequestHandler
from xen_bridge.trust.identity import Identity
from xen_bridge.virtual_management import PhysicalHost

pytestmark = pytest.mark.fuzz
EXAMPLES = examples(50, 300)
MOST_TRIED = 6000
READ_SECONDS = ("GetNode", "GetDomain", "ListSchedulers", "ListVcpus", "ListDevices", "Measures")


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> SimpleNamespace:
    """A Domain 0 in memory, with two domains, and its dispatcher."""
    folder: Path = tmp_path_factory.mktemp("node")
    controller = Identity.create(folder / "controller").node_pk
    host = PhysicalHost("memory:///one", MemoryWorld(lambda: 0.0).host("one"))
    host.create(CreateDomain("r1", max_vcpus=4))
    host.create(CreateDomain("r2"))
    manager = DeviceManager(host.hypervisor, SysfsDevices(fake_sysfs.build(folder / "sys")))

    def check(body: Measures) -> MeasuresAnswer:
        body.check_length()
        return MeasuresAnswer()

    services = {
        **domain_handlers(host),
        **device_handlers(manager),
        Measures: RequestHandler(check, blocking=False),
    }
    own = Identity.create(folder / "own").node_pk
    runtime = GreenRuntime()
    limiters = ThreadLimiter(runtime, "h", 4), ThreadLimiter(runtime, "p", 1)
    dispatcher = Dispatcher(own, lambda: {controller: "fuzz"}, services, runtime, *limiters)
    return SimpleNamespace(dispatcher=dispatcher, host=host, manager=manager, key=controller)


def snapshot(node: SimpleNamespace) -> Any:
    """All that a message could change."""
    return node.host.domains(), node.host.vcpu_list(), node.manager.devices()


# ---- documents from the forms


_CARRIED = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
"""What XML can carry."""


def texts(item: FieldInfo) -> st.SearchStrategy[str]:
    """What the text of a plain element may be, mostly within bounds."""
    if item.kind is bool:
        return st.sampled_from(["0", "1"])
    if item.choices:
        return st.sampled_from(item.choices)
    if item.kind is str:
        known = st.sampled_from(["r1", "r2", "Domain-0", fake_sysfs.PF, fake_sysfs.VF])
        if not item.pattern:
            return known
        written = st.from_regex(item.pattern, fullmatch=True, alphabet=_CARRIED)
        return known | written
    least = 0 if item.least is None else item.least
    most = 1 << 20 if item.most is None else item.most
    if item.kind is int:
        near = st.integers(int(least), min(int(most), int(least) + 8))
        return (near | st.integers(int(least), int(most))).map(str)
    return st.floats(least, most, allow_nan=False).map(repr)


@st.composite
def bodies(draw: Any, form: Any, tag: str | None = None) -> etree._Element:
    """An element of ``form``: what is required, and some of what is not."""
    element = etree.Element(tag or tag_of(form))
    for item in field_infos(form):
        least = max(item.at_least, 1 if item.required else 0)
        most = 2 if item.repeated else 1
        for _ in range(draw(st.integers(min(least, most), most))):
            if dataclasses.is_dataclass(item.kind):
                element.append(draw(bodies(item.kind, item.tag)))
            else:
                child = etree.SubElement(element, item.tag)
                child.text = draw(texts(item))
    return element


FORMS = [(number, form) for number, forms in applications.REQUESTS.items() for form in forms]
HOSTILE = st.sampled_from(
    ["", " ", "-1", "0", "65536", "1e309", "NaN", "9" * 400, "x" * 5000, "../../etc/passwd",
     "-d", "r1; reboot", "$(id)", "\u202e\U0001f600", "0x10", "+5", "1_0", "\u0663"]
)  # fmt: skip


@st.composite
def whole(draw: Any, key: str, forms: Sequence[Any] = FORMS) -> tuple[etree._Element, Any]:
    """A message of the protocol, and its form."""
    number, form = draw(st.sampled_from(forms))
    root = etree.Element("XenPrototype")
    etree.SubElement(root, "NodePK").text = key
    application = etree.SubElement(root, "Application")
    etree.SubElement(application, "ApplicationId").text = str(int(number))
    etree.SubElement(application, "ApplicationRequest").append(draw(bodies(form)))
    return root, form


@st.composite
def documents(draw: Any, key: str) -> bytes:
    """A message of the protocol, perhaps bent in some places."""
    root, _form = draw(whole(key))
    for _ in range(draw(st.integers(0, 3))):
        bend(draw, root)
    return etree.tostring(root)


def bend(draw: Any, root: etree._Element) -> None:
    """Change one element: its text, its name, its number, its place, or its children."""
    chosen = draw(st.sampled_from(list(root.iter())))
    parent = chosen.getparent()
    way = draw(st.sampled_from(["text", "name", "again", "gone", "move", "inside", "attribute"]))
    if way == "text":
        chosen.text = draw(HOSTILE)
    elif way == "name":
        chosen.tag = draw(st.sampled_from(["Domain", "Weight", "Nonsense", "NodePK", "iterations"]))
    elif way == "inside":
        etree.SubElement(chosen, draw(st.sampled_from(["Cap", "Domain", "x"]))).text = "1"
    elif way == "attribute":
        chosen.set("a", "1")
    elif parent is None:
        return
    elif way == "again":
        parent.append(etree.fromstring(etree.tostring(chosen)))
    elif way == "gone":
        parent.remove(chosen)
    else:
        root.append(chosen)


def check(node: SimpleNamespace, data: bytes) -> int:
    """Give ``data`` to the node; return the status after all that must hold was seen to hold."""
    before = snapshot(node)
    answer = node.dispatcher.answer(data, node.key)
    told = messages.read(answer.data)
    assert answer.status != 500, data
    if answer.status != 200:
        assert told.body.status == answer.status
        assert snapshot(node) == before, data
    elif any(f"<{name}".encode() in data for name in READ_SECONDS):
        assert snapshot(node) == before, data
    return answer.status


QUIET = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@QUIET
@given(data=st.data())
def test_documents_of_the_schema_bent(node, data):
    check(node, data.draw(documents(node.key)))


@QUIET
@given(data=st.data())
def test_bytes_that_were_hit(node, data):
    """Bits turned over, pieces cut out and put in twice."""
    document = bytearray(data.draw(documents(node.key)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(document) - 1))
        way = data.draw(st.sampled_from(["bit", "cut", "again", "zero"]))
        if way == "bit":
            document[at] ^= 1 << data.draw(st.integers(0, 7))
        elif way == "cut" and len(document) > 40:
            del document[at : at + data.draw(st.integers(1, 20))]
        elif way == "again":
            document[at:at] = document[at : at + 30]
        else:
            document[at] = 0
    check(node, bytes(document))


@QUIET
@given(data=st.binary(max_size=300))
def test_any_bytes(node, data):
    assert check(node, data) != 200


class AllTried(Exception):
    """Ends a search that has found everything."""


def test_both_what_is_done_and_what_is_refused_was_tried(node):
    """The documents are not all refused for the same reason: some of every kind are carried out."""
    names = {"GetNode", "GetDomain", "SetDomain", "CreateDomain", "ListDevices"}
    forms = [(number, form) for number, form in FORMS if form.__name__ in names]
    missing: set[object] = {*names, 404, 409, 422}

    @settings(max_examples=MOST_TRIED, phases=[Phase.generate], database=None)
    @given(data=st.data())
    def run(data: Any) -> None:
        root, form = data.draw(whole(node.key, forms))
        status = check(node, etree.tostring(root))
        missing.difference_update({status, form.__name__ if status == 200 else None})
        if not missing:
            raise AllTried

    with pytest.raises(AllTried):
        run()
