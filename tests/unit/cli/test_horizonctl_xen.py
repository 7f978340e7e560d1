"""horizonctl xen against the whole API, over hosts in this process."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result

import fake_sysfs
from fake_bridge import CONTROLLER, NEIGHBOR, FakeBridge
from fake_sysfs import PF, VF
from fake_xen import FakeXen
from horizon_ryu.cli import show_measures
from horizon_ryu.cli.main import main
from horizon_ryu.cli.terminal import Terminal, printable
from horizon_ryu.cli.xen_parsing import (
    LONG,
    affinity_of,
    disk_of,
    interface_of,
    is_name,
    path_of,
    processor_of,
    route_of,
)
from horizon_ryu.http.router import Router
from horizon_ryu.rest import (
    xen_devices,
    xen_domains,
    xen_hosts,
    xen_measures,
    xen_planes,
    xen_topology,
)
from horizon_ryu.xen_hosts.topology import HostsTopology
from unit.cli.in_memory import answered_by
from xen_bridge.protocol import messages
from xen_bridge.protocol.documents.domains import CreateDomain, SetDomain, VcpuPins
from xen_bridge.protocol.documents.planes import SeparatedPlane
from xen_bridge.runtime.green import GreenRuntime


class Api:
    """A controller in this process; ``xen`` is behind it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.xen = FakeXen(folder)
        self.seen: list[tuple[str, str]] = []
        self.patience: list[float] = []
        router = Router()
        for module in (xen_hosts, xen_domains, xen_measures, xen_devices):
            router.add(module.resources(self.xen.hosts))
        last_pause = self.xen.migrations.last_pause_s
        router.add(xen_planes.resources(self.xen.hosts, last_pause))
        router.add(xen_hosts.identity_resources(CONTROLLER))
        whole = HostsTopology(self.xen.hosts, GreenRuntime(), lambda: self.xen.now)
        router.add(xen_topology.resources(whole))

        def as_pep_3333(environ: dict[str, Any], start: Any) -> Any:
            # httpx decodes what a server would leave as bytes.
            environ["PATH_INFO"] = environ["PATH_INFO"].encode().decode("latin-1")
            return router(environ, start)

        self._client = httpx.Client(transport=httpx.WSGITransport(as_pep_3333))
        answered_by(monkeypatch, self._request)

    def _request(self, method: str, url: str, **options: Any) -> httpx.Response:
        self.seen.append((method, httpx.URL(url).path))
        self.patience.append(options["timeout"])
        return self._client.request(method, url, **options)

    def __call__(self, *words: str, columns: int = 200) -> Result:
        return CliRunner().invoke(main, [*words], env={"COLUMNS": str(columns)})

    def shown(self, *words: str) -> str:
        """Run a command that works, return what it shows."""
        result = self("xen", *words)
        assert result.exit_code == 0, result.output
        return result.output

    def json(self, *words: str) -> Any:
        result = self("-o", "json", "xen", *words)
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    def asked(self, kind: type[Any]) -> Any:
        """Return the last request of a kind that arrived at xen1."""
        return [body for body, _, _ in self.xen.bridges["xen1"].asked if isinstance(body, kind)][-1]


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Api:
    return Api(tmp_path, monkeypatch)


@pytest.fixture
def bridge(api: Api) -> FakeBridge:
    """A registered host xen1 with the router r1."""
    made = api.xen.add("xen1")
    made.physical.create(CreateDomain("r1", max_vcpus=4))
    made.add_router("r1")
    api.xen.look("xen1")
    return made


@pytest.mark.parametrize(
    "words",
    [
        ("domains", "xen1"), ("domains", "xen1", "r1"), ("vcpus", "xen1"), ("planes", "xen1"),
        ("scheduler", "xen1"), ("devices", "xen1"), ("set", "xen1", "r1", "--weight", "300"),
        ("delete", "xen1", "r1"), ("create", "xen1", "r2", "--kernel", "/k"),
    ],
)  # fmt: skip
def test_a_host_that_is_slow_is_waited_for_longer_than_the_controller_does(
    api: Api, bridge: FakeBridge, words: tuple[str, ...]
) -> None:
    """It tells then what became of it; its deadline for a host is a minute, and may be longer."""
    api("xen", *words)
    assert api.patience
    assert set(api.patience) == {LONG}


