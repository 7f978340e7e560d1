"""``python -m tools.demo``: the demonstration."""

from __future__ import annotations

from tools.demo.demonstration import main
from tools.started import carry_out

if __name__ == "__main__":
    carry_out(main)
