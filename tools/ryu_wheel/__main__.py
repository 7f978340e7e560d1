"""``python -m tools.ryu_wheel [FOLDER]``: build the wheel (in ``build/ryu``), print its path."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tools.ryu_wheel import RyuWheelError, ensure_wheel
from tools.started import arguments, carry_out


def main(words: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 when the wheel is there."""
    given = arguments(__doc__)
    given.add_argument("folder", nargs="?", type=Path, default=Path("build", "ryu"))
    folder: Path = given.parse_args(words).folder
    try:
        wheel = ensure_wheel(folder, lambda step: print(f"==> {step}", flush=True))
    except RyuWheelError as error:
        print(f"ryu_wheel: {error}", file=sys.stderr)
        return 1
    print(wheel)
    return 0


if __name__ == "__main__":
    carry_out(main)
