"""Runs: carried out in an order that the seed gives, interrupted, resumed, drawn."""

from __future__ import annotations

import csv
import errno
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments import figures
from experiments.carry_out import WHOLE, Missed, carry_out, steps_left
from experiments.command import compare_runs
from experiments.environment import lab_versions
from experiments.experiment import Experiment, Measure, Point, Sample, Space
from experiments.outcome import write_outcome
from experiments.own import own_command
from experiments.run_folder import ABOUT, ROWS, RunError, RunFolder
from experiments.summary import curve

ABOUT_RUN = {
    "options": {"names": [], "quick": True, "seed": 1},
    "horizon": "x<y",
    "kernel": "6",
    "begun": "today",
}


class Bench:
    """Stands for a network: notes where was measured, and breaks down or is interrupted."""

    def __init__(self, trouble: BaseException | None = None, after: int = 0) -> None:
        self.points: list[Point] = []
        self.staged = self.closed = 0
        self._trouble, self._after = trouble, after

    def experiment(self, name: str = "migration-openflow") -> Experiment:
        space = Space({"packet": (64, 1500), "rate": (1, 2, 3)}, 2)
        return Experiment(name, "title", "a bench", self._stage, space, space)

    @contextmanager
    def _stage(self, folder: Path, _is_quick: bool) -> Iterator[Measure]:
        assert folder.is_dir()
        self.staged += 1
        try:
            yield self._measure
        finally:
            self.closed += 1

    def _measure(self, point: Point) -> Sequence[Sample]:
        if self._trouble is not None and len(self.points) == self._after:
            raise self._trouble
        self.points.append(point)
        rate = float(point["rate"])
        return (Sample({"total_ms": 5 * rate, "lost": 0.0, "downtime_ms": 0.0}),)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "run")
    made.begin(ABOUT_RUN)
    return made


def test_every_point_is_measured_as_often_as_wanted(run: RunFolder) -> None:
    bench = Bench()
    assert carry_out([bench.experiment()], run, False, 1) == ()
    rows = run.rows()
    assert len(rows) == 12
    assert (bench.staged, bench.closed) == (1, 1)
    assert {(row.point["packet"], row.point["rate"], row.repetition) for row in rows} == {
        (packet, rate, number) for packet in (64, 1500) for rate in (1, 2, 3) for number in (0, 1)
    }
    assert [point.y.median for point in curve(rows, "rate", "total_ms")] == [5, 10, 15]


