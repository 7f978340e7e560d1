"""Wheel and source archive of Horizon, and the wheel of its Ryu, to be installed elsewhere.

That of ``pip install .`` names the Ryu of the tree that it was built in. This one names
its version, so that ``pip install --find-links FOLDER horizon-ryu`` finds it beside the other.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.ryu_wheel import ensure_wheel

PROJECT = Path(__file__).resolve().parent.parent.parent
PORTABLE = "HORIZON_PORTABLE"
"""Variable that has setup.py name Ryu by its version alone."""
_SDIST = "import sys, setuptools.build_meta as b; print(b.build_sdist(sys.argv[1]))"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Archives:
    """The three files."""

    ryu: Path
    wheel: Path
    sdist: Path


def build(target: Path, say: Say, project: Path = PROJECT) -> Archives:
    """Build them into ``target``; CalledProcessError or RyuWheelError if that fails."""
    target.mkdir(parents=True, exist_ok=True)
    ryu = ensure_wheel(project / "build" / "ryu", say)
    say("wheel")
    for old in (*target.glob("horizon_ryu-*"), *target.glob("ryu-*.whl")):
        old.unlink()
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--wheel-dir", str(target), str(project))  # fmt: skip
    say("source archive")
    _run(sys.executable, "-c", _SDIST, str(target), cwd=project)
    (wheel,) = target.glob("horizon_ryu-*.whl")
    (sdist,) = target.glob("horizon_ryu-*.tar.gz")
    return Archives(Path(shutil.copy2(ryu, target)), wheel, sdist)


def _run(*command: str, cwd: Path | None = None) -> None:
    variables = {**os.environ, PORTABLE: "1"}
    subprocess.run(command, cwd=cwd, env=variables, stdout=subprocess.DEVNULL, check=True)


def build_page(say: Say, project: Path = PROJECT) -> bool:
    """Have make build the web page, if this tree has one; tell whether it has."""
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    if not re.search(r"^page:", makefile, re.M):
        return False
    say("web page")
    subprocess.run(["make", "--no-print-directory", "page"], cwd=project, check=True)
    return True
