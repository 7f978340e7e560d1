"""Messages: the report's listings tag for tag, what is read is what was written, errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from xen_bridge.errors import (
    BridgeError,
    HypervisorAway,
    InvalidRequest,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
    error_of,
)
from xen_bridge.protocol import applications, document_schema, messages, schema_writer
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.documents import (
    devices,
    domains,
    measures,
    migration,
    problem,
    summary,
)
from xen_bridge.protocol.messages import Message
from xen_bridge_samples import LISTING_2_1

KEY = "TUlJQg=="


def tags(element: etree._Element) -> list[str]:
    """Return every tag below ``element`` in document order."""
    return [str(child.tag) for child in element.iter() if child is not element]


def test_the_reports_request_is_understood() -> None:
    message = messages.read(LISTING_2_1)
    assert (message.node_pk, message.application) == (KEY, 4)
    sampling = message.body.sampling()
    assert list(sampling) == ["ifconfig", "latency", "memory"]
    assert sampling["ifconfig"] == measures.Sampling(iterations=4)
    assert sampling["memory"] == measures.Sampling()


def test_the_gatherers_may_be_named_in_any_order() -> None:
    text = LISTING_2_1.replace(b"<memGatherer>1</memGatherer>", b"").replace(
        b"<UsedGatherers>", b"<UsedGatherers><memGatherer>1</memGatherer>"
    )
    assert messages.read(text) == messages.read(LISTING_2_1)


XENTOP = measures.XentopMeasures(
    iterations=(
        measures.XentopIteration(
            1,
            1263385100.37,
            (
                measures.DomainUsage(
                    "Domain-0",
                    2522,
                    0.0,
                    2824192,
                    90.3,
                    4,
                    0,
                    (measures.VirtualInterface(0, 34062339, 267213, 0, 19, 28, 1, 0, 0),),
                ),
            ),
        ),
    )
)
MEMORY = measures.MemoryMeasures(
    iterations=(
        measures.MemoryIteration(
            1, 1272889043.56, 1110692.0, 1966096.0, 3076788.0, 8773324.0, 239100.0, 9012424.0
        ),
    )
)
IFCONFIG = measures.IfconfigMeasures(
    iterations=(
        measures.IfconfigIteration(
            1,
            1272886080.72,
            (
                measures.NetworkInterface(
                    "lo",
                    "Local Loopback",
                    ipv4=(measures.IPv4Address("127.0.0.1", None, "255.0.0.0"),),
                    ipv6=(measures.IPv6Address("::1/128", "Host"),),
                    link_mtu=16436,
                    transmitted_bytes=82280,
                ),
            ),
        ),
    )
)
LATENCY = measures.LatencyMeasures(
    iterations=(
        measures.LatencyIteration(
            1,
            1272889043.56,
            (
                measures.IterationNeighbor(
                    "192.168.1.110",
                    measures.NeighborData(
                        20, 20, 0.0, 3801, measures.RttData(0.161, 0.229, 0.26, 0.026)
                    ),
                ),
            ),
        ),
    )
)
ANSWER = measures.MeasuresAnswer(XENTOP, IFCONFIG, LATENCY, MEMORY)

HEAD = ["MeasureToolId", "Iteration", "IterationNum", "IterationDateTime"]
COUNTERS = ["Bytes", "Packets"]
LISTINGS = {
    "2.3": (
        XENTOP,
        [
            *HEAD,
            "Domain",
            "DomainName",
            "DomainCPUTime",
            "DomainCPUPercentUsage",
            "DomainMemory",
            "DomainMemoryPercentUsage",
            "DomainVCPUCount",
            "DomainNetInterfacesCount",
            "NetworkInterface",
            "NetworkInterfaceNumber",
            "ReceivedBytes",
            "ReceivedPackets",
            "ReceptionErrors",
            "ReceptionDrops",
            "TransmittedBytes",
            "TransmittedPackets",
            "TransmissionErrors",
            "TransmissionDrops",
        ],
    ),
    "2.4": (
        MEMORY,
        [*HEAD, "FreeMem", "UsedMem", "TotalMem", "FreeSwap", "UsedSwap", "TotalSwap"],
    ),
    "2.5": (
        IFCONFIG,
        [
            *HEAD,
            "NetworkInterface",
            "NetworkInterfaceName",
            "LinkEncap",
            "LinkMAC",
            "IPv4Addr",
            "IPv4BcastAddr",
            "IPv4NetMask",
            "IPv6Addr",
            "IPv6Scope",
            "LinkMetric",
            "LinkMTU",
            "TransmittedBytes",
            "TransmittedPackets",
            "TransmissionErrors",
            "TransmissionDrops",
            "TransmissionOverruns",
            "TransmissionCarrierErrors",
            "TransmissionCollisions",
            "TransmissionQueueLength",
            "TransmissionRate",
            "ReceivedBytes",
            "ReceivedPackets",
            "ReceptionErrors",
            "ReceptionDrops",
            "ReceptionOverruns",
            "ReceptionFrameErrors",
            "ReceptionRate",
        ],
    ),
    "2.6": (
        LATENCY,
        [
            *HEAD,
            "IterationNeighbor",
            "NeighborIP",
            "NeighborData",
            "PacketsTransmitted",
            "PacketsReceived",
            "PercentageOfPacketLoss",
            "TimeTaken",
            "RttData",
            "Min",
            "Avg",
            "Max",
            "MDev",
        ],
    ),
}


@pytest.mark.parametrize("listing", LISTINGS)
def test_listings_tag_for_tag(listing: str) -> None:
    value, expected = LISTINGS[listing]
    assert tags(document_schema.to_element(value)) == expected


def test_listing_2_4_with_its_values() -> None:
    element = document_schema.to_element(MEMORY)
    assert element.findtext("Iteration/FreeMem") == "1110692.0"
    assert element.findtext("Iteration/IterationDateTime") == "1272889043.56"
    assert [tool.tool_id for tool in ANSWER.tools()] == [1, 2, 3, 4]


def test_an_interface_without_addresses_keeps_its_empty_elements() -> None:
    bare = measures.NetworkInterface("eth9", "Ethernet")
    assert tags(document_schema.to_element(bare)) == LISTINGS["2.5"][1][len(HEAD) + 1 :]
    again = document_schema.from_element(
        measures.NetworkInterface, document_schema.to_element(bare)
    )
    assert again == bare


def test_several_addresses_stay_together() -> None:
    several = measures.NetworkInterface(
        "eth0",
        "Ethernet",
        ipv4=(
            measures.IPv4Address("10.0.0.1", "10.0.0.255", "255.255.255.0"),
            measures.IPv4Address("10.1.0.1", None, "255.255.255.255"),
        ),
    )
    assert (
        document_schema.from_element(measures.NetworkInterface, document_schema.to_element(several))
        == several
    )


BODIES: list[Any] = [
    measures.Measures(measures.UsedGatherers(xentop=True)),
    measures.Measures(
        measures.UsedGatherers(latency=True),
        measures.GathererParameters(
            latency=measures.LatencySampling(2, 0.5, 3, 0.1, ("10.0.0.1", "fe80::1"))
        ),
    ),
    domains.GetNode(),
    domains.GetDomain("Domain-0"),
    domains.CreateDomain(
        "r1",
        vcpus=2,
        weight=512,
        cap=50,
        kernel="/boot/k",
        interfaces=(domains.NewInterface("xenbr0", "00:16:3e:00:00:01"),),
        disks=(domains.NewDisk("/dev/vg/r1", "xvda", True),),
    ),
    domains.SetDomain("r1", network="blue", no_network=True),
    domains.SetDomain("r1", weight=1, affinity=(domains.VcpuPins((0, 1)), domains.VcpuPins((1,)))),
    domains.DeleteDomain("5"),
    migration.MigrateDomain(
        id="0123456789ab",
        domain="r1",
        destination="xen2",
        destination_url="https://[2001:db8::2]:7443",
        destination_pk=KEY * 10,
        mode="plane-separation",
        abort_if_pause_over_s=2.5,
        pause_s=0.0,
    ),
    migration.GetMigration("0123456789ab"),
    migration.ListMigrations(),
    migration.AbortMigration("0123456789ab"),
    migration.GiveUpMigration("0123456789ab"),
    migration.GiveUpMigration("0123456789ab", "here"),
    devices.SetFunctions("0000:03:00.0", 4),
    devices.AttachDevice("r1", "0000:03:10.0", "00:16:3e:00:00:01", 7),
    summary.GetSummary(),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_requests_come_back_as_written(body: Any) -> None:
    message = messages.request(KEY, body, router="r7")
    assert messages.read(messages.write(message)) == message


HOST = domains.PhysicalHostInfo(
    name="x",
    hypervisor="Xen",
    version="4.17.5",
    scheduler="credit2",
    cpus=2,
    memory_kb=9,
    free_memory_kb=3,
    capabilities=("weight",),
)
DOMAIN = domains.Domain(
    name="r1",
    uuid="7f07538e-d65a-4a85-83a9-dc320db2695e",
    id=5,
    state="running",
    memory_kb=131072,
    vcpus=domains.Vcpus(1, 2, (domains.VcpuPins((0, 1)),)),
    scheduler=domains.SchedulerParameters("credit2", 512, 0),
    cpu_time_s=16.97,
    persistent=True,
    interfaces=(domains.DomainInterface("00:16:3e:00:00:01", "xenbr0", "vif5.0"),),
)
MOVING = migration.MigrationStatus(
    id="0123456789ab",
    domain="r1",
    uuid=DOMAIN.uuid,
    destination="xen2",
    mode="standard",
    state="running",
    started=1.5e9,
    duration_s=0.25,
    lost=0,
    steps=(
        migration.MigrationStep("prepare", "done", 0.0, 0.125),
        migration.MigrationStep("pause", "running", 0.125, None, "frozen"),
        migration.MigrationStep("links"),
    ),
)
REFUSED = migration.MigrationStatus(
    id="0123456789ab",
    domain="r1",
    uuid=DOMAIN.uuid,
    destination="xen2",
    mode="plane-separation",
    state="refused",
    refusals=(migration.MigrationRefusal("mode", "no separated planes", True),),
)
ANSWERS: list[Any] = [
    MOVING,
    migration.MigrationList((MOVING, REFUSED)),
    ANSWER,
    measures.MeasuresAnswer(),
    domains.Node(HOST, (DOMAIN,)),
    domains.DomainAnswer(DOMAIN),
    domains.Done(),
    devices.Devices(
        (devices.Device("0000:03:00.0", "physical_function", "8086", "10c9", "020000"),),
        devices.Queues(4, (devices.VifQueues("vif5.0", 1, 1),)),
    ),
    summary.Summary(12.5, 40.0, summary.Throughput(8, 16), 0.0, ("10.0.0.2",)),
    problem.ApplicationError(404, "Not found", "no domain r9"),
]


@pytest.mark.parametrize("body", ANSWERS, ids=lambda body: type(body).__name__)
def test_answers_come_back_as_written(body: Any) -> None:
    message = Message(KEY, 4, body)
    assert messages.read(messages.write(message)) == message


def test_the_schema_is_what_the_forms_say() -> None:
    assert schema_writer.TARGET.read_text() == schema_writer.schema_text()


def test_json_has_the_same_values() -> None:
    data = document_schema.to_json(MEMORY)
    assert data["tool_id"] == 4
    assert data["iterations"][0]["free_mem"] == 1110692.0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (domains.SetDomain("r1", weight=0), "weight"),
        (domains.SetDomain("r1", weight=65_536), "weight"),
        (domains.SetDomain("r1", cap=-1), "cap"),
        (domains.SetDomain("r1", vcpus=0), "vcpus"),
        (domains.SetDomain("../r1"), "domain"),
        (domains.SetDomain("-x"), "domain"),
        (domains.CreateDomain("7"), "name"),
        (domains.CreateDomain("r", kernel="boot"), "kernel"),
        (devices.SetFunctions("3:0.0", 1), "device"),
        (
            measures.Measures(
                measures.UsedGatherers(), measures.GathererParameters(measures.Sampling(0))
            ),
            "parameters.ifconfig.iterations",
        ),
        (summary.GetSummary(float("nan")), "interval"),
    ],
)
def test_values_out_of_range_are_refused_by_name_on_both_sides(body: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        messages.request(KEY, body)
    assert ".".join(refused.value.loc) == field
    unchecked = messages.write(Message(KEY, messages.application_of(body), body))
    with pytest.raises(InvalidRequest):
        messages.read(unchecked)


def test_a_request_of_another_application_is_refused() -> None:
    body = domains.GetDomain("r1")
    with pytest.raises(InvalidRequest, match="does not know"):
        messages.read(messages.write(Message(KEY, Application.MEASURES, body)))
    with pytest.raises(RequestUnsupported, match="no application 300"):
        messages.read(messages.write(Message(KEY, 300, body)))


@pytest.mark.parametrize(
    "error",
    [
        SubjectNotFound("no domain r9"),
        RequestConflict("it runs"),
        HypervisorAway("no libvirtd"),
        InvalidRequest(("SetDomain", "Weight"), "too small"),
        RequestUnsupported("pinning"),
    ],
)
def test_errors_arrive_as_they_left(error: BridgeError) -> None:
    message = messages.read(messages.write(messages.refusal(KEY, 5, error)))
    with pytest.raises(type(error)) as told:
        messages.answer_to(domains.GetNode(), message)
    assert str(told.value) == str(error)
    assert type(told.value) is type(error)


def test_unknown_statuses_are_plain_errors() -> None:
    assert type(error_of(418, "?", "tea")) is BridgeError


@given(st.text(max_size=80))
def test_any_text_survives_or_is_replaced(text: str) -> None:
    refused = messages.refusal(KEY, 1, SubjectNotFound(text or "x"))
    detail = messages.read(messages.write(refused)).body.detail
    assert isinstance(detail, str)


def test_an_answer_to_something_else_is_no_answer() -> None:
    node = Message(KEY, Application.DOMAINS, domains.DomainAnswer(DOMAIN))
    assert messages.answer_to(domains.GetDomain("r1"), node) == node.body
    with pytest.raises(BridgeError, match="answers DeleteDomain with DomainAnswer"):
        messages.answer_to(domains.DeleteDomain("r1"), node)


def test_every_answer_is_the_form_of_an_answer() -> None:
    answers = {form for kinds in applications.REQUESTS.values() for form in kinds.values()}
    assert answers == {*applications.RESPONSES, measures.MeasuresAnswer}
