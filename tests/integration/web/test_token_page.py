"""The page at a controller that asks for a token."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from integration.web.browser import NEEDS_BROWSER, Browser
from tools.controller_process import ControllerProcess

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.slow,
    NEEDS_BROWSER,
]

TOKEN, WRONG = "a" * 24, "b" * 24


def test_a_token_is_asked_for_and_kept_in_its_tab_only(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.touch(0o600)
    tokens.write_text(f"pilot {TOKEN}\n", encoding="utf-8")
    config = f"[rest]\ntokens_file = {tokens}\n"
    with (
        ControllerProcess(tmp_path, ("horizon_ryu.xen",), config) as controller,
        Browser(tmp_path / "profile", controller.url) as page,
    ):
        page.wait(lambda: "asks for a token" in page.text("dialog"), "the question")
        assert page.axe() == []
        page.fill("#token", WRONG)
        page.press(Keys.ENTER)
        page.wait(lambda: page.text("#token-fault"), "that it is not accepted")
        page.fill("#token", TOKEN)
        page.press(Keys.ENTER)
        page.wait(lambda: "live" in page.text("#liveness"), "the page is live")
        page.complaints()
        kept = "return [Object.values(sessionStorage), localStorage.length, document.cookie]"
        assert page.ask(kept) == [[TOKEN], 0, ""]
        page.press("t")
        page.wait(lambda: page.text("#timers-xen"), "the timers")
        words = page.commands()
        assert "Bearer $HORIZON_TOKEN" in words
        assert TOKEN not in words
        assert page.complaints() == []
        page.driver.switch_to.new_window("tab")
        page.driver.get(controller.url)
        page.wait(lambda: "asks for a token" in page.text("dialog"), "another tab has none")
        assert page.strange_hosts() == set()
