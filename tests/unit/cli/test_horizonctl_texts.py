"""Whatever the controller tells, horizonctl shows it as it is: no markup, no emoji, no escapes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from examples import examples
from horizon_ryu.cli import show, show_flows, show_measures, show_migration, show_stats, show_xen
from horizon_ryu.cli.main import main
from horizon_ryu.cli.terminal import Terminal, printable, styled
from unit.cli.in_memory import answered_by

STYLES = re.compile("\x1b\\[[0-9;]*m")
HOSTILE = (
    "7e:10:cf:cd:e3:a7", ":cd:", "[red]", "[/]", "[/red]", "[link=file:///etc/passwd]x[/link]",
    "\\[bold]", "\\", "\x1b[2J", "\x9b31m", "\x1b]0;title\x07", "a\nb", "\r", "\t", "\u202eabc",
    "\x00", "\x7f", "…", "\U0001f4bf",
)  # fmt: skip
BEGIN, END = "«", "»"
FEW = settings(max_examples=examples(30, 100))
"""What is hostile is shown in each place anyway, one by one."""
TEXTS = st.text(st.characters(exclude_characters=BEGIN + END, exclude_categories=("Cs",)))


def link(t: str) -> dict[str, Any]:
    src, dst = {"dpid": t, "port_no": 1}, {"dpid": t, "port_no": 2}
    return {"src": src, "dst": dst, "bidirectional": False, "in_tree": True}


def topology(out: Terminal, t: str) -> None:
    data = {
        "switches": [{"dpid": t, "address": t, "openflow": t, "ports": []}],
        "links": [link(t)],
        "held_links": [{**link(t), "state": t}],
        "hosts": [{"mac": t, "ips": [t, t], "dpid": t, "port_no": 3}],
    }
    show.topology(out, data)


def forest(out: Terminal, t: str) -> None:
    below = {"dpid": "2", "neighbors": [{"dpid": t + "x", "port": t}]}
    switches = [{"dpid": t, "neighbors": [{"dpid": "2", "port": 1}]}, below]
    show.forest(out, {"trees": [{"root": t, "switches": switches}]})


def networks(out: Terminal, t: str) -> None:
    show.networks(out, [{"name": t, "definition": {t: t}}])


def timers(out: Terminal, t: str) -> None:
    show.timers(out, {t: 1.0})


def event(out: Terminal, t: str) -> None:
    data = {t: t, "link": link(t)["src"], "list": [t, t], "dict": {"a": 1}}
    show.event(out, {"seq": t, "kind": t, "data": data})


def flow_data(t: str, path: bool) -> dict[str, Any]:
    hop = {"in_port": t, "dpid": t, "out_port": t}
    return {
        "id": t, "state": t, "match": {t: t}, "path": [hop] if path else [], "dpid": t,
        "actions": [{t: t}], "priority": t, t: t,
    }  # fmt: skip


def flows(out: Terminal, t: str) -> None:
    show_flows.flows(out, [flow_data(t, True), flow_data(t, False)])
    show_flows.flow(out, flow_data(t, True))
    show_flows.flow(out, flow_data(t, False))


def migrations(out: Terminal, t: str) -> None:
    path = [{"in_port": t, "dpid": t, "out_port": t}]
    message = {"dpid": t, "command": t, "match": {t: t}, "actions": [{t: t}]}
    data = {
        "id": t, "started": 0, "flow": t, "state": t, "path": path, "previous_path": path,
        "path_kind": t, "duration_ms": 1.0, "waves": t, "cause": t, "error": {"detail": t},
        "plan": [{"kind": t, "messages": [message]}, {"kind": t, "messages": []}],
    }  # fmt: skip
    show_flows.migrations(out, [data])
    show_flows.migration(out, data)
    step = {"name": t, "state": t, "began_s": 1.0, "ended_s": 2.0, "detail": t}
    router = {
        "id": t, "kind": "router", "started": 0, "host": t, "domain": t, "destination": t,
        "mode": t, "state": t, "duration_ms": 1.0, "pause_ms": None, "lost": None, "problem": t,
        "silence": t, "steps": [step], "refusals": [{"field": t, "reason": t}],
    }  # fmt: skip
    show_flows.migrations(out, [router])
    show_migration.migration(out, router)
    show_migration.end(out, router)
    out.print(show_migration.step_line(step), soft_wrap=True)


def stats(out: Terminal, t: str) -> None:
    port = {"port_no": t, "name": t, "link": True, "rx_packets": t, "tx_packets": t,
            "rx_dropped": 1, "tx_dropped": None}  # fmt: skip
    table = dict.fromkeys(("table_id", "name", "active_count", "lookup_count", "matched_count"), t)
    action = {"name": t, "value": t}
    flow = {"priority": t, "packet_count": t, "byte_count": t, "duration": 1.0, "match": {t: t},
            "actions": [action], "cookie": t}  # fmt: skip
    data = {
        "dpid": t,
        "dp_desc_stats": {"ip": t, "sw_desc": t},
        "dp_aggr_stats": {"flow_count": t},
        "dp_stats": {"age": None, "ports": [port]},
        "dp_table_stats": {"tables": [table]},
        "dp_flow_stats": {"flows": [flow]},
    }
    show_stats.overview(out, [data])
    show_stats.switch(out, data)
    numbers = dict.fromkeys(("cpu_percent", "memory_percent", "dropped_per_s", "echo_ms"))
    node = {"id": t, "throughput_bps": {"rx": None, "tx": None}, "neighbors": [t, t], **numbers}
    show_stats.measures(out, [node])


def xen(out: Terminal, t: str) -> None:
    host = {
        "name": t, "state": t, "hypervisor": t, "version": t, "scheduler": t, "cpus": t,
        "free_memory_kb": 1, "domains": t, "url": t, "reason": t, "planes_problem": t,
        "silent_routers": [t],
    }  # fmt: skip
    show_xen.hosts(out, {"hosts": [host]})
    show_xen.added(out, host)
    domain = {
        "name": t, "id": t, "state": t, "memory_kb": 1, "cpu_time_s": 1.0,
        "vcpus": {"current": t, "maximum": t, "affinity": []},
        "scheduler": {"kind": t, "weight": t, "cap": t}, "unknown": [], "problems": [t],
        "origin": t, "autostart": None, "on_reboot": t, "on_crash": t, "network": t,
    }  # fmt: skip
    show_xen.domains(out, [domain])
    show_xen.life_policy(out, {**domain, "origin": "libvirt"})
    show_xen.scheduling(out, [domain])
    vcpu = dict.fromkeys(("domain", "id", "vcpu", "cpu", "state"), t)
    show_xen.vcpus(out, [{**vcpu, "time_s": 1.0, "affinity": [0]}])
    names = ("address", "vendor", "product", "driver", "interface", "domain", "functions")
    device = {**dict.fromkeys(names, t), "max_functions": t, "kind": "nic"}
    show_xen.devices(out, {"devices": [device], "queues": {"maximum": t}, "unknown": [t]})


def measures(out: Terminal, t: str) -> None:
    numbers = {"cpu_time": 1, "cpu_percent": 1.0, "memory": 1, "memory_percent": 1.0, "vcpus": 1}
    domain = {"name": t, **numbers, "interfaces": []}
    found = {"rtt": None, "packets_transmitted": t, "packets_received": t, "packet_loss_percent": 1}
    interface = {
        "name": t, "link_mac": t, "link_mtu": t, "ipv4": [{"address": t}], "ipv6": [{"address": t}],
        "received_bytes": t, "transmitted_bytes": t, "reception_rate": 1.0,
        "transmission_rate": None,
    }  # fmt: skip
    data = {
        "xentop": {"iterations": [{"number": t, "domains": [domain]}]},
        "ifconfig": {"iterations": [{"number": t, "interfaces": [interface]}]},
        "latency": {"iterations": [{"number": t, "neighbors": [{"ip": t, "data": found}]}]},
        "memory": None,
    }
    show_measures.measures(out, data)


def everything_of_rich(out: Terminal, t: str) -> None:
    """Places that no command uses today."""
    table = Table(t, title=t, caption=t)
    table.add_column(t, footer=t)
    table.add_row(t, styled(t, "red"))
    out.print(table, t)
    out.print(t, markup=True, emoji=True)
    out.rule(t)
    tree = Tree(t)
    tree.add(t)
    out.print(tree)
    out.print(out.status(t).renderable)


SHOWN: list[Callable[[Terminal, str], None]] = [
    topology, forest, networks, timers, event, flows, migrations, stats, xen, measures,
]  # fmt: skip


def shown(command: Callable[[Terminal, str], None], text: str, colors: bool = False) -> str:
    out = io.StringIO()
    command(Terminal(file=out, width=5000, force_terminal=colors), BEGIN + text + END)
    return STYLES.sub("", out.getvalue()) if colors else out.getvalue()


@cache
def places(command: Callable[[Terminal, str], None]) -> int:
    """Return in how many places a command shows a text."""
    return shown(command, "text").count(BEGIN + "text" + END)


def expect_as_itself(command: Callable[[Terminal, str], None], text: str) -> None:
    wanted = places(command)
    assert wanted > 0
    for colors in (False, True):
        found = shown(command, text, colors)
        assert found.count(BEGIN + printable(text) + END) == wanted, found
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", found)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("command", SHOWN, ids=lambda command: command.__name__)
def test_data_is_neither_markup_nor_emoji_nor_an_escape(
    command: Callable[[Terminal, str], None], text: str
) -> None:
    expect_as_itself(command, text)


@FEW
@given(st.sampled_from(SHOWN), TEXTS)
def test_any_text_in_any_place_is_shown_as_itself(
    command: Callable[[Terminal, str], None], text: str
) -> None:
    expect_as_itself(command, text)


@FEW
@given(TEXTS)
@example("\x1b[2J")
@example("[red]:cd:")
def test_whatever_rich_draws_is_harmless(text: str) -> None:
    expect_as_itself(everything_of_rich, text)


@given(TEXTS)
@example("\x1b[2J")
def test_not_even_a_text_made_without_us_is_obeyed(text: str) -> None:
    assert shown(lambda out, t: out.print(Text(t)), text).replace("\n", "").isprintable()


@given(st.text(st.characters()))
def test_what_is_printable_is_one_line_and_stays_as_it_is(text: str) -> None:
    made = printable(text)
    assert made.isprintable()
    assert printable(made) == made
    if text.isprintable():
        assert made == text


# ---- through the command line


def run(answer: httpx.Response, *words: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        answered_by(patch, lambda *_args, **_options: answer)
        return CliRunner().invoke(main, list(words), env={"COLUMNS": "5000"})


def test_a_mac_address_is_shown_and_not_a_disc() -> None:
    host = {"mac": "7e:10:cf:cd:e3:a7", "ips": [], "dpid": "1", "port_no": 1}
    answer = httpx.Response(200, json={"switches": [], "links": [], "hosts": [host]})
    assert "7e:10:cf:cd:e3:a7" in run(answer, "topology").output


@given(TEXTS)
@example("\x1b[2J\nError: forged")
def test_an_error_is_shown_as_the_controller_told_it(text: str) -> None:
    marked = BEGIN + text + END
    problem = {"title": marked, "detail": marked, "errors": [{"loc": [marked], "msg": "m"}]}
    result = run(httpx.Response(422, json=problem), "networks", "list")
    assert result.exit_code == 1
    assert result.output.count(BEGIN + printable(text) + END) == 3
    assert len(result.output.splitlines()) == 2


@given(TEXTS)
@example("\x1b[2J")
def test_what_was_done_is_told_on_one_line(text: str) -> None:
    marked = BEGIN + text + END
    result = run(httpx.Response(204), "networks", "delete", "--", marked)
    assert result.output == f"{printable(marked)} is forgotten\n"


@given(TEXTS)
@example("\x7f\x9b")
def test_json_is_the_same_data_in_harmless_characters(text: str) -> None:
    data = {"networks": [text]}
    result = run(httpx.Response(200, json=data), "-o", "json", "networks", "list")
    assert json.loads(result.output) == data
    assert result.output.replace("\n", "").isprintable()


def test_xml_is_the_same_document_in_harmless_characters() -> None:
    answer = httpx.Response(200, text="<a>\x9b31m\u202e é</a>\n")
    assert run(answer, "-o", "xml", "tree").output == "<a>&#155;31m&#8238; é</a>\n\n"


def test_a_progress_line_is_data_too() -> None:
    out = io.StringIO()
    with Terminal(file=out, width=200, force_terminal=True).status("ending [red]:cd:\x1b[2J …"):
        pass
    assert "ending [red]:cd:\\x1b[2J …" in out.getvalue()


def test_commands_write_on_a_terminal_to_which_texts_are_data() -> None:
    with click.Context(main) as context:
        main.callback and context.invoke(main.callback, url="", token=None, output="table")
        assert isinstance(context.obj.console, Terminal)
