"""A real Chromium at a controller's page: what it shows, where, and what it complains of."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from horizon_ryu.http.static_files import PAGE
from tools.waiting import wait_until

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
AXE = Path(__file__).parents[3] / "web/node_modules/axe-core/axe.min.js"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
SECONDS = 30.0
PICTURES = os.environ.get("HORIZON_PICTURES")
"""A folder that the screenshots of the documentation are written to; without it, none are made."""
NEEDS_BROWSER = pytest.mark.skipif(
    not (Path(CHROMIUM).exists() and Path(DRIVER).exists() and (PAGE / "index.html").exists()),
    reason="needs chromium, chromium-driver and the built page (make page)",
)

_GONE = re.compile(r"/v1/nodes/\S+/measures .* (404|424) \(")

Spots = dict[str, tuple[float, float]]


class Browser:
    """One Chromium with a profile of its own; a context manager."""

    def __init__(self, profile: Path, url: str, size: tuple[int, int] = (1360, 820)) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(executable_path=DRIVER)
        self.driver = webdriver.Chrome(options=options, service=service)
        self.url = url
        self._requested: list[str] = []

    def __enter__(self) -> Browser:
        self.driver.get(self.url)
        return self

    def __exit__(self, *_error: object) -> None:
        self.driver.quit()

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        """Return the first true value of ``condition``."""
        return wait_until(condition, seconds, what)

    # What there is.

    def spots(self) -> Spots:
        """Return where on the screen each object of the picture is."""
        script = (
            "return Object.fromEntries((window.horizon ? horizon.ids() : [])"
            ".map(id => [id, horizon.where(id)]))"
        )
        found = self.ask(script)
        return {name: (spot["x"], spot["y"]) for name, spot in found.items() if spot}

    def text(self, selector: str) -> str:
        """Return what stands in the first element of ``selector``; empty if there is none."""
        script = "return document.querySelector(arguments[0])?.innerText ?? ''"
        return str(self.ask(script, selector))

    def commands(self) -> str:
        """Return the first action's equivalents, shown or not."""
        return str(self.ask("return document.querySelector('.equivalents')?.textContent ?? ''"))

    def is_ready(self, selector: str) -> bool:
        """Tell whether there is an element of ``selector``, and it may be used."""
        script = "const one = document.querySelector(arguments[0]); return !!one && !one.disabled"
        return bool(self.ask(script, selector))

    def is_shown(self, selector: str) -> bool:
        """Tell whether the first element of ``selector`` can be seen."""
        script = (
            "const one = document.querySelector(arguments[0]);"
            "return !!one && getComputedStyle(one).visibility === 'visible'"
        )
        return bool(self.ask(script, selector))

    def one(self, selector: str) -> WebElement:
        """Return the element of ``selector``, as soon as it is there."""
        found: WebElement = self.wait(
            lambda: next(iter(self.driver.find_elements(By.CSS_SELECTOR, selector)), None), selector
        )
        return found

    # What is done.

    def click_at(self, node: str) -> None:
        """Click an object of the picture with the mouse."""
        x, y = self.spots()[node]
        actions = ActionBuilder(self.driver)
        actions.pointer_action.move_to_location(round(x), round(y)).click()
        actions.perform()

    def drag(self, node: str, to: tuple[float, float]) -> None:
        """Drag an object of the picture somewhere else."""
        x, y = self.spots()[node]
        actions = ActionBuilder(self.driver)
        pointer = actions.pointer_action
        pointer.move_to_location(round(x), round(y)).pointer_down()
        pointer.move_to_location(round((x + to[0]) / 2), round((y + to[1]) / 2))
        pointer.move_to_location(round(to[0]), round(to[1])).pointer_up()
        actions.perform()

    def click(self, selector: str) -> None:
        """Click a button."""
        self.wait(lambda: self.is_ready(selector), f"{selector} may be used")
        self.one(selector).click()

    def fill(self, selector: str, text: str) -> None:
        """Write into a field, in place of what is there."""
        self.one(selector).send_keys(Keys.CONTROL, "a", Keys.NULL, text)

    def has_focus(self, selector: str) -> bool:
        """Tell whether keys go to the element of ``selector``."""
        return self.driver.switch_to.active_element in self.driver.find_elements(
            By.CSS_SELECTOR, selector
        )

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def press_with(self, held: str, key: str) -> None:
        """Press a key while another one is held."""
        ActionChains(self.driver).key_down(held).send_keys(key).key_up(held).perform()

    def keep_picture(self, name: str) -> None:
        """Keep what is shown as a picture of the documentation, if those are asked for."""
        if PICTURES is not None:
            self.driver.save_screenshot(str(Path(PICTURES) / f"{name}.png"))

    def look(self, width: int, height: int, scheme: str = "light") -> None:
        """Have a window of that size, and somebody who likes it ``light`` or ``dark``."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def look_as_others(self) -> None:
        """End that: the window is again as those of other browsers are."""
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def ask(self, script: str, *given: object) -> Any:
        """Return what a script in the page returns."""
        return self.driver.execute_script(script, *given)  # type: ignore[no-untyped-call]

    def ask_later(self, script: str, *given: object) -> Any:
        """Return what a script gives to its last argument, which it calls when it is done."""
        return self.driver.execute_async_script(script, *given)  # type: ignore[no-untyped-call]

    def heap(self) -> int:
        """Return the bytes that the page's objects have, those that nobody has any more aside."""
        self.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        self.driver.execute_cdp_cmd("Performance.enable", {})
        told = self.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return next(int(one["value"]) for one in told if one["name"] == "JSHeapUsedSize")

    # What is wrong.

    def complaints(self) -> list[str]:
        """Return errors and warnings of the console so far that were not told yet.

        A node whose measures are watched may go, or move, between two looks. That the look was
        refused is noted by the browser itself.
        """
        log = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        told = [one["message"] for one in log if one["level"] in ("SEVERE", "WARNING")]
        return [one for one in told if not _GONE.search(one)]

    def strange_hosts(self) -> set[str]:
        """Return the hosts other than the controller that anything was asked of."""
        for entry in self.driver.get_log("performance"):  # type: ignore[no-untyped-call]
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._requested.append(message["params"]["request"]["url"])
        own = urlsplit(self.url).netloc
        asked = {urlsplit(url) for url in self._requested if not url.startswith(("data:", "blob:"))}
        return {one.netloc for one in asked if one.scheme in ("http", "https", "ws", "wss")} - {own}

    def axe(self) -> list[str]:
        """Return the serious and critical findings of axe."""
        self.ask(AXE.read_text("utf-8"))
        script = "axe.run().then(arguments[arguments.length - 1])"
        found = self.driver.execute_async_script(script)  # type: ignore[no-untyped-call]
        return [
            f"{one['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
