"""Writer of what the sessions of all pages print.

``python -m tools.docs.session_writer`` (as root, in a sandbox)
"""

from __future__ import annotations

from pathlib import Path

from tools.docs.session_labs import LABS
from tools.docs.sessions import PAGES, PROJECT, ShownCommand, steps
from tools.started import arguments, as_root, carry_out


def renewed(page: Path, printed: dict[int, list[str]], known: list[ShownCommand]) -> str:
    """Return the text of a page with what was ``printed`` by the steps in these lines."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for step in sorted(known, key=lambda one: -one.number):
        if step.number not in printed:
            continue
        first = step.number + 1
        fresh = [f"{step.indent}{line}".rstrip() for line in printed[step.number]]
        lines[first : first + len(step.shown)] = fresh
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write anew what the sessions of all pages print."""
    arguments(__doc__).parse_args()
    as_root("its sessions make networks")
    for name in PAGES:
        page = PROJECT / name
        known = steps(page)
        printed: dict[int, list[str]] = {}
        for session in dict.fromkeys(step.session for step in known):
            with LABS[session]() as run:
                for step in known:
                    if step.session == session:
                        print(f"{name}:{step.number + 1}: {step.command}", flush=True)
                        printed[step.number] = run(step.command).rstrip("\n").splitlines()
        page.write_text(renewed(page, printed, known), encoding="utf-8")


if __name__ == "__main__":
    carry_out(main)
