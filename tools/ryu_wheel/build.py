"""Build of the wheel, from nothing, once: the steps in order, under a lock."""

from __future__ import annotations

import fcntl
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from pathlib import Path

from tools.ryu_wheel.edits import apply_edits
from tools.ryu_wheel.errors import RyuWheelError
from tools.ryu_wheel.fixes import FIXES, NOTICES, PACKAGING, REQUIREMENTS, VERSION, WHEEL_NAME
from tools.ryu_wheel.pip_tool import install_toolbox, run_pip
from tools.ryu_wheel.source import fetch_sdist, unpack

Say = Callable[[str], None]


def ensure_wheel(folder: Path, say: Say) -> Path:
    """Return the path of the wheel in ``folder``, building it there when it is not yet.

    ``say`` is told each step. Safe to call from several processes at once. RyuWheelError when
    it cannot be built.
    """
    folder = folder.resolve()
    wheel = folder / WHEEL_NAME
    if wheel.is_file():
        return wheel
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder):
        if not wheel.is_file():
            _build(folder, say)
    return wheel


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(folder: Path, say: Say) -> None:
    toolbox, tree, output = folder / "toolbox", folder / "source", folder / "output"
    say("Ryu 4.34: build tools")
    install_toolbox(toolbox)
    say("Ryu 4.34: source")
    archive = fetch_sdist(folder, toolbox)
    say(f"Ryu 4.34: {len(FIXES)} edits")
    source = unpack(archive, tree)
    apply_edits(source, FIXES + PACKAGING + NOTICES)
    say(f"Ryu 4.34: wheel {WHEEL_NAME}")
    shutil.rmtree(output, ignore_errors=True)
    run_pip(
        ["wheel", "--no-deps", "--no-build-isolation", f"--wheel-dir={output}", str(source)],
        toolbox,
        "cannot build the wheel of Ryu",
    )
    built = output / WHEEL_NAME
    check_wheel(built, source)
    # Appears complete or not at all: this file is what says that the work is done.
    built.replace(folder / WHEEL_NAME)
    for leftover in (tree, output):
        shutil.rmtree(leftover, ignore_errors=True)


def check_wheel(wheel: Path, source: Path) -> None:
    """Refuse a wheel that lacks the version, a requirement or a fixed file of ``source``."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            metadata = BytesParser().parsebytes(archive.read(f"ryu-{VERSION}.dist-info/METADATA"))
            stale = [
                fix.path
                for fix in FIXES
                if archive.read(fix.path) != (source / fix.path).read_bytes()
            ]
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise RyuWheelError(f"the build did not make a good {wheel.name}: {error}") from error
    requires = metadata.get_all("Requires-Dist", [])
    if stale or metadata["Version"] != VERSION or not set(REQUIREMENTS) <= set(requires):
        raise RyuWheelError(
            f"{wheel.name} is not what was asked for: version {metadata['Version']}, "
            f"requires {requires}, stale files {stale}"
        )