# ---- hosts


def test_a_host_is_added_shown_and_removed(api: Api) -> None:
    bridge = api.xen.bridge("xen1")
    assert "connected" in api.shown("add", "xen1", bridge.url, bridge.node_pk)
    shown = api.shown("hosts")
    for word in ("xen1", "connected", "memory 1.0.0", "credit", bridge.url):
        assert word in shown
    assert api.json("hosts")["hosts"][0]["node_pk"] == bridge.node_pk
    assert api.shown("remove", "xen1") == "xen1 is forgotten\n"
    assert "xen1" not in api.shown("hosts")


def test_one_that_does_not_answer_says_what_to_do(api: Api) -> None:
    bridge = api.xen.bridge("xen1")
    bridge.away = "Connection [refused]"
    shown = api.shown("add", "xen1", bridge.url, bridge.node_pk)
    assert "Connection [refused]" in shown
    assert "horizonctl xen identity" in shown


def test_the_controllers_key(api: Api) -> None:
    assert api.shown("identity") == CONTROLLER + "\n"


def test_a_host_that_is_away_says_where_to_look(api: Api, bridge: FakeBridge) -> None:
    bridge.away = "no route"
    api.xen.look("xen1")
    result = api("xen", "domains", "xen1")
    assert result.exit_code == 1
    assert "host xen1: away for 0 s: no route" in result.output
    assert "horizonctl xen hosts" in result.output


def test_a_wrong_field_is_named(api: Api) -> None:
    result = api("xen", "add", "xen1", "http://x", "k" * 60)
    assert result.exit_code == 1
    assert "url: must be https://HOST:PORT" in result.output


# ---- domains


def test_domains_are_a_row_each(api: Api, bridge: FakeBridge) -> None:
    shown = api.shown("domains", "xen1")
    assert "Domain-0" in shown
    assert "r1" in shown
    assert "Domain-0" not in api.shown("domains", "xen1", "r1")
    assert [one["name"] for one in api.json("domains", "xen1")] == ["Domain-0", "r1"]


def test_what_a_host_cannot_read_is_a_question_mark(api: Api, bridge: FakeBridge) -> None:
    known = api.shown("domains", "xen1")
    fields = ("state", "memory_kb", "cpu_time_s", "vcpus", "scheduler", "interfaces")
    bridge.memory.blind("r1", *fields, "devices", "usage")
    shown = api.shown("domains", "xen1")
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line}
    before = {line.split()[0]: line.split() for line in known.splitlines() if line}
    assert rows["Domain-0"][:-2] == before["Domain-0"][:-2]
    told = rows["r1"]
    assert told == ["r1", "1", "unknown", "?", "?/?", "0-3", "?", "?", "?"]
    assert "r1: scheduler: refused on demand" in shown
    assert "?" in api.shown("scheduler", "xen1")
    assert "nobody can tell which devices r1 has" in api.shown("devices", "xen1")
    measured = api.shown("measures", "xen1", "--xentop")
    row = next(line.split() for line in measured.splitlines() if "r1" in line)
    assert row.count("?") == 5


def test_a_path_that_a_host_does_not_allow_is_no_matter_of_tokens(
    api: Api, bridge: FakeBridge
) -> None:
    bridge.allow("/var/lib/xen/images")
    result = api("xen", "create", "xen1", "r2", "--kernel", "/root/k")
    assert result.exit_code == 1
    assert "The host does not allow this" in result.output
    assert "--allow-path: /var/lib/xen/images" in result.output
    assert "token" not in result.output


