"""The program that repairs Ryu: it changes what it knows, and refuses everything else."""

from __future__ import annotations

import hashlib
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tools.ryu_wheel import RyuWheelError, build, ensure_wheel, pip_tool, source
from tools.ryu_wheel.__main__ import main
from tools.ryu_wheel.edits import Append, Prepend, Replace, ReplaceBlock, apply_edits
from tools.ryu_wheel.fixes import (
    FIXES,
    LOCAL_VERSION,
    NOTICES,
    PACKAGING,
    REQUIREMENTS,
    SDIST_NAME,
    VERSION,
    WHEEL_NAME,
)

BLOCK = "    begin\n        middle\n    end\n"
BLOCK_SHA256 = hashlib.sha256(BLOCK.encode()).hexdigest()


def block_edit(new: str = "    new\n") -> ReplaceBlock:
    return ReplaceBlock("f", first="begin", last="end", sha256=BLOCK_SHA256, new=new)


def silent(step: str) -> None:
    del step


def test_replace_changes_the_only_place() -> None:
    assert Replace("f", "b", "x").apply("abc") == "axc"


@pytest.mark.parametrize("text", ["", "ac", "abcb"])
def test_replace_refuses_none_and_several(text: str) -> None:
    with pytest.raises(RyuWheelError, match="found it"):
        Replace("f", "b", "x").apply(text)


def test_block_changes_only_its_lines() -> None:
    assert block_edit().apply("before\n" + BLOCK + "after\n") == "before\n    new\nafter\n"


@pytest.mark.parametrize(
    "text",
    ["", "begin\n", "end\nbegin\n", BLOCK.replace("middle", "other"), BLOCK.replace("    ", "  ")],
)
def test_block_refuses_other_lines(text: str) -> None:
    with pytest.raises(RyuWheelError):
        block_edit().apply(text)


def test_append_starts_on_a_new_line() -> None:
    assert Append("f", ("b", "c")).apply("a") == "a\nb\nc\n"
    assert Append("f", ("b",)).apply("") == "b\n"


def test_prepend_keeps_what_must_be_first_there() -> None:
    notice = Prepend("f", "# n")
    assert notice.apply("import os\n") == "# n\nimport os\n"
    assert notice.apply("#!/bin/x\n# coding: utf-8\na\n") == "#!/bin/x\n# coding: utf-8\n# n\na\n"


def test_every_changed_file_of_ryu_says_so() -> None:
    assert {notice.path for notice in NOTICES} == {fix.path for fix in FIXES}
    assert all(VERSION in notice.apply("import os\n").splitlines()[0] for notice in NOTICES)


def test_edits_of_one_file_follow_each_other(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a")
    apply_edits(tmp_path, (Replace("f", "a", "b"), Replace("f", "b", "c")))
    assert (tmp_path / "f").read_text() == "c"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RyuWheelError, match="absent"):
        apply_edits(tmp_path, (Replace("absent", "a", "b"),))


def test_each_change_of_the_fixes_has_its_own_version() -> None:
    """Pip keeps an installed wheel of equal version: raise LOCAL_VERSION, then add the digest."""
    known = {
        "horizon1": "b1d2844d2ce93be9",
        "horizon2": "10392affb86d43f4",
        "horizon3": "41eb16bd83d1ee1a",
        "horizon4": "eb2586f746f32d04",
        "horizon5": "d916241ea2a50bd5",
        "horizon6": "0c8e45a63bdf0d5c",
        "horizon7": "c09843306a04e3f7",
    }
    digest = hashlib.sha256(repr((FIXES, PACKAGING)).encode()).hexdigest()[:16]
    assert known[LOCAL_VERSION] == digest


