"""The service in its own process, over TLS: what it does, and what it withstands."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from backstop import BACKSTOP
from tools.bridge_process import BridgeProcess
from tools.controller_process import wait_until
from xen_bridge.client import BridgeClient
from xen_bridge.command import main
from xen_bridge.errors import (
    BridgeError,
    Deadline,
    InvalidRequest,
    PathNotAllowed,
    PeerAway,
    PeerUnreached,
    RequestConflict,
    RequestUnsupported,
    SubjectNotFound,
)
from xen_bridge.protocol import messages
from xen_bridge.protocol.documents import devices, domains, measures, summary
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.tls import client_context
from xen_bridge_samples import LISTING_2_1

MEMORY_AND_IFCONFIG = measures.Measures(measures.UsedGatherers(ifconfig=True, memory=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bridge")


@pytest.fixture(scope="module")
def controller(folder) -> Identity:
    return Identity.create(folder / "controller")


@pytest.fixture(scope="module")
def host(folder, controller):
    """A Domain 0 with a hypervisor in memory, and the agent of its router r1."""
    dom0 = Identity.create(folder / "host")
    with (
        BridgeProcess(folder / "agent", dom0, agent=True) as agent,
        BridgeProcess(folder / "host", controller) as service,
    ):
        service.add_router("r1", agent)
        service.agent = agent
        yield service


@pytest.fixture
def client(host):
    made = host.client()
    yield made
    made.close()


@pytest.fixture
def r1(client):
    client.ask(domains.CreateDomain("r1", max_vcpus=2))
    yield "r1"
    client.ask(domains.DeleteDomain("r1"))


def state(client) -> domains.Node:
    """All there is, but what follows the clock."""
    import dataclasses

    node = client.ask(domains.GetNode())
    return dataclasses.replace(
        node, domains=tuple(dataclasses.replace(one, cpu_time_s=0) for one in node.domains)
    )


def raw(host, controller, body: bytes, headers=None, method="POST", path="/messages"):
    """Send ``body`` as it is; return the status and the answer."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1",
        host.port,
        timeout=BACKSTOP,
        context=client_context(controller, host.identity.node_pk),
    )
    try:
        kind = {"Content-Type": "application/xml"} if headers is None else headers
        connection.request(method, path, body, kind)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def refused(answer: bytes) -> tuple[int, str, str | None]:
    """Read the error document: status, detail, field."""
    body = messages.read(answer).body
    return body.status, body.detail, body.field


# ---- what it does


def test_a_domain_from_its_beginning_to_its_end(client):
    made = client.ask(domains.CreateDomain("life", weight=512, cap=50, max_vcpus=2)).domain
    assert (made.name, made.state, made.id is not None) == ("life", "running", True)
    assert (made.scheduler.weight, made.scheduler.cap) == (512, 50)
    changed = client.ask(
        domains.SetDomain(
            "life", weight=100, cap=0, vcpus=2, affinity=(domains.VcpuPins((1,)),), state="paused"
        )
    ).domain
    assert (changed.scheduler.weight, changed.scheduler.cap, changed.vcpus.current) == (100, 0, 2)
    assert changed.vcpus.affinity == (domains.VcpuPins((1,)), domains.VcpuPins((1,)))
    assert changed.state == "paused"
    assert client.ask(domains.GetDomain(changed.uuid)).domain.name == "life"
    listed = client.ask(domains.ListSchedulers()).domains
    assert [one.scheduler.weight for one in listed if one.name == "life"] == [100]
    pinned = client.ask(domains.ListVcpus()).assignments
    assert {one.affinity for one in pinned if one.domain == "life"} == {(1,)}
    assert client.ask(domains.DeleteDomain("life")) == domains.Done()
    with pytest.raises(SubjectNotFound):
        client.ask(domains.GetDomain("life"))


def test_errors_arrive_with_their_kind_and_field(client, r1):
    with pytest.raises(SubjectNotFound, match="ghost"):
        client.ask(domains.GetDomain("ghost"))
    with pytest.raises(RequestConflict):
        client.ask(domains.CreateDomain("r1"))
    with pytest.raises(InvalidRequest) as wrong:
        client.ask(domains.SetDomain("r1", cap=401))
    assert wrong.value.loc == ("cap",)
    with pytest.raises(InvalidRequest) as wrong:
        client.ask(domains.SetDomain("r1", vcpus=3))
    assert wrong.value.loc == ("vcpus",)


