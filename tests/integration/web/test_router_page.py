"""The page at a controller of routers alone: one is moved between two hosts, by drag and by key."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from integration.web.browser import NEEDS_BROWSER, Browser
from tools.router_lab import NumberedTraffic, RouterLab
from tools.traffic import roomy_queues

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
    NEEDS_BROWSER,
]

RATE = 300
"""Datagrams per second each way, beside a browser."""
HERE, THERE = "xen:one:r1", "xen:two:r1"
LONG = 120.0
"""Seconds for eight steps on a busy machine."""
_WATCH = """
window.seen = [];
new MutationObserver(() => {
  const told = document.querySelector('#move-steps')?.innerText;
  if (told && told !== window.seen.at(-1)) window.seen.push(told);
}).observe(document.body, {subtree: true, childList: true, characterData: true});
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterLab]:
    with roomy_queues(), RouterLab(tmp_path_factory.mktemp("routers")) as made:
        yield made


@pytest.fixture(scope="module")
def browser(lab: RouterLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile"), lab.controller.url) as made:
        made.wait(lambda: {HERE, "xen:two"} <= made.spots().keys(), "both hosts and the router")
        yield made


@pytest.fixture
def page(lab: RouterLab, browser: Browser) -> Iterator[Browser]:
    """The page with nothing selected, and a router that passes packets at the first host."""
    browser.press(Keys.ESCAPE)
    browser.wait(lambda: lab.planes("one") == "separated" and lab.passes(), "it passes")
    yield browser
    assert browser.strange_hosts() == set()


def test_a_router_is_dragged_to_another_host_and_comes_back_by_keys_without_loss(
    lab: RouterLab, page: Browser
) -> None:
    page.click_at(HERE)
    page.wait(lambda: "planes are separated" in page.text("#mode-words"), "what the mode means")
    boxes = {name: page.spots()[name] for name in ("xen:one", "xen:two")}
    assert not page.ask("return horizon.overlap('xen:one', 'xen:two')")
    page.ask(_WATCH)
    with NumberedTraffic(lab, RATE) as traffic:
        page.drag(HERE, boxes["xen:two"])
        page.wait(lambda: "planned" in page.text("#move-steps"), "what would be done")
        assert HERE in page.spots()
        page.keep_picture("page-router")
        assert "horizonctl xen migrate one r1 two --mode plane-separation" in page.commands()
        page.click("#move-now")
        page.wait(lambda: THERE in page.spots() and HERE not in page.spots(), "it is there", LONG)
        page.wait(lambda: "on two" in page.text(f'[data-id="{THERE}"]'), "the table has it there")
        page.wait(lambda: "done" in page.text("#move-steps p"), "it is done", LONG)
        page.wait(lambda: "Router r1" in page.text(".details h2"), "it is selected there")
        page.wait(lambda: lab.planes("two") == "separated", "its planes are there", LONG)
        page.press_with(Keys.CONTROL, "k")
        page.wait(lambda: page.has_focus(".palette input"), "the palette")
        page.press("r1", Keys.ENTER)
        page.wait(lambda: not page.text(".palette"), "it is chosen")
        page.wait(lambda: "Router r1" in page.text(".details h2"), "it is selected")
        page.press("m")
        page.wait(lambda: page.has_focus("#destination"), "the field of the destination")
        page.wait(lambda: page.is_ready("#move-now"), "it may be moved")
        page.press(Keys.TAB, Keys.TAB, Keys.TAB)
        page.wait(lambda: page.has_focus("#move-now"), "the button")
        page.press(Keys.ENTER)
        page.wait(lambda: HERE in page.spots() and THERE not in page.spots(), "it is back", LONG)
    assert (traffic.lost, traffic.duplicated) == (0, 0)
    assert traffic.sent > 0
    steps = page.ask("return window.seen")
    assert any("move: running" in told or "installing" in told for told in steps), steps
    now = page.spots()
    assert {name: now[name] for name in boxes} == boxes
    # Of what was refused the browser notes the status, and no reason.
    assert page.complaints() == [], lab.controller.log()[-4000:]


def test_a_share_is_refused_beside_its_field_and_set(lab: RouterLab, page: Browser) -> None:
    page.click_at(HERE)
    page.wait(lambda: page.text("form.act h3"), "the settings of the router")
    able = lab.ask("GET", "/v1/xen/hosts/one")["capabilities"]
    if "cap" not in able:
        page.wait(lambda: "has no weight, cap, vcpus" in page.text("form.act"), "what there is not")
        pytest.skip("no control groups here")
    page.fill("#field-cap-Capofaprocessor0none", "999999")
    page.click("#set-share")
    page.wait(lambda: page.text("#field-cap-Capofaprocessor0none-fault"), "the refusal")
    page.fill("#field-cap-Capofaprocessor0none", "50")
    page.click("#set-share")

    def cap() -> object:
        (domain,) = lab.ask("GET", "/v1/xen/hosts/one/domains")["domains"]
        return domain["scheduler"]["cap"]

    page.wait(lambda: cap() == 50, "the cap")
    assert [one for one in page.complaints() if "422" not in one] == []


def test_what_is_not_there_is_said_plainly(page: Browser) -> None:
    page.click("#new-slice")
    page.wait(lambda: "slicer" in page.text("#no-slicer"), "that there is no slicer")
    assert "This controller has no slicer" in page.text(".objects")
    assert page.complaints() == []