def test_a_domain_is_created_and_deleted(api: Api, bridge: FakeBridge) -> None:
    words = [
        "create", "xen1", "r2", "--memory-mb", "64", "--vcpus", "2", "--max-vcpus", "3",
        "--kernel", "/boot/k", "--ramdisk", "/boot/r", "--arguments", "a=b c",
        "--bridge", "xenbr0", "--bridge", "xenbr1,00:16:3E:00:00:01",
        "--disk", "/dev/vg/r2:xvda", "--disk", "/a:b.img:xvdb:ro", "--weight", "300", "--cap", "7",
    ]  # fmt: skip
    assert "r2" in api.shown(*words)
    asked: CreateDomain = api.asked(CreateDomain)
    assert (asked.memory_kb, asked.vcpus, asked.max_vcpus) == (65536, 2, 3)
    assert (asked.kernel, asked.ramdisk, asked.arguments) == ("/boot/k", "/boot/r", "a=b c")
    assert [(one.bridge, one.mac) for one in asked.interfaces] == [
        ("xenbr0", None), ("xenbr1", "00:16:3e:00:00:01"),
    ]  # fmt: skip
    assert [(one.source, one.target, one.read_only) for one in asked.disks] == [
        ("/dev/vg/r2", "xvda", False), ("/a:b.img", "xvdb", True),
    ]  # fmt: skip
    assert (asked.weight, asked.cap, asked.start) == (300, 7, True)
    assert api.shown("delete", "xen1", "r2") == "r2 is gone\n"
    assert api("xen", "delete", "xen1", "r2").exit_code == 1


def test_a_domain_is_only_defined(api: Api, bridge: FakeBridge) -> None:
    assert "shutoff" in api.shown("create", "xen1", "r2", "--no-start")


def test_a_domain_is_set(api: Api, bridge: FakeBridge) -> None:
    words = ["--weight", "512", "--cap", "0", "--vcpus", "2", "--affinity", "0,2-3/1"]
    shown = api.shown("set", "xen1", "r1", *words, "--state", "paused")
    assert "paused" in shown
    assert api.asked(SetDomain) == SetDomain(
        "r1", 512, 0, 2, (VcpuPins((0, 2, 3)), VcpuPins((1,))), "paused"
    )


def test_what_the_host_refuses_is_named(api: Api, bridge: FakeBridge) -> None:
    result = api("xen", "set", "xen1", "r1", "--cap", "401")
    assert result.exit_code == 1
    assert "cap: must be at most 400" in result.output


# ---- tables


def test_scheduler_vcpus_and_devices(api: Api, bridge: FakeBridge) -> None:
    assert "256" in api.shown("scheduler", "xen1")
    assert "0-3" in api.shown("vcpus", "xen1")
    assert api.json("vcpus", "xen1")[1]["domain"] == "r1"
    shown = api.shown("devices", "xen1")
    assert PF in shown
    assert "1/7" in shown
    assert "at most 4" in shown


def test_devices_are_changed(api: Api, bridge: FakeBridge) -> None:
    assert "3/7" in api.shown("set-device", "xen1", PF, "--functions", "3")
    fake_sysfs.bind(bridge.sysfs, VF, "pciback")
    assert api.json("give", "xen1", VF, "r1", "--vlan", "10")["devices"][-1]["domain"] == "r1"
    assert api.json("give", "xen1", VF)["devices"][-1]["domain"] is None
    assert "at most 2" in api.shown("set-queues", "xen1", "2")


# ---- measures


def test_what_is_measured_is_shown(api: Api, bridge: FakeBridge) -> None:
    shown = api.shown("measures", "xen1", "--xentop", "--ifconfig", "--memory", "--latency")
    for word in ("Domain-0", "eth0", "total MB", NEIGHBOR):
        assert word in shown
    told = api.json("measures", "xen1", "--domain", "r1", "--iterations", "3", "--interval", "0.5")
    assert (told["domain"], len(told["memory"]["iterations"])) == ("r1", 3)
    assert bridge.asked[-1][1] == "r1"