def test_the_seed_gives_the_order_and_repetitions_come_one_after_the_other() -> None:
    experiment = Bench().experiment()
    one, same, other = (steps_left(experiment, False, seed, ()) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert [step.repetition for step in one] == [0] * 6 + [1] * 6


@pytest.mark.parametrize("after", range(12))
def test_an_interrupted_run_goes_on_where_it_was(run: RunFolder, after: int) -> None:
    bench = Bench(KeyboardInterrupt(), after)
    with pytest.raises(KeyboardInterrupt):
        carry_out([bench.experiment()], run, False, 1)
    assert len(run.rows()) == after
    assert bench.closed == 1
    # A measurement that was being written.
    with (run.path / ROWS).open("a", encoding="utf-8") as file:
        file.write('{"experiment": "migr')
    again = Bench()
    carry_out([again.experiment()], run, False, 1)
    whole = steps_left(again.experiment(), False, 1, ())
    assert [*bench.points, *again.points] == [step.point for step in whole]
    assert len(run.rows()) == 12


def test_a_run_that_is_whole_builds_nothing(run: RunFolder) -> None:
    carry_out([Bench().experiment()], run, False, 1)
    bench = Bench()
    carry_out([bench.experiment()], run, False, 1)
    assert bench.staged == 0


def test_an_experiment_that_fails_does_not_end_the_others(run: RunFolder) -> None:
    broken, whole = Bench(OSError("no network"), 3), Bench()
    missed = carry_out([broken.experiment("one"), whole.experiment("two")], run, False, 1)
    assert missed == (Missed("one", "OSError: no network"),)
    assert [row.experiment for row in run.rows()].count("one") == 3
    assert [row.experiment for row in run.rows()].count("two") == 12


def test_what_is_gone_when_an_interrupt_takes_all_down_does_not_hide_it(run: RunFolder) -> None:
    """The keyboard's interrupt goes to the controller too, which then has ended by itself."""
    bench, other = Bench(KeyboardInterrupt(), 1), Bench()

    @contextmanager
    def stage(_folder: Path, _is_quick: bool) -> Iterator[Measure]:
        try:
            yield bench._measure
        finally:
            raise AssertionError("the controller had ended")

    first = replace(bench.experiment(), stage=stage)
    with pytest.raises(KeyboardInterrupt):
        carry_out([first, other.experiment("two")], run, False, 1)
    assert other.staged == 0


def test_an_interrupt_whose_trace_was_lost_is_one_all_the_same(run: RunFolder) -> None:
    """An exit stack that is closed cuts the chain of errors."""
    broken, other = Bench(OSError("the controller had ended"), 1), Bench()
    experiments = [broken.experiment("one"), other.experiment("two")]
    with pytest.raises(KeyboardInterrupt):
        carry_out(experiments, run, False, 1, is_interrupted=lambda: bool(broken.points))
    assert other.staged == 0


def test_who_goes_on_finds_no_store_of_before(run: RunFolder) -> None:
    places: list[Path] = []

    @contextmanager
    def stage(folder: Path, _is_quick: bool) -> Iterator[Measure]:
        assert not list(folder.iterdir())
        (folder / "store").touch()
        places.append(folder)
        raise OSError("no network")
        yield

    for _ in range(2):
        carry_out([replace(Bench().experiment(), stage=stage)], run, False, 1)
    assert len(set(places)) == 2
    assert "no network" in (places[0] / WHOLE).read_text(encoding="utf-8")


def test_an_experiment_is_given_the_whole_path_of_its_folder(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridges of routers take no other, and runs are in a folder below by default."""
    places: list[Path] = []

    @contextmanager
    def stage(folder: Path, _is_quick: bool) -> Iterator[Measure]:
        places.append(folder)
        yield Bench()._measure

    monkeypatch.chdir(run.path.parent)
    relative = RunFolder(Path(run.path.name))
    carry_out([replace(Bench().experiment(), stage=stage)], relative, False, 1)
    assert [place.is_absolute() for place in places] == [True]


def test_a_disk_that_takes_no_more_ends_all(run: RunFolder, tmp_path: Path) -> None:
    full, other = Bench(OSError(errno.ENOSPC, "No space left on device", "x"), 1), Bench()
    with pytest.raises(RunError, match="x: No space left"):
        carry_out([full.experiment("one"), other.experiment("two")], run, False, 1)
    assert other.staged == 0
    with pytest.raises(RunError, match="No such file"):
        RunFolder(tmp_path / "gone").add(run.rows()[0])


def test_a_folder_is_measured_for_by_one(run: RunFolder) -> None:
    with run.held(), pytest.raises(RunError, match="another process"):
        carry_out([Bench().experiment()], run, False, 1)
    assert carry_out([Bench().experiment()], run, False, 1) == ()


@pytest.mark.parametrize("about", ["[]", "{}", '{"options": {"quick": true}}', '{"options": 1}'])
def test_a_run_of_another_version_is_told(run: RunFolder, about: str) -> None:
    (run.path / ABOUT).write_text(about, encoding="utf-8")
    with pytest.raises(RunError, match="version"):
        write_outcome(run)


@pytest.mark.parametrize("line", ['{"experi', "{}", "[]", "1", '{"samples": [{}]}'])
def test_a_line_that_is_no_measurement_is_told(run: RunFolder, line: str) -> None:
    carry_out([Bench().experiment()], run, False, 1)
    with (run.path / ROWS).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    with pytest.raises(RunError, match="line 13"):
        run.rows()


def test_what_a_run_goes_on_with_is_kept(run: RunFolder) -> None:
    run.note_resumed({"horizon": "y", "kernel": "7"})
    assert run.about() == {**ABOUT_RUN, "resumed": [{"horizon": "y", "kernel": "7"}]}
    carry_out([Bench().experiment()], run, False, 1)
    page = write_outcome(run).read_text(encoding="utf-8")
    assert "later measurements with Horizon y, kernel 7" in page


def test_runs_without_a_figure_in_common_are_told(run: RunFolder, tmp_path: Path) -> None:
    other = RunFolder(tmp_path / "other")
    other.begin(ABOUT_RUN)
    ended = CliRunner().invoke(compare_runs, [str(run.path), str(other.path)])
    assert ended.exit_code == 2
    assert "in common" in ended.output
    carry_out([Bench().experiment("mine")], run, False, 1)
    with pytest.raises(RunError, match="these figures"):
        write_outcome(run)


def test_a_folder_has_one_run(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="resume"):
        run.begin(ABOUT_RUN)
    with pytest.raises(RunError, match="not the folder"):
        RunFolder(tmp_path / "other").about()
    (run.path / ABOUT).write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match=ABOUT):
        run.about()


def test_what_was_measured_is_written_and_drawn(run: RunFolder) -> None:
    carry_out([Bench().experiment()], run, False, 1)
    page = write_outcome(run).read_text(encoding="utf-8")
    stems = {path.stem for path in run.path.glob("*.png")}
    assert stems == {f"fig4.{number}{part}" for number in (2, 3, 4) for part in "ab"}
    with (run.path / "fig4.4a.csv").open(encoding="utf-8") as file:
        head, *points = csv.reader(file)
    assert head[:3] == ["curve", "rate", "total_ms"]
    assert [point[:3] for point in points] == [
        ["OpenFlow", str(rate), str(5.0 * rate)] for rate in (1, 2, 3)
    ]
    for stem in stems:
        assert f'id="{stem}"' in page
        assert (run.path / f"{stem}.svg").read_bytes().startswith(b"<?xml")
    # It needs no network, and what comes from outside is no markup.
    assert "http://" not in page.replace("http://www.w3.org/", "").replace(
        "http://purl.org/", ""
    ).replace("http://creativecommons.org/", "")
    assert "x&lt;y" in page
    assert "Open vSwitch in user space" in page


def test_every_figure_draws_experiments_that_there_are_or_are_reserved() -> None:
    from experiments.catalogue import EXPERIMENTS

    known = {one.name for one in EXPERIMENTS}
    drawn = {series.experiment for figure in figures.FIGURES for series in figure.series}
    assert known <= drawn
    names = [figure.name for figure in figures.FIGURES]
    assert len(set(names)) == len(names)


def test_a_row_survives_its_file(run: RunFolder) -> None:
    carry_out([Bench().experiment()], run, False, 1)
    lines = (run.path / ROWS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["repetition"] for line in lines] == [0] * 6 + [1] * 6


def test_two_runs_stand_side_by_side_on_one_page(run: RunFolder, tmp_path: Path) -> None:
    other = RunFolder(tmp_path / "other")
    other.begin({**ABOUT_RUN, "kernel": "7"})
    for one in (run, other):
        carry_out([Bench().experiment()], one, False, 1)
    ended = CliRunner().invoke(compare_runs, [str(run.path), str(other.path)])
    assert ended.exit_code == 0, ended.output
    page = (other.path / "comparison.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2 * len(set(re.findall(r'<section id="(fig4\.[^"]+)"', page))) > 0
    assert page.count(f"<figcaption>{run.path}</figcaption>") == page.count("<svg") // 2
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "kernel 6" in page
    assert "kernel 7" in page
    assert not re.search(r'(?:src|href)="(?!#)', page)


def test_a_run_of_ones_own_is_resumed_by_its_own_command(tmp_path: Path) -> None:
    stopped, again = Bench(KeyboardInterrupt(), 5), Bench()
    place = str(tmp_path / "mine")
    own = own_command(stopped.experiment(), figures.FIGURES)
    ran = CliRunner().invoke(own, ["--folder", place])
    assert ran.exit_code == 130
    assert f"--resume {place}" in " ".join(ran.output.split())
    assert "horizonctl" not in ran.output
    own = own_command(again.experiment(), figures.FIGURES)
    assert CliRunner().invoke(own, ["--resume", place]).exit_code == 0
    assert len(again.points) == 7
    other = own_command(Bench().experiment("other"), figures.FIGURES)
    ran = CliRunner().invoke(other, ["--resume", place])
    assert ran.exit_code == 2
    assert "something else" in ran.output
    assert CliRunner().invoke(own, ["--resume", place, "--seed", "2"]).exit_code == 2


def test_it_is_told_what_a_run_is_at_between_measurements(run: RunFolder) -> None:
    told: list[str] = []
    carry_out(
        [Bench().experiment()], run, False, 1, lambda _one, at: told.append(type(at).__name__)
    )
    assert told == ["Moment", *["Step", "Moment"] * 12]


def test_what_the_machines_of_the_xen_lab_run_is_noted(run: RunFolder, tmp_path: Path) -> None:
    database = tmp_path / "root/var/lib/dpkg"
    database.mkdir(parents=True)
    about = "Package: frr\nStatus: install ok installed\nVersion: 8.4.4-1\nArchitecture: all\n"
    text = f"{about}Maintainer: nobody\nDescription: routes\n"
    (database / "status").write_text(text, encoding="utf-8")
    run.note(xen_lab=lab_versions(tmp_path / "root"))
    assert run.about()["xen_lab"]["frr"] == "8.4.4-1"
    assert run.about()["xen_lab"]["xen"] is None
    assert run.about()["kernel"] == ABOUT_RUN["kernel"]


@pytest.mark.parametrize(("load", "is_told"), [(14.4, True), (1.5, False)])
def test_a_page_tells_that_the_machine_was_busy(tmp_path: Path, load: float, is_told: bool) -> None:
    made = RunFolder(tmp_path)
    made.begin(ABOUT_RUN | {"machine": {"processors": 2, "load": load}})
    page = write_outcome(made).read_text(encoding="utf-8")
    assert ("load 14.4 on 2 processors" in page) == is_told
    assert "What was expected" not in page
