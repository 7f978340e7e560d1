"""First steps of programs: no hangup ends one that is being loaded, and no file is its stderr."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BRIDGE = "from xen_bridge.program import pass_over_hangups as hold; hold([{word!r}])"
SLICER = "from horizon_ryu.slicer.program import pass_over_hangups as hold; hold()"
MANAGER = "import ryu.cmd.manager"
HANG_UP = "import os, signal; os.kill(os.getpid(), signal.SIGHUP)"
SIGHUP = 1
USUAL = """import signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)"""
"""Whoever runs the tests in the background, or under nohup, has one of them ignored."""
OCCUPY = "from xen_bridge.serving.loading import occupy_standard; occupy_standard()"


def ended(*statements: str) -> int:
    words = [sys.executable, "-W", "ignore", "-c", "\n".join((USUAL, *statements))]
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


@pytest.mark.parametrize("loading", ["with interrupted_in_silence(): {}", MANAGER + "; {}"])
def test_an_interrupt_while_a_program_is_loaded_is_no_traceback(loading: str) -> None:
    interrupt = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    imported = "from xen_bridge.serving.loading import interrupted_in_silence"
    code = "\n".join((USUAL, imported, loading.format(interrupt)))
    words = [sys.executable, "-W", "ignore", "-c", code]
    found = subprocess.run(words, capture_output=True, check=False, timeout=300)
    assert (found.returncode, found.stderr) == (-2, b"")


LOADED = """
import os, signal, sys
from xen_bridge.serving.loading import run_loaded
def interrupt(): os.kill(os.getpid(), signal.SIGINT)
def keep(): signal.signal(signal.SIGINT, lambda *_: None)
def main(): {main}
def load():
    {load}
    return main
try: run_loaded(load)
finally: {end}
"""


@pytest.mark.parametrize("moment", ["load", "main", "end"])
def test_an_interrupt_is_no_traceback_whenever_it_comes(moment: str) -> None:
    moments = {"load": "pass", "main": "pass", "end": "pass", moment: "interrupt()"}
    words = [sys.executable, "-W", "ignore", "-c", USUAL + LOADED.format(**moments)]
    found = subprocess.run(words, capture_output=True, check=False, timeout=300)
    assert (found.returncode, found.stderr) == (-2, b"")


def test_what_a_program_does_when_it_is_interrupted_is_its_own() -> None:
    caught = "keep(); interrupt(); sys.exit(7)"
    assert ended(LOADED.format(main=caught, load="pass", end="interrupt()")) == 7


PROGRAMS = [
    ("horizon_ryu.cli.program", "horizon_ryu.cli.main"),
    ("xen_bridge.program", "xen_bridge.command"),
    ("horizon_ryu.slicer.program", "horizon_ryu.slicer.command"),
    ("tools.demo", "tools.demo.demonstration"),
    ("tools.bandwidth_lab", "tools.slicing_process"),
    ("tools.packaging", "tools.ryu_wheel"),
    ("experiments", "experiments.command"),
    ("topologies.lab", "topologies.lab.command"),
]
INTERRUPTED = """
import runpy
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.argv[0] = "-m"
sys.meta_path.insert(0, Interrupting())
runpy.run_module({program!r}, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(("program", "module"), PROGRAMS)
def test_no_program_tells_what_it_loaded_when_it_was_interrupted(program: str, module: str) -> None:
    interrupted = INTERRUPTED.format(program=program, module=module)
    words = [sys.executable, "-W", "ignore", "-c", f"import os, sys\n{USUAL}{interrupted}"]
    # Or else the slicer begins anew, as another program than this one.
    variables = {**os.environ, "PYTHONMALLOC": "malloc"}
    found = subprocess.run(words, capture_output=True, check=False, timeout=300, env=variables)
    assert (found.returncode, found.stderr) == (-2, b"")


def test_an_interrupt_while_a_slicer_begins_anew_is_none_of_pythons() -> None:
    """It is held back, and taken when nothing of it is told."""
    told = "import signal, sys; sys.exit(signal.SIGINT not in signal.pthread_sigmask(0, ()))"
    words = f"import os, sys; sys.orig_argv = ['', '-c', {told!r}]"
    with_pages = "os.environ.pop('PYTHONMALLOC', None)"
    begin = "from horizon_ryu.slicer.program import begin_with_huge_pages as begin; begin()"
    assert ended(words, with_pages, begin) == 0


def test_an_interrupt_afterwards_is_the_programs_own() -> None:
    code = "from xen_bridge.serving.loading import interrupted_in_silence as s\nwith s(): pass"
    caught = "import signal; assert signal.getsignal(2) is signal.default_int_handler"
    assert ended(code, caught) == 0
