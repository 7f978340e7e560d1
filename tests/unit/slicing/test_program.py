"""Huge pages: the environment that asks for them, and a program that begins anew with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from backstop import BACKSTOP
from horizon_ryu.slicer.program import with_huge_pages

_PROGRAM = """
import json, os, sys
from horizon_ryu.slicer.program import begin_with_huge_pages
print(os.getpid(), flush=True)
begin_with_huge_pages()
print(json.dumps([os.environ["PYTHONMALLOC"], sys.argv[1:]]))
"""


def _run(**environment: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONMALLOC"}
    command = [sys.executable, "-c", _PROGRAM, "--word", "two words"]
    ran = subprocess.run(
        command,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=BACKSTOP,
    )
    return ran.stdout.splitlines()


def test_an_environment_asks_both_allocators() -> None:
    assert with_huge_pages({"HOME": "/"}) == {
        "HOME": "/",
        "PYTHONMALLOC": "malloc",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }


def test_what_the_c_library_was_told_besides_stays() -> None:
    found = with_huge_pages({"GLIBC_TUNABLES": "glibc.malloc.check=1"})
    assert found is not None
    assert found["GLIBC_TUNABLES"] == "glibc.malloc.check=1:glibc.malloc.hugetlb=1"


def test_an_allocator_that_somebody_chose_stays() -> None:
    assert with_huge_pages({"PYTHONMALLOC": "debug"}) is None
    first, said = _run(PYTHONMALLOC="pymalloc")
    assert first.isdecimal()
    assert json.loads(said) == ["pymalloc", ["--word", "two words"]]


def test_a_program_begins_anew_once_as_the_same_process_with_the_same_words() -> None:
    first, again, said = _run()
    assert first == again, "the same process"
    assert json.loads(said) == ["malloc", ["--word", "two words"]]