def test_the_listing_of_the_report_is_answered_as_the_report_answers(host, controller):
    """Listing 2.1 asks; 2.2, 2.4, 2.5 and 2.6 are the shape of the answer."""
    asked = LISTING_2_1.replace(b"TUlJQg==", controller.node_pk.encode())
    status, answer = raw(host, controller, asked)
    assert status == 200
    text = answer.decode()
    assert text.count("<MeasureToolResponse>") == 3
    for number, iterations in ((2, 4), (3, 1), (4, 1)):
        part = text.split(f"<MeasureToolId>{number}</MeasureToolId>")[1]
        part = part.split("</MeasureToolResponse>")[0]
        assert part.count("<Iteration>") == iterations
    assert "<ApplicationId>4</ApplicationId>" in text
    assert f"<NodePK>{host.identity.node_pk}</NodePK>" in text


def test_measures_of_the_host(client, r1):
    answer = client.ask(
        measures.Measures(
            measures.UsedGatherers(ifconfig=True, xentop=True, latency=True, memory=True),
            measures.GathererParameters(
                xentop=measures.Sampling(2, 0.1),
                latency=measures.LatencySampling(1, 1, 2, 0.01, ("127.0.0.1",)),
            ),
        )
    )
    assert [one.name for one in answer.xentop.iterations[1].domains] == ["Domain-0", "r1"]
    neighbor = answer.latency.iterations[0].neighbors[0]
    assert (neighbor.ip, neighbor.data.packets_received) == ("127.0.0.1", 2)
    assert "lo" in [one.name for one in answer.ifconfig.iterations[0].interfaces]
    with open("/proc/meminfo") as meminfo:
        assert answer.memory.iterations[0].total_mem == int(meminfo.readline().split()[1])


def test_the_common_measures(client, r1):
    # A machine without a processor for us between counters and clock is seen as idle, or as busy.
    told = wait_until(
        lambda: _told_as(client, pytest.approx(5, abs=1)), 60, "the share of a domain that works"
    )
    assert 0 < told.memory_percent < 100


def _told_as(client, share):
    told = client.ask(summary.GetSummary(0.1))
    return told if told.cpu_percent == share else None


def test_devices_are_told(client):
    assert isinstance(client.ask(devices.ListDevices()), devices.Devices)


# ---- virtual routers


def test_the_proxy_reaches_the_agent_of_a_router(client, r1):
    inside = client.ask(MEMORY_AND_IFCONFIG, router="r1")
    assert inside.memory.iterations[0].total_mem > 0
    assert client.ask(summary.GetSummary(0.1), router="r1").memory_percent > 0


def test_a_router_does_not_do_what_only_domain_0_does(client, r1):
    with pytest.raises(RequestUnsupported, match="xentop"):
        client.ask(measures.Measures(measures.UsedGatherers(xentop=True)), router="r1")
    with pytest.raises(RequestUnsupported, match="GetNode"):
        client.ask(domains.GetNode(), router="r1")


def test_a_router_that_nobody_knows(client):
    with pytest.raises(SubjectNotFound, match="xen-bridge router add"):
        client.ask(MEMORY_AND_IFCONFIG, router="r9")


def test_the_controller_does_not_reach_a_router_past_its_host(host, controller):
    with pytest.raises(PeerAway, match="our key"):
        host.agent.client(controller).ask(MEMORY_AND_IFCONFIG)


def test_an_agent_that_goes_away_and_comes_back(host, client, r1):
    port = host.agent.port
    client.ask(MEMORY_AND_IFCONFIG, router="r1")
    host.agent.kill()
    try:
        with pytest.raises(PeerAway):
            client.ask(MEMORY_AND_IFCONFIG, router="r1")
        assert client.ask(domains.GetDomain("r1")).domain.state == "running"
    finally:
        host.agent.start(port)
    assert client.ask(MEMORY_AND_IFCONFIG, router="r1").memory is not None


# ---- who may ask


def test_a_key_that_is_not_in_the_list_gets_nowhere(host, folder):
    stranger = Identity.load_or_create(folder / "stranger")
    with pytest.raises(PeerAway, match="xen-bridge authorize"):
        host.client(stranger).ask(domains.GetNode())


def test_a_key_is_let_in_and_put_out_without_a_restart(host, folder):
    guest = Identity.load_or_create(folder / "guest")
    host.authorize(guest)
    asking = host.client(guest)
    assert asking.ask(domains.GetNode())
    host.forbid(guest)
    # The connection that is open already is refused as well.
    with pytest.raises(BridgeError, match="not in the list"):
        asking.ask(domains.GetNode())
    asking.close()
    with pytest.raises(PeerAway):
        asking.ask(domains.GetNode())


def test_no_certificate_no_answer(host):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", host.port), 10) as plain:
        assert _answer_to(context, plain) == b""


