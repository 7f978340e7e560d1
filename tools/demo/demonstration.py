"""Demonstration: exit status 0 only if everything that it claims was true."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from horizon_ryu.cli.terminal import Terminal, styled
from tools.demo.story import tell
from tools.lab import Lab
from tools.started import arguments, as_root
from topologies.errors import NetworkError


def main() -> int:
    """Tell the story on a fresh network, and leave nothing behind."""
    arguments(__doc__).parse_args()
    as_root("it makes switches")
    console = Terminal()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="horizon-demo-") as folder:
        lab = Lab(Path(folder), config="")
        try:
            tell(lab, console, Path(folder))
        except (AssertionError, NetworkError, OSError) as error:
            console.print(styled("not true:", "bold red"), str(error))
            for line in lab.log_tail().splitlines():
                console.print(line)
            return 1
        except KeyboardInterrupt:
            console.print("stopped")
            return 130
        finally:
            with console.status("taking everything down"):
                lab.close()
    seconds = time.monotonic() - started
    console.print(styled("All of it was true", "bold green"), f"in {seconds:.0f} s.")
    return 0