def test_addresses_are_whole_on_a_narrow_terminal() -> None:
    address, mac = "fe80::216:3eff:fe77:b/64", "00:16:3e:77:00:0b"
    interface = {
        "name": "eth0", "link_mac": mac, "link_mtu": 1500,
        "ipv4": [{"address": "10.77.0.11/24"}], "ipv6": [{"address": address}],
        "received_bytes": 123_456_789, "reception_rate": 12_345.6,
        "transmitted_bytes": 987_654_321, "transmission_rate": None,
    }  # fmt: skip
    rtt = {"minimum": 1.488, "average": 11.275, "maximum": 24.373, "mean_deviation": 9.761}
    found = {"packets_transmitted": 4, "packets_received": 4, "packet_loss_percent": 0.0}
    neighbor = {"ip": "10.77.0.11", "data": {**found, "rtt": rtt}}
    out = io.StringIO()
    show_measures.measures(
        Terminal(file=out, width=80),
        {
            "xentop": None,
            "memory": None,
            "ifconfig": {"iterations": [{"number": 1, "interfaces": [interface]}]},
            "latency": {"iterations": [{"number": 1, "neighbors": [neighbor]}]},
        },
    )
    for whole in (
        address,
        mac,
        "10.77.0.11/24",
        "123456789 B",
        "987654321 B",
        "12346 B/s",
        "11.275",
    ):
        assert whole in out.getvalue()
    assert "…" not in out.getvalue()


def test_a_fault_is_said_once(api: Api, bridge: FakeBridge) -> None:
    result = api("xen", "set", "xen1", "r1", "--weight", "70000")
    assert result.output.count("less than or equal to 65535") == 1


def test_neighbors_and_pings(api: Api, bridge: FakeBridge) -> None:
    words = ["--latency", "--neighbor", "192.0.2.1", "--neighbor", "192.0.2.2", "--pings", "2"]
    told = api.json("measures", "xen1", *words)["latency"]["iterations"][0]["neighbors"]
    assert [one["ip"] for one in told] == ["192.0.2.1", "192.0.2.2"]
    assert told[0]["data"]["packets_transmitted"] == 2


def test_measures_in_the_report_s_xml(api: Api, bridge: FakeBridge) -> None:
    result = api("-o", "xml", "xen", "measures", "xen1", "--memory")
    assert messages.read(result.output.encode()).body.memory is not None


@pytest.mark.parametrize("command", ["hosts", "domains", "devices"])
def test_names_are_whole_in_a_narrow_terminal(api: Api, bridge: FakeBridge, command: str) -> None:
    words = ["xen", command, *(["xen1"] if command != "hosts" else [])]
    shown = api(*words, columns=40).output
    assert {"hosts": "xen1", "domains": "Domain-0", "devices": PF}[command] in shown


# ---- wrong words


@pytest.mark.parametrize(
    "words",
    [
        ("set", "xen1", "r1"),
        ("set", "xen1", "r1", "--affinity", "x"),
        ("set", "xen1", "r1", "--affinity", "3-1"),
        ("set", "xen1", "r1", "--affinity", ""),
        ("set", "xen1", "r1", "--state", "flying"),
        ("set-device", "xen1", PF),
        ("set-device", "xen1", PF, "--functions", "1", "--driver", "xen"),
        ("set-queues", "xen1", "0"),
        ("create", "xen1", "r2", "--disk", "nothing"),
        ("create", "xen1", "r2", "--memory-mb", "0"),
        ("measures", "xen1", "--iterations", "0"),
        ("add", "xen1"),
    ],
)
def test_wrong_words_are_usage_errors(api: Api, words: tuple[str, ...]) -> None:
    assert api("xen", *words).exit_code == 2
    assert api.seen == []


@pytest.mark.parametrize(
    "words",
    [
        ("remove", "xen1/domains/r1"),
        ("remove", ""),
        ("remove", ".."),
        ("delete", "xen1", ".."),
        ("delete", "xen1", ""),
        ("delete", "xen1", "r1?x"),
        ("domains", "xen1#"),
        ("give", "xen1", "../domains"),
    ],
)
def test_a_name_never_leads_elsewhere(api: Api, bridge: FakeBridge, words: tuple[str, ...]) -> None:
    """``delete xen1 ..`` would otherwise forget the host."""
    result = api("xen", *words)
    assert result.exit_code == 2
    assert "is no name of a host" in result.output
    assert api.seen == []


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0", [[0]]), ("3,1,1", [[1, 3]]), ("0-2,5", [[0, 1, 2, 5]]), ("0/1-2", [[0], [1, 2]])],
)
def test_affinities(text: str, cpus: list[list[int]]) -> None:
    assert affinity_of(text) == cpus


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("0-7,^3", {"affinity": [[0, 1, 2, 4, 5, 6, 7]]}),
        ("0-127,^64-126/2", {"affinity": [[*range(64), 127], [2]]}),
        ("0, 2", {"affinity": [[0, 2]]}),
        ("all", {"anywhere": True}),
        (" All ", {"anywhere": True}),
    ],
)
def test_affinities_as_xl_writes_them(text: str, asked: dict[str, object]) -> None:
    assert processor_of(text) == asked


