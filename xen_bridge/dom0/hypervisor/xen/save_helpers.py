"""Save helpers: the processes of libxl that send a domain's memory, and how they are ended.

libvirt's Xen driver has no call that ends a migration (9.0: no virDomainAbortJob). Its helper
ended, libxl gives the migration up as it does for a wire that breaks, and the domain goes on here.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

NAME, SAVING = b"libxl-save-helper", b"--save-domain"


def end_saving(domain: int, proc: Path = Path("/proc")) -> int:
    """End what sends the domain with that id; return how many processes that were."""
    count = 0
    for pid in saving(domain, proc):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)
            count += 1
    return count


def saving(domain: int, proc: Path = Path("/proc")) -> Iterator[int]:
    """Yield the processes that send the domain with that id."""
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if _is_saving(words, domain):
            yield int(folder.name)


def _is_saving(words: list[bytes], domain: int) -> bool:
    """Tell whether a command line is that of a helper which saves that domain.

    After the word that says so come two file descriptors, then the domain's id (seen on Xen 4.17).
    """
    if os.path.basename(words[0]) != NAME or SAVING not in words:
        return False
    return str(domain).encode("ascii") in words[words.index(SAVING) + 1 :][2:3]
