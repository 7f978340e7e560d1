"""The page in a real Chromium, at a controller of 500 simulated switches and 1,000 links.

Times are the browser's own, since it began to load the page. The picture is laid out once; whoever
comes later has the positions that the controller keeps.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
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
        tempfile.TemporaryDirectory(prefix="horizon-page-", ignore_cleanup_errors=True) as folder,
        Controller("horizon_ryu.bundle", settings=SETTINGS) as controller,
    ):
        network = torus(*SIZE, KeepingSwitch)
        try:
            connect(controller, network, 2 * LINKS)
            yield from Looks(network, controller, Path(folder)).figures()
        finally:
            network.close()


class Looks:
    """Browsers at the controller, one after the other, while its switches are served."""

    def __init__(self, network: LoadNetwork, controller: Controller, folder: Path) -> None:
        self._network = network
        self._address = controller.address
        self._url = f"http://127.0.0.1:{controller.rest_port}"
        self._folder = folder

    def figures(self) -> Iterator[Figure]:
        """Look twice, and use the page at the second time."""
        for number, what in enumerate(("laid out for the first time", "positions kept")):
            page = self._serve(partial(self._opened, str(number)))
            try:
                clock = self._serve(partial(_clock, page))
                yield Figure(f"table of {SWITCHES} switches ({what})", "ms", clock["table"])
                yield Figure(f"first picture ({what})", "ms", clock["picture"])
                if number == 1:
                    yield from self._used(page)
            finally:
                self._serve(page.driver.quit)

    def _serve(self, call: Callable[[], Any]) -> Any:
        """Return what ``call`` returns; switches that a busy machine lost come back."""
        return while_serving(self._network, call, LONGEST, self._address)

    def _opened(self, name: str) -> Browser:
        page = Browser(self._folder / name, self._url)
        page.driver.set_script_timeout(LONGEST)
        page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _CLOCK})
        page.driver.get(self._url)
        return page

    def _used(self, page: Browser) -> Iterator[Figure]:
        is_table = self._serve(lambda: page.is_shown(".show-table .objects"))
        yield Figure(
            "the table is what opens first: 1", "", float(is_table), 1.0, more_is_better=True
        )
        self._serve(lambda: page.press("2"))
        self._serve(lambda: page.is_shown(".show-picture .picture"))
        frames = self._serve(lambda: page.ask_later(_PAN))
        yield Figure("panning", "frames/s", frames, LEAST_FRAMES, more_is_better=True)
        pressed = self._serve(lambda: page.ask_later(_FILTER, "OpenFlow"))
        yield Figure("filter: a keystroke", "ms", pressed)
        yield Figure("memory of the page's objects", "MB", self._serve(page.heap) / 1e6)
        took = self._leaves(page, SWITCHES // 2)
        yield Figure("a switch leaves, to its picture", "ms", took, MOST_CHANGE_MS)

    def _leaves(self, page: Browser, dpid: int) -> float:
        """Return the milliseconds from the end of a connection to the picture without it."""
        self._serve(lambda: page.ask(_LEAVE, f"{dpid:016x}"))
        left = time.time()
        self._network.leave(dpid)
        # Nobody is taken back: it is to be gone.
        gone = partial(page.wait, lambda: page.ask("return window.left"), "it is gone")
        return float(while_serving(self._network, gone, LONGEST)) - 1000 * left


def _clock(page: Browser) -> Any:
    page.wait(lambda: page.ask("return window.clock.picture"), "the picture", LONGEST)
    return page.ask("return window.clock")
