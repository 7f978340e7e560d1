"""The report's experiments in their quick form, by the command that users have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.catalogue import EXPERIMENTS
from experiments.experiment import values_of
from experiments.page import judged
from experiments.run_folder import RunFolder

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(1800)]

PROJECT = Path(__file__).parents[2]
HORIZONCTL = Path(sys.executable).with_name("horizonctl")
TRIES = 4
"""How often what a busy machine can spoil, a rate or a time, is measured."""
NO_LOSS = ("migration-openflow", "migration-netns")


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(HORIZONCTL), "experiment", "run", *words, "--quick", "--folder", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)


def test_all_experiments_show_what_the_report_says(tmp_path: Path) -> None:
    first = tmp_path / "run"
    ran = run(first, "--seed", "1")
    assert "could not be ended" not in ran.stdout, ran.stdout + ran.stderr
    found = RunFolder(first)
    rows = found.rows()
    wanted = [one for one in EXPERIMENTS if not one.needs]
    assert {row.experiment for row in rows} == {one.name for one in wanted}
    for name in NO_LOSS:
        own = [row for row in rows if row.experiment == name]
        assert set(values_of(own, "lost")) == {0.0}, name
        assert min(values_of(own, "sent")) > 0
    orders = [row for row in rows if row.experiment == "orders"]
    assert set(values_of(orders, "lost", order="reverse")) == {0.0}
    assert min(values_of(orders, "lost", order="delete first")) > 0
    expect_all_that_was_expected(tmp_path, found)
    expect_files(first)


def expect_all_that_was_expected(folder: Path, found: RunFolder) -> None:
    """Have all expectations hold; an experiment with one that does not is made again."""
    for number in range(TRIES):
        wrong = [(one.name, text, what) for one, text, what in judged(EXPERIMENTS, found.rows())
                 if what is not None]  # fmt: skip
        if not wrong:
            return
        found = RunFolder(folder / f"again-{number}")
        run(found.path, *dict.fromkeys(name for name, *_ in wrong))
    raise AssertionError(wrong)


def expect_files(folder: Path) -> None:
    """Expect data, plots and a page that needs no network."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    for stem in ("fig4.2a", "fig4.3a", "fig4.4a", "fig4.7", "orders", "scale-distance"):
        for kind in ("csv", "png", "svg"):
            assert (folder / f"{stem}.{kind}").stat().st_size > 100
        assert f'id="{stem}"' in page
    assert "<script" not in page
    assert 'src="http' not in page
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert about["options"] == {"names": [], "quick": True, "seed": 1}
    assert about["programs"]["openvswitch"]
    assert about["kernel"]


def test_an_experiment_of_ones_own_is_run_as_they_are(tmp_path: Path) -> None:
    script = PROJECT / "examples" / "new_experiment.py"
    words = [sys.executable, str(script), "--quick", "--folder", str(tmp_path / "own")]
    ran = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = RunFolder(tmp_path / "own").rows()
    assert sorted(row.point["switches"] for row in rows) == [2, 3]
    # The first one has flows made by the controller before it arrives.
    assert all(value > 0 for value in values_of(rows, "first_ms"))
    assert (tmp_path / "own" / "first-ping.svg").exists()
