"""Run the demonstration; exit status 0 only if everything it claims was true."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tools.demo.story import tell
from tools.lab import Lab
from topologies.errors import NetworkError


def main() -> int:
    """Tell the story on a fresh network, and leave nothing behind."""
    console = Console()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="horizon-demo-") as folder:
        lab = Lab(Path(folder), config="")
        try:
            tell(lab, console)
        except (AssertionError, NetworkError, OSError) as error:
            console.print(f"[bold red]not true:[/bold red] {error}")
            console.print(lab.log_tail())
            return 1
        except KeyboardInterrupt:
            console.print("stopped")
            return 130
        finally:
            with console.status("taking everything down"):
                lab.close()
    seconds = time.monotonic() - started
    console.print(f"[bold green]All of it was true[/bold green], in {seconds:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