def _answer_to(context, plain) -> bytes:
    """Send a request; return what came back, nothing if the connection was ended."""
    try:
        with context.wrap_socket(plain) as secured:
            secured.sendall(b"POST /messages HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            return secured.recv(1)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_a_message_under_another_key_than_it_came_with(host, controller, folder, client):
    other = Identity.load_or_create(folder / "other")
    before = state(client)
    sent = messages.write(messages.request(other.node_pk, domains.CreateDomain("stolen")))
    status, answer = raw(host, controller, sent)
    assert status == 403
    assert "NodePK is not the key" in refused(answer)[1]
    assert state(client) == before


def test_a_node_with_another_key_is_not_told_anything(host, controller, folder):
    other = Identity.load_or_create(folder / "other")
    with pytest.raises(PeerUnreached, match="another key"):
        BridgeClient(host.url, other.node_pk, controller).ask(domains.GetNode())


def test_where_nobody_listens_nothing_was_asked(controller):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(PeerUnreached):
        BridgeClient(f"https://127.0.0.1:{port}", controller.node_pk, controller).ask(
            domains.GetNode()
        )


def test_a_connection_that_ends_after_it_was_asked_is_no_such_thing(host, folder):
    stranger = Identity.load_or_create(folder / "stranger")
    with pytest.raises(PeerAway) as told:
        host.client(stranger).ask(domains.GetNode())
    assert not isinstance(told.value, PeerUnreached)


# ---- what it withstands


def _xml(inside: str, controller: Identity, application: int = 5) -> bytes:
    return (
        f"<XenPrototype><NodePK>{controller.node_pk}</NodePK><Application><ApplicationId>"
        f"{application}</ApplicationId>{inside}</Application></XenPrototype>"
    ).encode()


ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE XenPrototype [
<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">]><XenPrototype><NodePK>&e;</NodePK></XenPrototype>"""
EXTERNAL = b"""<?xml version="1.0"?><!DOCTYPE XenPrototype [
<!ENTITY f SYSTEM "file:///etc/passwd">]><XenPrototype><NodePK>&f;</NodePK></XenPrototype>"""


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not xml", 400),
        (b"<XenPrototype>", 400),
        (b"\x00\xff\xfe", 400),
        (ENTITIES, 400),
        (EXTERNAL, 400),
        (b"<a>" * 100_000, 400),
        (b"<other/>", 422),
        (b"<XenPrototype/>", 422),
        (b"<XenPrototype a='1'/>", 400),
        (b"<x:XenPrototype xmlns:x='urn:x'/>", 400),
        (b"<XenPrototype>" + b"x" * (1 << 20) + b"</XenPrototype>", 413),
    ],
    ids=lambda value: None if isinstance(value, int) else repr(value[:24]),
)
def test_what_is_no_message_is_refused(host, controller, client, body, status):
    before = state(client)
    got, answer = raw(host, controller, body)
    assert got == status
    assert refused(answer)[0] == status
    assert state(client) == before


@pytest.mark.parametrize(
    ("inside", "application", "status", "field"),
    [
        ("<ApplicationRequest><GetNode/></ApplicationRequest>", 99, 501, None),
        ("<ApplicationRequest><GetNode/></ApplicationRequest>", 5, 422, "GetNode"),
        ("<ApplicationRequest><Nonsense/></ApplicationRequest>", 7, 422, "Nonsense"),
        ("<ApplicationRequest/>", 7, 422, "ApplicationRequest"),
        (
            "<ApplicationRequest><SetDomain><Domain>r1</Domain><Weight>0</Weight></SetDomain>"
            "</ApplicationRequest>",
            5,
            422,
            "Weight",
        ),
        (
            "<ApplicationRequest><SetDomain><Domain>r1</Domain><Weight>65536</Weight></SetDomain>"
            "</ApplicationRequest>",
            5,
            422,
            "Weight",
        ),
        (
            "<ApplicationRequest><SetDomain><Domain>r1</Domain><Cap>-1</Cap></SetDomain>"
            "</ApplicationRequest>",
            5,
            422,
            "Cap",
        ),
        (
            "<ApplicationRequest><SetDomain><Domain>r1</Domain><Vcpus>0</Vcpus></SetDomain>"
            "</ApplicationRequest>",
            5,
            422,
            "Vcpus",
        ),
        (
            "<ApplicationRequest><SetDomain><Domain>-x; reboot</Domain></SetDomain>"
            "</ApplicationRequest>",
            5,
            422,
            "Domain",
        ),
    ],
)
def test_a_message_with_a_wrong_value_names_it(
    host, controller, client, r1, inside, application, status, field
):
    before = state(client)
    got, answer = raw(host, controller, _xml(inside, controller, application))
    told = refused(answer)
    assert (got, told[0]) == (status, status)
    if field is not None:
        assert field in (told[2] or "") + told[1]
    assert state(client) == before


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/messages", None, 405),
        ("POST", "/", None, 404),
        ("POST", "/messages/../etc/passwd", None, 404),
        ("POST", "/messages", {"Content-Type": "application/json"}, 415),
        ("POST", "/messages", {}, 415),
        (
            "POST",
            "/messages",
            {"Content-Type": "application/xml", "Content-Length": "99999999"},
            413,
        ),
    ],
)
def test_other_requests_are_refused(host, controller, method, path, headers, status):
    got, answer = raw(host, controller, b"<a/>", headers, method, path)
    assert (got, refused(answer)[0]) == (status, status)


