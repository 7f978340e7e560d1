"""The page in a real Chromium, at a controller of 500 simulated switches and 1,000 links.

Times are the browser's own, since it began to load the page. The picture is laid out once; whoever
comes later has the positions that the controller keeps.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.controller import Controller
from bench.discovery import torus
from bench.listings import SETTINGS, KeepingSwitch
from bench.served import connect, while_serving
from bench.table import Figure
from integration.web.browser import Browser
from virtual_switch.load_network import LoadNetwork

SIZE = (20, 25)
SWITCHES, LINKS = 500, 1_000
LEAST_FRAMES = 20.0
"""A second, that panning is to look smooth with."""
MOST_CHANGE_MS = 500.0
"""From the end of a connection to the picture without the switch."""
LONGEST = 180.0
_CLOCK = """
window.clock = {};
const timer = setInterval(() => {
  const rows = document.querySelectorAll('.rows [data-id]').length;
  if (rows > 0 && document.querySelector('.live')) window.clock.table ??= performance.now();
  const shown = window.horizon ? horizon.ids().filter(id => /^[0-9a-f]{16}/.test(id)).length : 0;
  if (shown >= WANTED) { window.clock.picture = performance.now(); clearInterval(timer); }
}, 50);
""".replace("WANTED", str(SWITCHES + LINKS))
_PAN = """
const done = arguments[arguments.length - 1];
const began = performance.now();
let frames = 0;
const step = now => {
  frames += 1;
  horizon.panBy(Math.sin(frames / 10) * 6, Math.cos(frames / 10) * 4);
  if (now - began < 4000) requestAnimationFrame(step);
  else done(1000 * frames / (now - began));
};
requestAnimationFrame(step);
"""
_FILTER = """
const done = arguments[arguments.length - 1];
const field = document.querySelector('#filter');
field.value = arguments[0];
const began = performance.now();
field.dispatchEvent(new InputEvent('input', {bubbles: true}));
requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
"""
_LEAVE = """
window.left = null;
const wait = setInterval(() => {
  if (horizon.where(arguments[0]) === null) { window.left = Date.now(); clearInterval(wait); }
}, 10);
"""


def figures() -> Iterator[Figure]:
    """Open the page twice, then pan, filter, and take a switch away."""
    with (
        tempfile.TemporaryDirectory(prefix="horizon-page-") as folder,
        Controller("horizon_ryu.bundle", settings=SETTINGS) as controller,
    ):
        network = torus(*SIZE, KeepingSwitch)
        try:
            connect(controller, network, 2 * LINKS)
            yield from _looked_at(network, Path(folder), f"http://127.0.0.1:{controller.rest_port}")
        finally:
            network.close()


def _looked_at(network: LoadNetwork, folder: Path, url: str) -> Iterator[Figure]:
    for number, what in enumerate(("laid out for the first time", "positions kept")):
        page = while_serving(network, partial(_opened, folder / str(number), url), LONGEST)
        try:
            clock = while_serving(network, partial(_clock, page), LONGEST)
            yield Figure(f"table of {SWITCHES} switches ({what})", "ms", clock["table"])
            yield Figure(f"first picture ({what})", "ms", clock["picture"])
            if number == 1:
                yield from _used(network, page)
        finally:
            while_serving(network, page.driver.quit, LONGEST)


def _opened(profile: Path, url: str) -> Browser:
    page = Browser(profile, url)
    page.driver.set_script_timeout(LONGEST)
    page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _CLOCK})
    page.driver.get(url)
    return page


def _clock(page: Browser) -> Any:
    page.wait(lambda: page.ask("return window.clock.picture"), "the picture", LONGEST)
    return page.ask("return window.clock")


def _used(network: LoadNetwork, page: Browser) -> Iterator[Figure]:
    def ask(script: str, *given: object) -> Any:
        return while_serving(network, lambda: page.ask_later(script, *given), LONGEST)

    is_table = while_serving(network, lambda: page.is_shown(".show-table .objects"), LONGEST)
    yield Figure("the table is what opens first: 1", "", float(is_table), 1.0, more_is_better=True)
    while_serving(network, lambda: page.press("2"), LONGEST)
    while_serving(network, lambda: page.is_shown(".show-picture .picture"), LONGEST)
    yield Figure("panning", "frames/s", ask(_PAN), LEAST_FRAMES, more_is_better=True)
    yield Figure("filter: a keystroke", "ms", ask(_FILTER, "OpenFlow"))
    yield Figure("memory of the page's objects", "MB", while_serving(network, page.heap, 60) / 1e6)
    gone = f"{SWITCHES // 2:016x}"
    while_serving(network, lambda: page.ask(_LEAVE, gone), LONGEST)
    left = time.time()
    network.leave(SWITCHES // 2)
    shown = while_serving(
        network, lambda: page.wait(lambda: page.ask("return window.left"), "it is gone"), LONGEST
    )
    yield Figure("a switch leaves, to its picture", "ms", shown - 1000 * left, MOST_CHANGE_MS)