def test_a_wrong_archive_is_refused_and_removed(tmp_path: Path) -> None:
    archive = tmp_path / SDIST_NAME
    archive.write_bytes(b"something else")
    with pytest.raises(RyuWheelError, match="sha256"):
        source.fetch_sdist(tmp_path, tmp_path)
    assert not archive.exists()


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / SDIST_NAME
    archive.write_bytes(b"not a tar file")
    with pytest.raises(RyuWheelError, match="cannot be unpacked"):
        source.unpack(archive, tmp_path / "tree")


def test_unpacking_starts_from_an_empty_folder(tmp_path: Path) -> None:
    archive, tree = tmp_path / SDIST_NAME, tmp_path / "tree"
    (tmp_path / "member").write_text("text")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "member", "ryu-4.34/member")
    tree.mkdir()
    (tree / "stale").touch()
    assert (source.unpack(archive, tree) / "member").read_text() == "text"
    assert [path.name for path in tree.iterdir()] == ["ryu-4.34"]


def test_without_a_network_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(RyuWheelError, match=r"(?s)cannot download.*put ryu-4\.34\.tar\.gz"):
        source.fetch_sdist(tmp_path, tmp_path)


def test_the_own_pip_ignores_what_was_meant_for_the_outer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONSTRAINT", "/somewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("PYTHONPATH", "/outer")
    variables = pip_tool.environment(tmp_path)
    assert "PIP_CONSTRAINT" not in variables
    assert variables["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert variables["PYTHONPATH"] == f"{tmp_path}:/outer"


def test_a_pip_that_hangs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    monkeypatch.setattr(pip_tool, "PIP_SECONDS", 0.2)
    with pytest.raises(RyuWheelError, match="did not end"):
        pip_tool.run_pip(["--version"], tmp_path, "test")


def test_a_wheel_that_is_there_is_taken(tmp_path: Path) -> None:
    (tmp_path / WHEEL_NAME).touch()
    assert ensure_wheel(tmp_path, silent) == tmp_path / WHEEL_NAME


def test_failure_is_told_and_leaves_no_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(toolbox: Path) -> None:
        raise RyuWheelError("no tools today")

    monkeypatch.setattr(build, "install_toolbox", fail)
    assert main([str(tmp_path)]) == 1
    assert "no tools today" in capsys.readouterr().err
    assert not (tmp_path / WHEEL_NAME).exists()


def make_wheel(folder: Path, version: str, requires: tuple[str, ...], fixed: str) -> Path:
    wheel = folder / WHEEL_NAME
    lines = [f"Version: {version}", *(f"Requires-Dist: {item}" for item in requires)]
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"ryu-{VERSION}.dist-info/METADATA", "\n".join(lines))
        for path in {fix.path for fix in FIXES}:
            archive.writestr(path, fixed)
    return wheel


@pytest.fixture
def fixed_tree(tmp_path: Path) -> Path:
    for fix in FIXES:
        path = tmp_path / "tree" / fix.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("fixed")
    return tmp_path / "tree"


def test_a_good_wheel_passes(tmp_path: Path, fixed_tree: Path) -> None:
    wheel = make_wheel(tmp_path, VERSION, REQUIREMENTS, "fixed")
    build.check_wheel(wheel, fixed_tree)
    assert wheel.is_file()


@pytest.mark.parametrize(
    ("version", "requires", "fixed"),
    [
        ("4.34", REQUIREMENTS, "fixed"),
        (VERSION, REQUIREMENTS[:1], "fixed"),
        (VERSION, REQUIREMENTS, "as published"),
    ],
)
def test_a_poor_wheel_is_refused(
    tmp_path: Path, fixed_tree: Path, version: str, requires: tuple[str, ...], fixed: str
) -> None:
    wheel = make_wheel(tmp_path, version, requires, fixed)
    with pytest.raises(RyuWheelError, match="not what was asked for"):
        build.check_wheel(wheel, fixed_tree)


def test_no_wheel_at_all_is_refused(tmp_path: Path, fixed_tree: Path) -> None:
    with pytest.raises(RyuWheelError, match="did not make"):
        build.check_wheel(tmp_path / "absent.whl", fixed_tree)
