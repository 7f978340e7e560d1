"""Sessions that pages show: commands at a terminal and what they really printed.

A page says ``.. session: NAME`` in a comment; its blocks of ``console`` behind that are typed, in
their order, where NAME is built (``session_labs``), and what is printed is what stands there, but
for what no two runs have alike (``masked``). ``session_writer`` writes anew what is printed.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
PAGES = ("README.rst", "docs/guides/piloting-plane.rst")
_SESSION = re.compile(r"^\.\. session: (\S+)$")
_CONSOLE = re.compile(r"^(\s*)\.\. code-block:: console$")
_SECONDS = 60
_MASKS = (
    # Identities, durations, ages, rates and counters; what is aligned with them.
    (re.compile(r"\b[0-9a-f]{12}\b|\b[0-9a-f]{8}\b|0x485a0400[0-9a-f]{8}"), "ID"),
    (re.compile(r"\bfe80::[0-9a-f:]+"), "LINK-LOCAL"),
    (re.compile(r'"seq": \d+'), "SEQ"),
    (re.compile(r'"hw_addr": "[0-9a-f:]{17}"'), "MAC"),
    (re.compile(r"\b127\.0\.0\.1:[1-9]\d{4}\b"), "CLIENT"),
    (re.compile(r"\bnetns \S+\s+-\s+\d+\s+\d+"), "KERNEL-CPUS-MEMORY"),
    (re.compile(r"\b\d+ frames? (?:was|were) passed on"), "FRAMES"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)?(e-\d+)?(?= ?(s|ms|us|µs|seconds|MB|KB|MHz)\b)"), "N"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z?"), "TIME"),
    (re.compile(r"\b\d+\.\d+\b(?!\.)"), "N"),
    (re.compile(r"MCowBQYDK2VwAyEA\S+"), "KEY"),
    (re.compile(r"[─━-]{3,}"), "--"),
    (re.compile(r"[ \t]+"), " "),
)

Run = Callable[[str], str]


@dataclass(slots=True)
class ShownCommand:
    """One command of a session, the line that it is in, and what is printed there."""

    session: str
    number: int
    command: str
    shown: list[str]
    indent: str


def steps(page: Path) -> list[ShownCommand]:
    """Return the steps of a page in their order."""
    found: list[ShownCommand] = []
    session, indent = "", None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines()):
        if named := _SESSION.match(line):
            session, indent = named[1], None
        elif begun := _CONSOLE.match(line):
            indent = f"{begun[1]}   " if session else None
        elif indent is not None and line.strip() and not line.startswith(indent):
            indent = None
        elif indent is not None and line.startswith(f"{indent}$ "):
            found.append(ShownCommand(session, number, line[len(indent) + 2 :], [], indent))
        elif indent is not None and found and (line.strip() or found[-1].shown):
            found[-1].shown.append(line[len(indent) :])
    for step in found:
        while step.shown and not step.shown[-1].strip():
            step.shown.pop()
    return found


def masked(lines: list[str]) -> list[str]:
    """Return what two runs have alike."""
    kept = []
    for line in lines:
        for pattern, word in _MASKS:
            line = pattern.sub(word, line)
        kept.append(line.strip())
    return [line for line in kept if line]


def shell(environment: dict[str, str], replaced: dict[str, str]) -> Run:
    """Return what types a command; ``replaced`` has what is shown for what is there."""

    def run(command: str) -> str:
        for shown, real in replaced.items():
            command = command.replace(shown, real)
        ended = subprocess.run(
            ["bash", "-c", command], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_SECONDS,
            check=False,
        )  # fmt: skip
        printed = ended.stdout
        for shown, real in replaced.items():
            printed = printed.replace(real, shown)
        return printed

    return run


def differences(page: Path, session: str, run: Run) -> Iterator[str]:
    """Yield what a session of a page shows and does not print."""
    for step in steps(page):
        if step.session != session:
            continue
        real = run(step.command).rstrip("\n").splitlines()
        if masked(real) != masked(step.shown):
            shown = "\n".join(step.shown)
            told = "\n".join(real)
            where = f"{page.name}:{step.number + 1}"
            yield f"{where}: $ {step.command}\n{shown}\n--- prints now\n{told}"