@pytest.mark.parametrize(
    "text", ["node:0", "nodes:0-1", "3-1", "0,,1", "0-1,^0-1", "0/all", "-1", "²"]
)
def test_what_is_no_affinity_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        processor_of(text)


def test_disks_interfaces_and_paths() -> None:
    assert disk_of("/a:ro:xvda") == {"source": "/a:ro", "target": "xvda", "read_only": False}
    assert disk_of("/a:xvda:ro") == {"source": "/a", "target": "xvda", "read_only": True}
    assert interface_of("br0") == {"bridge": "br0"}
    assert interface_of("br0,02:00:00:00:00:0A,192.0.2.1/24,2001:db8::1/64") == {
        "bridge": "br0",
        "mac": "02:00:00:00:00:0a",
        "addresses": ["192.0.2.1/24", "2001:db8::1/64"],
    }
    assert route_of("::/0,2001:db8::1") == {"to": "::/0", "via": "2001:db8::1"}
    for odd in (lambda: interface_of("br0,02:00:00:00:00:0a,192.0.2.1"), lambda: route_of("::/0")):
        with pytest.raises(click.BadParameter):
            odd()
    assert path_of("xen1", "devices", PF) == f"/v1/xen/hosts/xen1/devices/{PF}"
    with pytest.raises(click.BadParameter):
        path_of("a/b")


def test_what_becomes_of_a_domain_is_chosen(api: Api, bridge: FakeBridge) -> None:
    words = ("--boot-loader", "pygrub", "--on-crash", "destroy", "--autostart")
    assert "r2" in api.shown("create", "xen1", "r2", *words)
    asked = api.asked(CreateDomain)
    assert (asked.boot_loader, asked.on_reboot, asked.on_crash) == ("pygrub", "restart", "destroy")
    assert asked.autostart
    api.shown("set", "xen1", "r2", "--no-autostart")
    assert not bridge.memory.autostarted
    told = api.shown("set", "xen1", "r2", "--on-reboot", "destroy", "--autostart")
    assert "after a reboot destroy, after a crash destroy; starts with its host: yes" in told
    assert api.json("domains", "xen1", "r2")[0]["on_reboot"] == "destroy"
    assert "starts with its host: yes" in api.shown("domains", "xen1", "r2")


def test_what_is_inside_a_router_is_chosen_at_its_creation(
    api: Api, bridge: FakeBridge, tmp_path: Path
) -> None:
    configuration = tmp_path / "frr.conf"
    configuration.write_text("router ospf")
    words = ("--bridge", "br0,192.0.2.1/24", "--route", "10.0.0.0/8,192.0.2.2")
    more = ("--daemon", "ospfd", "--daemon", "bgpd", "--configuration", str(configuration))
    api.shown("create", "xen1", "r2", *words, *more)
    asked = api.asked(CreateDomain)
    assert asked.interfaces[0].addresses == ("192.0.2.1/24",)
    assert [(one.to, one.via) for one in asked.routes] == [("10.0.0.0/8", "192.0.2.2")]
    assert (asked.daemons, asked.configuration) == (("ospfd", "bgpd"), "router ospf")


def test_the_network_of_a_router_is_chosen_shown_and_taken_away(
    api: Api, bridge: FakeBridge
) -> None:
    assert "network" not in api.shown("domains", "xen1")
    assert "blue" in api.shown("create", "xen1", "r2", "--network", "blue")
    api.shown("set", "xen1", "r2", "--network", "red")
    told = api.shown("domains", "xen1")
    assert [line.split()[-1] for line in told.splitlines() if "r2" in line] == ["red"]
    api.shown("set", "xen1", "r2", "--no-network")
    assert api.json("domains", "xen1", "r2")[0]["network"] is None


