"""Examples when nobody answers, a file is none of theirs, or Ctrl-C comes: never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
LOADED = {
    "class_exercise.py": "horizon_client",
    "keep_share.py": "horizon_client",
    "move_hot_flow.py": "networkx",
    "network_diff.py": "horizon_client",
    "new_experiment.py": "experiments.experiment",
}
"""What each loads that takes a moment."""
INTERRUPTED = """
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
runpy.run_path({path!r}, run_name="__main__")
"""


def ran(*words: str) -> tuple[int, str]:
    """Return how an example ended, and what it said of it; nobody answers it."""
    variables = {**os.environ, "HORIZON_URL": "http://127.0.0.1:9"}
    command = [sys.executable, "-W", "ignore", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env=variables
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("class_exercise.py",), 1),
        (("move_hot_flow.py", "485a0400"), 1),
        (("network_diff.py", "save", "/nonexistent/file"), 2),
    ],
)
def test_that_nobody_answers_is_a_line(words: tuple[str, ...], status: int) -> None:
    ended, told = ran(str(EXAMPLES / words[0]), *words[1:])
    assert (ended, told.count("\n")) == (status, 1)
    assert "127.0.0.1:9" in told


@pytest.mark.parametrize("text", [None, "", "[]", '{"switch": []}'])
def test_a_file_that_is_no_snapshot_is_a_line(tmp_path: Path, text: str | None) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text("{}", encoding="utf-8")
    if text is not None:
        bad.write_text(text, encoding="utf-8")
    for files in ((bad, good), (good, bad)):
        ended, told = ran(str(EXAMPLES / "network_diff.py"), "diff", *map(str, files))
        assert (ended, told.count("\n")) == (2, 1)
        assert str(bad) in told


@pytest.mark.parametrize(("name", "module"), LOADED.items())
def test_ctrl_c_while_it_is_loaded_is_no_traceback(name: str, module: str) -> None:
    interrupted = INTERRUPTED.format(module=module, path=str(EXAMPLES / name))
    assert ran("-c", interrupted) == (-2, "")
