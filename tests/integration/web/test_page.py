"""The page in a real browser, on the real controller and real switches."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from integration.web.browser import AXE, NEEDS_BROWSER, Browser, Spots
from tools.flow_lab import FlowLab

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes switches: needs root"),
    NEEDS_BROWSER,
]

RATE = 300
"""Datagrams per second beside a browser, which takes most of the processors."""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlowLab]:
    made = FlowLab(tmp_path_factory.mktemp("lab"))
    try:
        made.stage("fig3_4", ("OpenFlow13",))
        made.ask("POST", "/v1/networks", {"name": "lab", "definition": {"ip": "10.0.0.0/24"}})
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def browser(net: FlowLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile"), net.controller.url) as made:
        expect_picture(net, made)
        yield made


@pytest.fixture
def page(net: FlowLab, browser: Browser) -> Iterator[Browser]:
    """The page with nothing selected, which has nothing to complain of afterwards."""
    browser.press(Keys.ESCAPE)
    yield browser
    net.reset()
    assert browser.strange_hosts() == set()


def expect_picture(net: FlowLab, browser: Browser) -> Spots:
    """Wait until all that there is stands in the picture; return where."""
    wanted = {f"{dpid:016x}" for dpid in net.switches()}
    wanted |= {f"host:{host.mac}" for host in net.graph.hosts}
    browser.wait(lambda: wanted <= browser.spots().keys(), "switches and stations in the picture")
    cables = len(net.graph.edges)
    browser.wait(
        lambda: sum("=" in name for name in browser.spots()) == cables, "cables in the picture"
    )
    return browser.spots()


def nodes(spots: Spots) -> Spots:
    return {name: spot for name, spot in spots.items() if "=" not in name and ">" not in name}


def expect_places(page: Browser, wanted: Spots) -> None:
    """Wait until everything is at these places; tell what is not."""

    def elsewhere() -> dict[str, object]:
        now = nodes(page.spots())
        return {name: (at, now.get(name)) for name, at in wanted.items() if now.get(name) != at}

    try:
        page.wait(lambda: not elsewhere(), "all is in its place")
    except AssertionError:
        assert elsewhere() == {}


def test_the_page_is_served_under_a_strict_policy_and_is_accessible(
    net: FlowLab, page: Browser
) -> None:
    with urllib.request.urlopen(net.controller.url, timeout=10) as answer:
        assert answer.headers["Content-Security-Policy"] == "default-src 'self'"
    assert "live" in page.text("#liveness")
    assert page.complaints() == []
    assert AXE.exists()
    assert page.axe() == []


def test_it_is_accessible_in_the_dark_and_on_a_telephone(net: FlowLab, page: Browser) -> None:
    page.click_at(f"{net.dpid('A'):016x}")
    page.wait(lambda: page.text(".graph canvas") == "" and page.one(".graph canvas"), "its graph")
    try:
        page.look(360, 740)
        for key, part in (("1", ".objects"), ("2", ".picture"), ("3", ".details")):
            page.press(key)
            page.wait(lambda part=part: page.is_shown(part), part)
            assert page.axe() == []
            assert page.ask("return document.documentElement.scrollWidth") <= 360
        page.keep_picture("page-narrow")
        page.look(1360, 820, "dark")
        assert page.axe() == []
        page.keep_picture("page-dark")
    finally:
        page.look_as_others()
    assert page.complaints() == []


def test_the_table_is_searched_and_sorted_and_the_keys_are_told(
    net: FlowLab, page: Browser
) -> None:
    def names() -> list[str]:
        script = (
            "return [...document.querySelectorAll('.rows [data-id]')].map(one => one.dataset.id)"
        )
        found: list[str] = page.ask(script)
        return found

    ip = net.graph.host("source").ip
    page.press("/")
    page.wait(lambda: page.has_focus("#filter"), "the filter")
    page.press(ip)
    station = f"host:{net.graph.host('source').mac}"
    page.wait(lambda: names() == [station], "the station alone")
    page.fill("#filter", "OpenFlow")
    up = [f"{dpid:016x}" for dpid in sorted(net.switches())]
    page.wait(lambda: names() == up, "the switches in order")
    page.click('[role="columnheader"] button')
    page.wait(lambda: names() == up[::-1], "in reverse")
    page.click('[role="columnheader"] button')
    page.press_with(Keys.CONTROL, "a")
    page.fill("#filter", Keys.BACKSPACE)
    page.press(Keys.ESCAPE, "?")
    page.wait(lambda: "find anything" in page.text("dialog"), "the sheet of keys")
    page.press(Keys.ESCAPE)
    page.wait(lambda: not page.text("dialog"), "it is closed")
    assert page.complaints() == []


def test_the_tree_is_told_by_lines_and_words_and_a_network_by_an_overlay(
    net: FlowLab, page: Browser
) -> None:
    links = net.ask("GET", "/v1/topology")["links"]
    for cable in (name for name in page.spots() if "=" in name):
        ends = set(cable.split("="))
        in_tree = any(
            link["in_tree"]
            for link in links
            if {f"{link[end]['dpid']}:{link[end]['port_no']}" for end in ("src", "dst")} == ends
        )
        page.wait(
            lambda cable=cable, in_tree=in_tree: (
                page.ask("return horizon.line(arguments[0])", cable)
                == ("solid" if in_tree else "dashed")
            ),
            f"{cable} is as it is in the tree",
        )
        word = "tree" if in_tree else "spare"
        page.wait(lambda c=cable, w=word: w in page.text(f'[data-id="{c}"]'), "and in words")
    page.click('[data-id="network:lab"]')
    page.wait(lambda: "Virtual network lab" in page.text(".details"), "the network")
    part = net.ask("GET", "/v1/topology?network=lab")
    wanted = {one["dpid"] for one in part["switches"]}
    page.wait(
        lambda: wanted and wanted <= set(page.ask("return horizon.marked('lit')")), "its switches"
    )
    page.click(".equivalents summary")
    assert "horizonctl topology --network lab" in page.text(".equivalents")
    page.press(Keys.ESCAPE)
    page.wait(lambda: page.ask("return horizon.marked('lit')") == [], "no overlay")
    assert page.complaints() == []


def test_timers_are_refused_beside_their_fields_and_set(net: FlowLab, page: Browser) -> None:
    field = "#timers-spanning-tree #field-port_hold_time-portholdtime"
    page.press("t")
    page.wait(lambda: page.is_ready(field), "the timers")
    page.fill(field, "-1")
    page.press(Keys.ENTER)
    page.wait(lambda: page.text(f"{field}-fault"), "the refusal beside its field")
    page.fill(field, "4")
    assert "horizonctl timers spanning-tree port_hold_time=4" in page.ask(
        "return document.querySelector('#timers-spanning-tree .equivalents').textContent"
    )
    page.press(Keys.ENTER)
    path = "/v1/spanning-tree/timers"
    page.wait(lambda: net.ask("GET", path)["port_hold_time"] == 4, "the timer")
    net.ask("PATCH", path, {"port_hold_time": 3})
    assert [one for one in page.complaints() if "422" not in one] == []


def test_a_stopped_switch_leaves_and_nothing_else_moves(net: FlowLab, page: Browser) -> None:
    before = nodes(page.spots())
    gone = f"{net.dpid('F'):016x}"
    net.stop_switch(net.dpid("F"))
    page.wait(lambda: gone not in page.spots(), "the switch is gone")
    after = nodes(page.spots())
    assert {name: before[name] for name in after} == after
    net.start_switch(net.dpid("F"))
    page.wait(lambda: nodes(page.spots()) == before, "it is back where it was")
    page.click_at(gone)
    page.wait(lambda: "switch leave" in page.text(".details .events"), "what happened to it")


def test_a_flow_is_migrated_by_clicks_and_back_without_loss(net: FlowLab, page: Browser) -> None:
    flow = net.make_flow(net.spec("source", "dest", "AFED"))
    page.wait(lambda: page.text(f'[data-id="flow:{flow["id"]}"]'), "the flow in the table")
    page.click(f'[data-id="flow:{flow["id"]}"]')
    with net.route("source", "dest").traffic(RATE) as traffic:
        page.click(".details button.main")
        for letter in "AB":
            page.click_at(f"{net.dpid(letter):016x}")
        page.click_at(f"{net.dpid('D'):016x}")
        page.wait(lambda: "New path" in page.text(".plan"), "the plan")
        page.keep_picture("page-migrate")
        page.click("#migrate-now")
        page.wait(lambda: "Moved" in page.text(".outcome"), "it is moved")
        net.expect_laid(net.passages("source", "ABCD", "dest"))
        page.click("#undo")
        page.wait(
            lambda: net.laid() == sorted(net.passages("source", "AFED", "dest")), "it is back"
        )
    traffic.expect_intact()
    assert page.complaints() == []


def test_a_flow_is_drawn_by_clicks(net: FlowLab, page: Browser) -> None:
    ends = [f"host:{net.graph.host(name).mac}" for name in ("source", "dest")]
    page.click("#draw-flow")
    page.click("#make-flow")
    page.wait(lambda: "say where" in page.text("#field-src-From-fault"), "what is missing")
    for node in (ends[0], f"{net.dpid('B'):016x}", ends[1]):
        page.click_at(node)
    page.fill("#field-priority-Priority", "70000")
    page.click("#make-flow")
    page.wait(lambda: page.text("#field-priority-Priority-fault"), "the refusal beside its field")
    assert net.ask("GET", "/v1/flows")["flows"] == []
    page.fill("#field-priority-Priority", "40000")
    page.fill("#field-match-Match", "dl_type=0x800")
    page.click(".equivalents summary")
    words = page.text(".equivalents")
    assert "curl -X POST" in words
    assert "horizonctl flows add --match dl_type=0x800 --from" in words
    page.click("#make-flow")
    page.wait(lambda: "active" in page.text(".details .facts"), "the flow is selected")
    net.expect_laid(net.passages("source", "ABCD", "dest"))
    refusals = page.complaints()
    assert [one for one in refusals if "422" not in one] == []


def test_a_whole_task_is_done_by_keyboard_alone(net: FlowLab, page: Browser) -> None:
    """Makes a flow, moves it, takes it back."""
    page.press("d")
    page.wait(lambda: page.has_focus("#field-src-From"), "the first field")
    page.press(net.graph.host("source").ip, Keys.TAB, net.graph.host("dest").ip)
    page.press(Keys.TAB, f"{net.dpid('F'):x}", Keys.TAB, "dl_type=0x800,nw_proto=17", Keys.ENTER)
    page.wait(lambda: "active" in page.text(".details .facts"), "the flow is selected")
    net.expect_laid(net.passages("source", "AFED", "dest"))
    page.press("m")
    page.wait(lambda: page.has_focus("#waypoint"), "the field of a waypoint")
    for letter in "ABD":
        page.press(f"{net.dpid(letter):x}", Keys.ENTER)
    page.wait(lambda: "New path" in page.text(".plan"), "the plan")
    page.wait(lambda: page.is_ready("#migrate-now"), "the plan may be carried out")
    page.press(Keys.TAB, Keys.TAB)
    page.wait(lambda: page.has_focus("#migrate-now"), "the button")
    page.press(Keys.ENTER)
    page.wait(lambda: "Moved" in page.text(".outcome"), "it is moved")
    net.expect_laid(net.passages("source", "ABCD", "dest"))
    assert page.complaints() == []


def test_a_link_is_cut_in_the_picture_only(net: FlowLab, page: Browser) -> None:
    flow = net.make_flow(net.spec("source", "dest"))
    end = "{dpid}:{out_port}".format(**flow["path"][0])
    cut = next(name for name in page.spots() if "=" in name and end in name.split("="))
    page.press("w")
    page.click_at(cut)
    page.wait(lambda: "1 flow would move" in page.text("#what-if-answer"), "what would be")
    assert "horizonctl what-if" in page.commands()
    page.click("#what-if-answer .entries button")
    page.wait(lambda: page.ask("return horizon.marked('planned')"), "where it would go")
    page.keep_picture("page-what-if")
    page.click(".chips button")
    page.wait(lambda: page.ask("return horizon.marked('cut')") == [], "it is whole again")
    page.press(Keys.ESCAPE)
    net.expect_true_topology()


def test_a_switch_is_found_and_named_by_keyboard_alone(net: FlowLab, page: Browser) -> None:
    dpid = f"{net.dpid('C'):016x}"
    page.press_with(Keys.CONTROL, "k")
    page.wait(lambda: page.text(".palette"), "the palette")
    page.press(dpid)
    page.press(Keys.ENTER)
    page.wait(lambda: dpid in page.text(".details"), "it is selected")
    page.ask("document.querySelector('.details input').focus()")
    page.press("core")
    page.press(Keys.ENTER)
    page.wait(lambda: page.text(f'[data-id="{dpid}"]').startswith("core"), "its name in the table")
    assert net.controller.get("/v1/switches/names")["names"] == {dpid: "core"}


def test_positions_outlive_a_reload_and_are_the_same_in_another_browser(
    net: FlowLab, page: Browser, tmp_path: Path
) -> None:
    name = f"{net.dpid('B'):016x}"
    x, y = page.spots()[name]
    page.drag(name, (x + 40, y + 30))
    kept = net.controller.get("/v1/layout")["positions"]
    page.wait(
        lambda: net.controller.get("/v1/layout")["positions"][name].get("pinned"), "it is kept"
    )
    del kept
    page.driver.refresh()
    first = nodes(expect_picture(net, page))
    with Browser(tmp_path / "profile", net.controller.url) as other:
        assert nodes(expect_picture(net, other)) == first


def test_a_controller_that_was_away_is_told_and_then_right_again(
    net: FlowLab, page: Browser
) -> None:
    before = nodes(page.spots())
    net.controller.stop()
    page.wait(lambda: "stale" in page.text("#liveness"), "stale is shown")
    net.controller.start()
    page.wait(lambda: "live" in page.text("#liveness"), "live again")
    net.expect_true_topology()
    for host in net.graph.hosts:
        # It asks for whom nobody is, and is known again by that: it needs to ask for no other.
        net.network.run(host.name, ["ping", "-c1", "-w1", "10.0.0.250"])
    expect_places(page, before)
    page.complaints()
