"""``python -m tools.ryu_wheel [FOLDER]``: build the wheel (in ``build/ryu``), print its path."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.ryu_wheel import RyuWheelError, ensure_wheel


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 when the wheel is there."""
    folder = Path(arguments[0]) if arguments else Path("build", "ryu")
    try:
        wheel = ensure_wheel(folder, lambda step: print(f"==> {step}", flush=True))
    except RyuWheelError as error:
        print(f"ryu_wheel: {error}", file=sys.stderr)
        return 1
    print(wheel)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
