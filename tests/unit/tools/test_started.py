"""Developers' programs: mistakes, interrupts and what is missing are told, and nothing is left."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROBES = {"bandwidth_probe", "broadcast_probe", "udp_probe"}
"""Run in the hosts of networks, by another Python, which has nothing of ours."""
FORKED = {"fork_server"}
"""Begun by tests; what it becomes sees to interrupts itself."""
USUAL = """import os, signal, sys
for one in (signal.SIGTERM, signal.SIGHUP): signal.signal(one, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
"""


def programs() -> dict[str, str]:
    """Return the source of each module of tools that is started by its name, by that."""
    found = {}
    for path in (ROOT / "tools").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if '__name__ == "__main__"' in source:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__main__")] = source
    return found


def ran(*words: str, status: int | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT
    )
    assert "Traceback" not in done.stderr
    assert status in (None, done.returncode), done.stderr
    return done


def begun(*statements: str) -> subprocess.CompletedProcess[str]:
    return ran("-c", USUAL + "from tools.started import carry_out\n" + "\n".join(statements))


def test_each_program_is_started_in_the_one_way() -> None:
    for name, source in programs().items():
        if name.rpartition(".")[2] in PROBES | FORKED:
            continue
        called = {
            node.func.id
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "carry_out" in called, name


@pytest.mark.parametrize("name", sorted(set(programs()) - {"tools.lanes"}))
def test_a_word_too_many_is_a_usage_error(name: str) -> None:
    done = ran("-m", name, "--no-such-option", status=2)
    assert done.stderr.startswith("usage: ")


@pytest.mark.parametrize(
    "words",
    [
        ("tools.bandwidth_lab", "udp"),
        ("tools.bandwidth_lab", "udp", "quic"),
        ("tools.bandwidth_lab", "udp", "udp", "meter", "1"),
        ("tools.bandwidth_lab", "udp", "udp", "meter", "x"),
        ("tools.bandwidth_probe", "count", "lo"),
        ("tools.broadcast_probe",),
        ("tools.broadcast_probe", "send", "lo"),
        ("tools.fork_server",),
        ("tools.udp_probe", "send", "127.0.0.1", "9", "--rate", "0"),
        ("xen_bridge.protocol.schema_writer", "word"),
    ],
)
def test_a_wrong_word_is_one_too(words: tuple[str, ...]) -> None:
    assert "usage: " in ran("-m", *words).stderr


@pytest.mark.parametrize(
    "words",
    [
        ("tools.bandwidth_probe", "sink", "70000"),
        ("tools.bandwidth_probe", "series", "none0", "1"),
        ("tools.broadcast_probe", "send", "none0", "1"),
        ("tools.udp_probe", "receive", "70000"),
        ("tools.udp_probe", "send", "nobody.invalid", "9", "--rate", "1"),
    ],
)
def test_what_a_probe_cannot_use_is_a_line(words: tuple[str, ...]) -> None:
    assert ran("-m", *words, status=1).stderr.count("\n") == 1


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_ends_it_and_no_other_what_it_takes_down(signum: signal.Signals) -> None:
    end = f"os.kill(os.getpid(), {int(signum)})"
    done = begun(
        "def main():",
        f"    try: {end}",
        f"    finally: {end}; os.kill(os.getpid(), 15); print('taken down', flush=True)",
        "carry_out(main)",
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signum, "taken down\n", "")


def test_one_that_is_ignored_stays_so() -> None:
    ignored = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    done = begun(ignored, "carry_out(lambda: os.kill(os.getpid(), signal.SIGHUP) or 7)")
    assert done.returncode == 7


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ("open('/nonexistent')", "No such file or directory: '/nonexistent'"),
        ("__import__('subprocess').run(['false', 'x'], check=True)", "false x: status 1"),
        ("(_ for _ in ()).throw(AssertionError('not within 3 s: it'))", "not within 3 s: it"),
    ],
)
def test_what_goes_wrong_is_a_line(main: str, words: str) -> None:
    done = begun(f"carry_out(lambda: {main})")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is taken on")
@pytest.mark.parametrize(
    "name", ["tools.demo", "tools.router_lab", "tools.docs.session_writer", "tools.packaging.trial"]
)
def test_who_may_not_is_told_so(name: str) -> None:
    become = f"import runpy; os.setuid(65534); runpy.run_module({name!r}, run_name='__main__')"
    done = ran("-c", USUAL + f"import {name}, tools.started\n" + become, status=1)
    assert done.stderr.endswith("run it as root\n")
