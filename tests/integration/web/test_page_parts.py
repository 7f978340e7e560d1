"""The pure parts of the page, without a browser: its own tests, by Node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "web"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.skipif(
        shutil.which("node") is None or not (WEB / "node_modules").is_dir(),
        reason="needs Node and what make page installs",
    ),
]


def test_the_parts_of_the_page_pass_their_own_tests() -> None:
    ran = subprocess.run(
        ("node", "test.mjs"), cwd=WEB, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
    assert "# fail 0" in ran.stdout
