"""xen_bridge and the libraries it needs, for the Python of Domain 0 and of guests."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tools.bridge_wheel import requirements
from topologies.lab.places import PROJECT, Places
from topologies.lab.steps import fingerprint, is_current, remember, run

PYTHON = "3.11"
"""Of the Debian that the hosts run."""


def make_libraries(places: Places) -> bool:
    """Fetch the libraries, as wheels for the hosts' Python; False if they are there already."""
    wanted = fingerprint((PYTHON, *requirements()), ())
    target = places.folder / "libraries"
    if target.is_dir() and is_current(places, "libraries", wanted):
        return False
    shutil.rmtree(target, ignore_errors=True)
    run(
        places,
        (
            sys.executable,
            *("-m", "pip", "install", "--disable-pip-version-check", "--no-compile"),
            *("--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp"),
            "--platform=manylinux_2_28_x86_64",
            "--platform=manylinux2014_x86_64",
            f"--target={target}",
            *requirements(),
        ),
    )
    remember(places, "libraries", wanted)
    return True


def sources() -> list[Path]:
    """Return the files of xen_bridge."""
    package = PROJECT / "xen_bridge"
    return [path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"]


def install(places: Places, stage: Path) -> None:
    """Put xen_bridge and its libraries below ``stage``, compiled."""
    target = stage / "opt" / "horizon"
    shutil.copytree(places.folder / "libraries", target)
    shutil.copytree(
        PROJECT / "xen_bridge",
        target / "xen_bridge",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
    )
    run(places, ("chroot", str(stage), "python3", "-m", "compileall", "-q", "/opt/horizon"))
