"""What a user gets: a wheel built from a fresh clone, in a virtual environment of its own.

The environment borrows the third-party packages of the interpreter which runs this, so that none
is fetched; it does not see this project's tree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from email.parser import BytesParser
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
RYU = PROJECT / "build" / "ryu"
"""Where the set-up has built the repaired Ryu; building it again would need the network."""
_NOT_CLONED = shutil.ignore_patterns(
    *(".*", "build", "dist", "node_modules", "*.egg-info", "__pycache__", "*.pyc"),
    *("_build", "_generated", "experiment-runs", "xen-identity", "horizon.sqlite*"),
)


def clone(target: Path) -> Path:
    """Copy the project without anything that was made in it; the built Ryu is lent."""
    shutil.copytree(PROJECT, target, ignore=_NOT_CLONED)
    lend_ryu(target)
    return target


def lend_ryu(tree: Path) -> None:
    """Have ``tree`` use the repaired Ryu that is built already."""
    (tree / "build").mkdir()
    (tree / "build" / "ryu").symlink_to(RYU)


def build_wheel(tree: Path, target: Path) -> Path:
    """Build the wheel of a source tree, as ``pip install`` does, and return it."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--wheel-dir", str(target), str(tree))  # fmt: skip
    (wheel,) = target.glob("*.whl")
    return wheel


def build_sdist(tree: Path, target: Path) -> Path:
    """Build the source archive of a source tree, and return it."""
    text = f"import setuptools.build_meta as b; print(b.build_sdist({str(target)!r}))"
    printed = run(sys.executable, "-c", text, cwd=tree)
    return target / printed.splitlines()[-1]


def files(wheel: Path) -> set[str]:
    """Return the files that a wheel installs, without those about it."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def requirements(wheel: Path) -> list[str]:
    """Return what a wheel requires, extras left out."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = BytesParser().parsebytes(archive.read(name)).get_all("Requires-Dist", [])
    return [line for line in told if "extra ==" not in line]


def files_of_packages(tree: Path, *packages: str) -> set[str]:
    """Return all files below ``packages`` of a tree that was cloned."""
    found = (path for package in packages for path in (tree / package).rglob("*"))
    return {str(path.relative_to(tree)) for path in found if path.is_file()}


class Environment:
    """A virtual environment in which nothing of this project is but the wheels given."""

    def __init__(self, folder: Path, *wheels: Path) -> None:
        self.folder = folder
        run(sys.executable, "-m", "venv", "--without-pip", str(folder))
        run(sys.executable, "-m", "pip", "--python", str(self.program("python")), "install",
            "--quiet", "--no-deps", "--no-index", "--no-compile", *map(str, wheels))  # fmt: skip
        # A line of a .pth file is only put on the path: the .pth files in there, one of which
        # leads to this project's tree, are not read.
        (packages,) = folder.glob("lib/python*/site-packages")
        (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")

    def program(self, name: str) -> Path:
        """Return one of the programs of the environment."""
        return self.folder / "bin" / name

    def run(self, name: str, *words: str) -> str:
        """Run a program of the environment in its folder, and return what it printed.

        It keeps the bytecode of what it imports; to compile all that is installed takes longer.
        """
        return run(str(self.program(name)), *words, cwd=self.folder, keeps_bytecode=True)


def run(*command: str, cwd: Path | None = None, keeps_bytecode: bool = False) -> str:
    """Return what a command printed; AssertionError, with its complaint, if it failed.

    Unless bytecode is kept, a tree that was cloned stays as it was.
    """
    left_out = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    variables = {name: value for name, value in os.environ.items() if name not in left_out}
    if not keeps_bytecode:
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
    ended = subprocess.run(
        command, cwd=cwd, env=variables, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise AssertionError(f"{' '.join(command)}: {ended.stdout[-3000:]}{ended.stderr[-3000:]}")
    return ended.stdout