@pytest.mark.parametrize("headers", [{"Content-Type": "application/xml"}, {}])
def test_an_answer_is_not_lost_to_what_is_still_on_its_way(host, controller, headers):
    """A connection that is closed on unread data is reset, and the answer with it."""
    for _ in range(20):
        got, answer = raw(host, controller, b"x" * 1_900_000, headers)
        assert (got, refused(answer)[0]) == ((413, 413) if headers else (415, 415))


def test_a_gigabyte_of_nesting_ends_at_the_limit(host, controller, client):
    """What is announced is refused unread; what comes in pieces is cut off at 1 MiB."""
    context = client_context(controller, host.identity.node_pk)
    with (
        socket.create_connection(("127.0.0.1", host.port), 30) as plain,
        context.wrap_socket(plain) as secured,
    ):
        secured.sendall(
            b"POST /messages HTTP/1.1\r\nHost: h\r\nContent-Type: application/xml\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        piece = b"<a>" * 20_000
        try:
            for _ in range((1 << 30) // len(piece)):
                secured.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        except OSError:
            pass
        else:
            pytest.fail("a gigabyte was taken")
    assert client.ask(domains.GetNode())


def test_peers_that_stall_hold_nobody_up(host, client):
    """Neither before the handshake, nor in the middle of it."""
    stalled = [socket.create_connection(("127.0.0.1", host.port), 10) for _ in range(400)]
    try:
        for one in stalled[::2]:
            one.sendall(b"\x16\x03\x01\x02\x00\x01")
        for _ in range(5):
            assert client.ask(domains.GetNode())
            client.close()
    finally:
        for one in stalled:
            one.close()


def test_a_certificate_that_is_gone_is_the_node_s_own_fault_and_mends(folder, controller):
    """Each handshake needs the node's files once its list has changed."""
    other = Identity.create(folder / "newcomer")
    with BridgeProcess(folder / "bare", controller) as service:
        place = folder / "bare" / "node.crt"
        text = place.read_bytes()
        place.unlink()
        service.authorize(other)
        asking = service.client(other)
        for _ in range(3):
            with pytest.raises(PeerAway):
                asking.ask(domains.GetNode())
        wait_until(lambda: "accepts no connections" in service.log, 60, "it is told")
        assert f"{folder / 'bare'}: " in service.log
        place.write_bytes(text)
        assert asking.ask(domains.GetNode())
        assert "Traceback" not in service.log


def test_one_node_does_not_take_all_threads(folder, controller):
    """Its requests wait for a slow hypervisor; those of another are answered all the same."""
    other = Identity.create(folder / "patient")
    with BridgeProcess(folder / "slow", controller, "memory:///slow?seconds=60") as service:
        service.authorize(other)
        greedy = [service.client(seconds=120) for _ in range(40)]
        threads = [threading.Thread(target=_in_vain, args=(one,)) for one in greedy]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: service.log.count(": GetNode") >= 40, 60, "all have asked")
            # It is not slow of one domain.
            assert service.client(other).ask(domains.GetDomain("Domain-0"))
        finally:
            service.kill()
            for thread in threads:
                thread.join(60)


def _in_vain(client):
    with contextlib.suppress(BridgeError):
        client.ask(domains.GetNode())


def test_many_ask_at_once_and_wait_side_by_side(host, controller):
    """A hundred requests of a second each are done long before a hundred seconds."""
    asked = measures.Measures(
        measures.UsedGatherers(memory=True),
        measures.GathererParameters(memory=measures.Sampling(3, 0.5)),
    )
    answers, gate = [], threading.Barrier(50)

    def ask():
        mine = host.client()
        try:
            gate.wait(30)
            answers.append(len(mine.ask(asked, seconds=60).memory.iterations))
        finally:
            mine.close()

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert answers == [3] * 50


def test_a_deadline_of_the_client_ends_the_wait_only(host, client):
    asked = measures.Measures(
        measures.UsedGatherers(memory=True),
        measures.GathererParameters(memory=measures.Sampling(20, 0.1)),
    )
    with pytest.raises(Deadline):
        client.ask(asked, seconds=0.2)
    assert client.ask(domains.GetNode())


def test_the_connection_is_used_again_and_renewed_when_it_broke(folder, controller):
    with BridgeProcess(folder / "restarted", controller, "memory:///two") as service:
        asking = service.client()
        first = asking.ask(domains.GetNode())
        used = asking._connection
        asking.ask(domains.GetNode())
        assert asking._connection is used
        port = service.port
        service.kill()
        with pytest.raises(PeerAway):
            asking.ask(domains.GetNode())
        service.start(port)
        assert asking.ask(domains.GetNode()).host == first.host


GREEN = """
import eventlet, sys
eventlet.monkey_patch()
from pathlib import Path
from xen_bridge.client import BridgeClient
from xen_bridge.protocol.documents.domains import GetNode
from xen_bridge.trust.identity import Identity
client = BridgeClient(sys.argv[1], sys.argv[2], Identity.load(Path(sys.argv[3])))
client.ask(GetNode())
used = client._connection
client.ask(GetNode())
print(client._connection is used)
"""


def test_the_connection_is_used_again_by_green_threads_too(host, controller):
    """The controller's are green, and their sockets take a timeout of 0 for one."""
    folder = str(controller.key_file.parent)
    words = (sys.executable, "-W", "ignore", "-c", GREEN, host.url, host.identity.node_pk, folder)
    done = subprocess.run(words, capture_output=True, text=True, timeout=BACKSTOP, check=False)
    assert done.stdout == "True\n", done.stderr


def test_it_ends_when_it_is_told_to(folder, controller):
    with BridgeProcess(folder / "ended", controller) as service:
        asked = measures.Measures(
            measures.UsedGatherers(memory=True),
            measures.GathererParameters(memory=measures.Sampling(11, 0.1)),
        )
        answers = []
        thread = threading.Thread(target=lambda: answers.append(service.client().ask(asked)))
        thread.start()
        wait_until(lambda: ": Measures" in service.log, 60, "the request is under way")
        assert service.stop() == 0
        thread.join(20)
        assert len(answers) == 1
        assert len(answers[0].memory.iterations) == 11


def test_a_hypervisor_that_hangs_is_a_deadline_and_nothing_else_suffers(folder, controller):
    """SIGSTOP of the whole service is the client's deadline; see test_workers for libvirt's."""
    with BridgeProcess(folder / "stopped", controller) as service:
        asking = service.client()
        os.kill(service.pid, signal.SIGSTOP)
        try:
            with pytest.raises((Deadline, PeerAway)):
                asking.ask(domains.GetNode(), seconds=0.3)
        finally:
            os.kill(service.pid, signal.SIGCONT)
        assert asking.ask(domains.GetNode())


def test_no_path_is_given_to_a_domain_but_those_of_the_list(client):
    wanted = domains.CreateDomain("r9", disks=(domains.NewDisk("/etc/shadow", "xvda"),))
    with pytest.raises(PathNotAllowed, match="/var/lib/xen/images"):
        client.ask(wanted)
    with pytest.raises(SubjectNotFound):
        client.ask(domains.GetDomain("r9"))


def test_a_list_of_paths_that_is_none_is_said(folder, controller):
    Identity.load_or_create(folder / "listless")
    words = ["serve", "--directory", str(folder / "listless"), "--allow-path", "images"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "'images' is no absolute path" in result.output


def test_libvirt_s_own_test_driver_is_served(folder, controller):
    """No daemon, no Xen: libvirt in the service's threads, and its gaps told as such."""
    with BridgeProcess(folder / "libvirt", controller, "test:///default") as service:
        asking = service.client()
        node = asking.ask(domains.GetNode())
        assert (node.host.hypervisor, node.domains[0].name) == ("TEST", "test")
        made = asking.ask(domains.CreateDomain("r1", vcpus=1, max_vcpus=2)).domain
        assert made.state == "running"
        pinned = asking.ask(domains.SetDomain("r1", vcpus=2, affinity=(domains.VcpuPins((1,)),)))
        assert pinned.domain.vcpus.current == 2
        with pytest.raises(RequestUnsupported, match="weight"):
            asking.ask(domains.SetDomain("r1", weight=5))
        assert asking.ask(domains.DeleteDomain("r1")) == domains.Done()
