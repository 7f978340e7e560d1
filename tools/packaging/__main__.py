"""``python -m tools.packaging [FOLDER]``: all that is given to others, in ``dist/``.

The Debian package is left out, and that is said, where there is no Debian to build it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools import bridge_wheel
from tools.packaging import debian, python_archives
from tools.ryu_wheel import RyuWheelError
from tools.started import arguments, carry_out


def main() -> int:
    """Return the exit status: 0 when all is there."""
    given = arguments(__doc__)
    given.add_argument("folder", nargs="?", type=Path, default=python_archives.PROJECT / "dist")
    folder: Path = given.parse_args().folder
    try:
        _build(folder.resolve())
    except (debian.PackageError, RyuWheelError, subprocess.CalledProcessError) as error:
        print(f"dist: {error}", file=sys.stderr)
        return 1
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size / 1e6:7.1f} MB  {path}")
    return 0


def _build(folder: Path) -> None:
    if not python_archives.build_page(_say):
        _say("no web page in this tree: the wheel serves the API alone")
    archives = python_archives.build(folder, _say)
    _say("wheel of xen_bridge")
    bridge_wheel.build(folder, "--no-build-isolation")
    obstacle = debian.obstacle()
    if obstacle:
        _say(f"no Debian package: {obstacle}")
        return
    debian.build(folder, archives, _say)


def _say(step: str) -> None:
    print(f"==> {step}", flush=True)


if __name__ == "__main__":
    carry_out(main)