def test_a_domain_of_xl_is_shown_for_what_it_is(api: Api, bridge: FakeBridge) -> None:
    assert "made by" not in api.shown("domains", "xen1")
    bridge.memory.foreign = (
        replace(
            bridge.memory.domain("r1"),
            name="web 9",
            uuid="1" * 8 + "-1111" * 3 + "-" + "1" * 12,
            id=7,
            origin="xl",
            autostart=None,
            on_reboot=None,
            on_crash=None,
        ),
    )
    told = api.shown("domains", "xen1")
    assert "made by" in told
    assert [line.split()[-1] for line in told.splitlines() if "web 9" in line] == ["xl"]
    assert "can be looked at only" in told
    assert api.json("domains", "xen1", "web 9")[0]["origin"] == "xl"
    for words in (("delete", "xen1", "web 9"), ("set", "xen1", "7", "--weight", "300")):
        refused = api("xen", *words)
        assert refused.exit_code == 1
        assert "made by xl" in refused.output


def test_all_cpus(api: Api, bridge: FakeBridge) -> None:
    api.shown("set", "xen1", "r1", "--affinity", "1")
    api.shown("set", "xen1", "r1", "--affinity", "all")
    assert api.json("domains", "xen1", "r1")[0]["vcpus"]["affinity"] == [[0, 1, 2, 3]]


def test_odd_names_are_reached_or_shown_with_what_reaches_them(
    api: Api, bridge: FakeBridge
) -> None:
    made = bridge.physical.domain("r1")
    kept = bridge.memory._domains[made.uuid]
    for name in ("my router", "a&<1>"):
        bridge.memory._keep(replace(made, name=name), kept.since)
        assert name in api.shown("set", "xen1", name, "--weight", "300")
        assert "reached as" not in api.shown("domains", "xen1")
    for name in ("-x", "a/b", ".."):
        bridge.memory._keep(replace(made, name=name), kept.since)
        assert f"{name} is reached as {made.uuid}" in api.shown("domains", "xen1")


ODD_NAMES = [
    *("é日本語", "a b", "50%", "%2e%2e", "100%41", "a'b\"c", "123", "0", "x\u202ecba", "ﷺ"),
    *("-x", "--help", ".x", "..", "a/b", "a?b", "a#b", "a;b", "a&b=c", "a+b", "~", "a\\b", "[red]"),
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_domain_of_any_name_is_shown_reached_and_deleted(
    api: Api, bridge: FakeBridge, name: str
) -> None:
    uuid = bridge.memory.domain("r1").uuid
    kept = bridge.memory._domains[uuid]
    bridge.memory._domains[uuid] = replace(kept, domain=replace(kept.domain, name=name))
    listed = api.shown("domains", "xen1")
    assert repr(name)[1:-1] in listed or printable(name) in listed
    # What no command takes as a name is reached by the UUID that the listing tells.
    reached = name if is_name(name) and name != "0" else uuid
    if reached == uuid and name != "0":
        assert uuid in listed
    assert api.json("domains", "xen1", reached)[0]["uuid"] == uuid
    assert api.json("set", "xen1", reached, "--weight", "300")[0]["scheduler"]["weight"] == 300
    api.shown("delete", "xen1", reached)
    assert uuid not in bridge.memory._domains
    assert [one["name"] for one in api.json("domains", "xen1")] == ["Domain-0"]


def test_planes_are_shown_and_a_check_fails_where_something_is_missing(
    api: Api, bridge: FakeBridge
) -> None:
    bridge.planes = (
        SeparatedPlane(router="r1", hostname="r1", state="broken", faults=("no table 10001",)),
    )
    assert "r1" in api.shown("planes", "xen1")
    assert api.json("planes", "xen1")["planes"][0]["faults"] == []
    checked = api("xen", "planes", "xen1", "--check")
    assert checked.exit_code == 1
    assert "r1: no table 10001" in checked.output
