"""Builder of the wheel of xen_bridge alone, for a Domain 0 or a virtual router.

``python -m tools.bridge_wheel`` leaves it in ``dist/``.
"""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.started import arguments, carry_out

PROJECT = Path(__file__).resolve().parent.parent
NEEDED = ("click", "cryptography", "eventlet", "icmplib", "lxml", "webob")
"""What xen_bridge imports; the versions are setup.cfg's."""


def requirements() -> list[str]:
    """Return the requirements of xen_bridge, as setup.cfg has them."""
    config = configparser.ConfigParser()
    config.read(PROJECT / "setup.cfg", encoding="utf-8")
    lines = config["options"]["install_requires"].split()
    named = {line.replace(">", "=").partition("=")[0]: line for line in lines}
    return [named[name] for name in NEEDED]


def version() -> str:
    """Return the version of this project."""
    sys.path.insert(0, str(PROJECT))
    from horizon_ryu import __version__

    return __version__


def pyproject() -> str:
    """Return the description that the wheel is built from."""
    needed = ", ".join(f'"{line}"' for line in requirements())
    return f"""\
[build-system]
requires = ["setuptools>=64"]
build-backend = "setuptools.build_meta"

[project]
name = "xen-bridge"
version = "{version()}"
description = "Horizon's bridge to Xen: the service of a Domain 0, the agent of a virtual router"
requires-python = ">=3.11"
dependencies = [{needed}]

[project.scripts]
xen-bridge = "xen_bridge.command:main"

[tool.setuptools.packages.find]
namespaces = true
include = ["xen_bridge*"]

[tool.setuptools.package-data]
"*" = ["*"]
"""


def build(target: Path, *options: str) -> Path:
    """Build the wheel into ``target`` and return it; CalledProcessError if pip cannot.

    ``options`` are pip's.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(PROJECT / "xen_bridge", folder / "xen_bridge", ignore=ignored)
        (folder / "pyproject.toml").write_text(pyproject(), encoding="utf-8")
        command = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir")
        where = (str(target), "--disable-pip-version-check", str(folder))
        subprocess.run((*command, *where, *options), check=True)
    return next(target.glob(f"xen_bridge-{version()}-*.whl"))


def main() -> None:
    """Build it, and tell where it is."""
    arguments(__doc__).parse_args()
    print(build(PROJECT / "dist"))


if __name__ == "__main__":
    carry_out(main)
