"""The page at a controller whose slices a slicer of another process keeps."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from selenium.webdriver.common.keys import Keys

from integration.web.browser import NEEDS_BROWSER, Browser
from tools.controller_process import ControllerProcess
from tools.slicing_process import SlicingProcess
from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import LoadNetwork

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    NEEDS_BROWSER,
]

RULES = "#field-flowspace-Flowspaceonerulealine"


@pytest.fixture
def slicer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlicingProcess]:
    with SlicingProcess(tmp_path_factory.mktemp("slicer")) as made:
        yield made


@contextmanager
def ring(port: int) -> Iterator[None]:
    """Four simulated switches at a controller, joined at their ports 1 and 2 in turn."""
    pairs = [((1, 1), (2, 1)), ((2, 2), (3, 2)), ((3, 1), (4, 1)), ((4, 2), (1, 2))]
    cables = {end: other for one, two in pairs for end, other in ((one, two), (two, one))}
    network = LoadNetwork([LoadSwitch(dpid, (1, 2, 3)) for dpid in range(1, 5)], cables)
    ended = threading.Event()

    def serve() -> None:
        network.connect(("127.0.0.1", port), time.monotonic() + 60)
        network.run(ended.is_set, math.inf)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        network.close()


@pytest.fixture
def page(slicer: SlicingProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder = tmp_path_factory.mktemp("controller")
    config = f"[rest]\nslicer_url = {slicer.url}\n"
    with ExitStack() as stack:
        controller = stack.enter_context(ControllerProcess(folder, config=config))
        stack.enter_context(ring(controller.openflow_port))
        made = stack.enter_context(Browser(folder / "profile", controller.url))
        made.wait(lambda: "live" in made.text("#liveness"), "the page")
        made.wait(lambda: sum("=" in name for name in made.spots()) == 4, "the ring")
        yield made


def test_a_slice_is_made_after_a_look_at_what_would_clash_and_taken_away(
    slicer: SlicingProcess, page: Browser
) -> None:
    slicer.ctl("create", "red", "-c", "tcp:127.0.0.1:7001", "--rule", "ports=1,3 dl_vlan=10-20")
    page.press("s")
    page.wait(lambda: page.has_focus("#field-name-Name"), "the first field")
    page.press("blue", Keys.TAB, "tcp:127.0.0.1:7002", Keys.TAB, "dl_vlan=9999")
    page.click("#make-slice")
    page.wait(lambda: page.text(f"{RULES}-fault"), "the refusal beside its field")
    page.fill(RULES, "ports=2,3")
    page.click("#make-slice")
    page.wait(lambda: "clash" in page.text("#clashes"), "the report")
    assert "red" in page.text("#clashes")
    assert slicer.slices() == ["red"]
    ring_ids = {name for name in page.spots() if "=" in name}
    lit = {name for name in page.ask("return horizon.marked('lit')") if "=" in name}
    assert lit == {name for name in ring_ids if all(end[-1] == "2" for end in name.split("="))}
    page.click(".equivalents summary")
    assert "horizonctl slices create blue -c tcp:127.0.0.1:7002" in page.text(".equivalents")
    assert page.axe() == []
    page.keep_picture("page-slices")
    page.click("#make-slice")
    page.wait(lambda: "Slice blue" in page.text(".details"), "it is made and selected")
    assert slicer.slices() == ["blue", "red"]
    page.wait(lambda: page.text('[data-id="slice:red"]'), "the other in the table")
    page.fill(".details input", "dl_vlan=15 priority=40000")
    page.press(Keys.ENTER)
    page.wait(lambda: "red" in page.text("#clashes"), "what the rule would clash with")
    page.press(Keys.ENTER)
    page.wait(lambda: "dl_vlan=15" in page.text(".details .entries"), "the rule")
    told = json.loads(slicer.request("GET", "/v1/slices/blue"))
    assert len(told["flowspace"]) == 2
    page.click("#delete-slice")
    page.wait(lambda: slicer.slices() == ["red"], "it is gone")
    page.wait(lambda: not page.text('[data-id="slice:blue"]'), "and from the table")
    refusals = page.complaints()
    assert [one for one in refusals if "422" not in one] == []
