"""Pip with a tool box of its own: the old setuptools that Ryu's build needs, and nothing else.

The tool box is a folder put in front of ``PYTHONPATH``, not a virtual environment: this also
works inside the isolated environments in which pip and others run ``setup.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.ryu_wheel.errors import RyuWheelError

# setuptools 67.2 still has easy_install.get_script_args, which Ryu's hook wraps, and already runs
# on Python 3.13; wheel 0.46 took the bdist_wheel command away from setuptools that old.
TOOLS = ("setuptools==67.2.0", "wheel==0.45.1", "pbr>=6,<8")
PIP_SECONDS = 600.0
TAIL_LINES = 15

# Choices made for the outer pip that would misdirect ours.
_FOREIGN_VARIABLES = (
    "PIP_BUILD_CONSTRAINT",
    "PIP_BUILD_TRACKER",
    "PIP_CONSTRAINT",
    "PIP_DRY_RUN",
    "PIP_NO_BINARY",
    "PIP_ONLY_BINARY",
    "PIP_PREFIX",
    "PIP_REQUIRE_HASHES",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
    "SETUPTOOLS_USE_DISTUTILS",
)


def environment(toolbox: Path) -> dict[str, str]:
    """Return the variables for a pip that builds with ``toolbox`` only."""
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN_VARIABLES}
    inherited = [part for part in kept.get("PYTHONPATH", "").split(os.pathsep) if part]
    kept["PYTHONPATH"] = os.pathsep.join([str(toolbox), *inherited])
    kept["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    # pbr would take authors, changes and files from the git repository around the build folder.
    kept["GIT_DIR"] = os.devnull
    return kept


def run_pip(arguments: list[str], toolbox: Path, purpose: str) -> None:
    """Run pip; RyuWheelError with ``purpose`` and the end of pip's words when it fails."""
    command = [sys.executable, "-m", "pip", *arguments]
    try:
        done = subprocess.run(
            command,
            env=environment(toolbox),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PIP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RyuWheelError(f"{purpose}: pip did not end within {PIP_SECONDS:g} s") from error
    except OSError as error:
        raise RyuWheelError(f"{purpose}: pip cannot be run: {error}") from error
    if done.returncode != 0:
        raise RyuWheelError(f"{purpose}: pip failed\n{_tail(done.stdout)}")


def _tail(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])


def install_toolbox(toolbox: Path) -> None:
    """Fill the folder ``toolbox``, unless it is full; RyuWheelError when pip cannot."""
    stamp = toolbox / ".complete"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == repr(TOOLS):
        return
    run_pip(
        ["install", "--no-deps", "--upgrade", "--only-binary=:all:", f"--target={toolbox}", *TOOLS],
        toolbox,
        "cannot install the build tools of Ryu (is the package index in reach?)",
    )
    stamp.write_text(repr(TOOLS), encoding="utf-8")
