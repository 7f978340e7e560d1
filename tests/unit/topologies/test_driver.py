"""The driver's side of the conversation, with a network process that is only a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from topologies import driver
from topologies.catalogue import build
from topologies.driver import MininetProcess
from topologies.errors import NetworkError

STARTED = '{"id": 1, "result": {"datapath": "netdev", "bridges": ["s1"]}}'
# Answers the question whether it has Mininet, then what the test wants.
SCRIPT = """#!/bin/sh
[ "$1" = -c ] && exit 0
read start
{body}
cat > /dev/null
"""


def network(folder: Path, *answers: str, body: str = "") -> MininetProcess:
    """Return a driver whose process prints ``answers``, one after each request."""
    lines = "\nread request\n".join(f"echo '{answer}'" for answer in answers)
    python = folder / "python"
    python.write_text(SCRIPT.format(body=lines + "\n" + body))
    python.chmod(0o755)
    return MininetProcess(build("linear", n=1), python=str(python))


def test_start_tells_what_came_of_it(tmp_path: Path) -> None:
    with network(tmp_path, STARTED) as running:
        assert (running.datapath, running.bridges) == ("netdev", ("s1",))
    with pytest.raises(NetworkError, match="not running"):
        running.run("h1", ["true"])
    running.close()


def test_progress_is_passed_on(tmp_path: Path) -> None:
    told: list[str] = []
    process = network(tmp_path, '{"progress": "one"}\n{"progress": "two"}\n' + STARTED)
    process._say = told.append
    with process:
        assert told == ["one", "two"]


def test_an_error_at_the_start_ends_the_process(tmp_path: Path) -> None:
    process = network(tmp_path, '{"id": 1, "error": "no switches today"}')
    with pytest.raises(NetworkError, match="no switches today"):
        process.start()
    with pytest.raises(NetworkError, match="not running"):
        _ = process.pid


@pytest.mark.parametrize("answer", ["nonsense", "", "{"])
def test_nonsense_is_an_error(tmp_path: Path, answer: str) -> None:
    with pytest.raises(NetworkError, match="nonsense"):
        network(tmp_path, answer).start()


def test_a_process_that_ends_is_an_error(tmp_path: Path) -> None:
    with (
        network(tmp_path, STARTED, body="exit 1") as running,
        pytest.raises(NetworkError, match="has ended"),
    ):
        running.run("h1", ["true"])


def test_silence_is_an_error_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "SLACK_SECONDS", 0.1)
    with (
        network(tmp_path, STARTED) as running,
        pytest.raises(NetworkError, match="does not answer"),
    ):
        running.run("h1", ["true"], seconds=0.1)


def test_a_late_answer_is_not_taken_for_another(tmp_path: Path) -> None:
    late = '{"id": 1, "result": [1, "late"]}\n{"id": 2, "result": [0, "right"]}'
    with network(tmp_path, STARTED, late) as running:
        assert running.run("h1", ["true"]) == (0, "right")


def test_a_process_that_does_not_leave_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "STOP_SECONDS", 0.2)
    running = network(tmp_path, STARTED, body="exec sleep 60")
    running.start()
    with pytest.raises(NetworkError, match="did not go"):
        running.close()


def test_versions_may_be_given_by_switch() -> None:
    graph = build("linear", n=2)
    both = MininetProcess(graph, versions=["OpenFlow10", "OpenFlow13"])
    each = MininetProcess(graph, versions={1: ["OpenFlow10"]})
    assert both._versions == {1: ["OpenFlow10", "OpenFlow13"], 2: ["OpenFlow10", "OpenFlow13"]}
    assert each._versions == {1: ["OpenFlow10"]}


def test_entries_are_told_from_headers() -> None:
    text = "OFPST_FLOW reply (OF1.3) (xid=0x2):\n cookie=0x0, actions=NORMAL\n\n"
    assert driver.entries_of(text) == ["cookie=0x0, actions=NORMAL"]
