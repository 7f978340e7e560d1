"""First steps of programs: no hangup ends one that is being loaded, and no file is its stderr."""

from __future__ import annotations

import subprocess
import sys

import pytest

BRIDGE = "from xen_bridge.program import pass_over_hangups as hold; hold([{word!r}])"
SLICER = "from horizon_ryu.slicer.program import pass_over_hangups as hold; hold()"
MANAGER = "import ryu.cmd.manager"
HANG_UP = "import os, signal; os.kill(os.getpid(), signal.SIGHUP)"
SIGHUP = 1
OCCUPY = "from xen_bridge.serving.descriptors import occupy_standard; occupy_standard()"


def ended(*statements: str) -> int:
    words = [sys.executable, "-W", "ignore", "-c", "\n".join(statements)]
    return subprocess.run(words, check=False, timeout=300).returncode


@pytest.mark.parametrize(
    "program", [BRIDGE.format(word="serve"), BRIDGE.format(word="agent"), SLICER, MANAGER]
)
def test_a_service_outlives_a_hangup(program: str) -> None:
    assert ended(program, HANG_UP) == 0


def test_a_command_of_the_bridge_does_not() -> None:
    assert ended(BRIDGE.format(word="planes"), HANG_UP) == -SIGHUP


def test_what_a_service_starts_does_not() -> None:
    """Domains, and what an operator has run in them, are not ours to change in this."""
    child = f"import subprocess, sys; r = subprocess.run([sys.executable, '-c', {HANG_UP!r}])"
    told = "sys.exit(0 if r.returncode == -1 else 3)"
    assert ended(BRIDGE.format(word="serve"), child, told) == 0


def test_a_slicer_that_begins_anew_does() -> None:
    """It does so to have other pages: as the same process."""
    anew = f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {HANG_UP!r}])"
    assert ended(SLICER, anew) == 0


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", ">&-", "2>&-"])
@pytest.mark.parametrize("program", [OCCUPY, MANAGER])
def test_what_is_opened_is_nobodys_stderr(program: str, closed: str) -> None:
    """Neither this process's nor, as descriptors are inherited, a child's."""
    opens = "import os, sys; opened = os.open(os.devnull, os.O_RDWR)"
    child = "import subprocess; told = subprocess.run(['test', '-e', '/proc/self/fd/2']).returncode"
    python = '"$0" -W ignore -c "$1" ' + closed
    code = "\n".join((program, opens, child, "sys.exit(told or opened < 3)"))
    words = ["/bin/sh", "-c", f"exec {python}", sys.executable, code]
    assert subprocess.run(words, check=False, timeout=300).returncode == 0
