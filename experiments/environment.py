"""What a run ran on: versions, kernel, machine, options, seed."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from topologies.lab.places import Places

LIBRARIES = ("ryu", "eventlet", "networkx", "pydantic", "uvloop", "matplotlib")
_PROGRAMS = {
    "openvswitch": ("ovs-vswitchd", "--version"),
    "frr": ("/usr/lib/frr/zebra", "--version"),
    "libvirt": ("libvirtd", "--version"),
    "qemu": ("qemu-system-x86_64", "--version"),
}
_LAB_PACKAGES = {
    "xen": "xen-hypervisor-4.17-amd64",
    "kernel": "linux-image-amd64",
    "libvirt": "libvirt-daemon",
    "frr": "frr",
}
_VERSION = re.compile(r"\d+(?:\.\d+)+\S*")
_SECONDS = 10


def about_run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is written about a run; a program that is not there has no version."""
    return {
        "options": dict(options),
        "horizon": _commit() or metadata.version("horizon-ryu"),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": {
            "architecture": platform.machine(),
            "processors": os.cpu_count(),
            "processor": _processor(),
            "load": round(os.getloadavg()[0], 1),
        },
        "libraries": {name: _library(name) for name in LIBRARIES},
        "programs": {name: _program(words) for name, words in _PROGRAMS.items()},
    }


def lab_versions(root: Path | None = None) -> dict[str, str | None]:
    """Return the versions that the Xen lab's machines run, of Debian's packages in their ``root``.

    None for what is not there: it may not be built yet.
    """
    database = (root or Places().root) / "var/lib/dpkg"
    words = ("dpkg-query", f"--admindir={database}", "-W", "-f", "${Version}")
    return {name: _output((*words, package)) for name, package in _LAB_PACKAGES.items()}


def _commit() -> str | None:
    return _output(("git", "describe", "--always", "--dirty"))


def _library(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _program(words: tuple[str, ...]) -> str | None:
    found = _VERSION.search(_output(words) or "")
    return found[0] if found else None


def _output(words: tuple[str, ...]) -> str | None:
    try:
        ran = subprocess.run(words, capture_output=True, text=True, check=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip() or None


def _processor() -> str | None:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, None)
