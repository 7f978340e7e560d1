"""Why Xen refused: libxl tells its log, libvirt's error says no more than that it failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xen_bridge.errors import HypervisorError

PATH = Path("/var/log/libvirt/libxl/libxl-driver.log")
MAX_BYTES = 16 * 1024
MAX_REASONS, MAX_LENGTH = 3, 300
_LINE = re.compile(
    r"\S+ \S+ (?:libxl|xc): (?:panic: )?\S+\.c:\d+: ?(?:\w+: ?)?(?:Domain \d+: ?)?(?P<said>.*\S)"
)
"""Date, time, library, place in its source, function and domain; then what matters."""


class LibxlLog:
    """libvirt's log of libxl, on this machine."""

    def __init__(self, path: Path = PATH) -> None:
        self._path = path

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Add to a HypervisorError of the block what the log has had to say meanwhile."""
        begin = self._size()
        try:
            yield
        except HypervisorError as error:
            said = self._since(begin) if type(error) is HypervisorError else ""
            if not said:
                raise
            raise HypervisorError(f"{error}: {said}") from error

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def _since(self, begin: int) -> str:
        try:
            with self._path.open("rb") as file:
                file.seek(begin)
                text = file.read(MAX_BYTES).decode(errors="replace")
        except OSError:
            return ""
        return reasons_in(text)


def reasons_in(text: str) -> str:
    """Return what the first lines of a log say, each once: the cause comes before the rest."""
    found = (match["said"] for line in text.splitlines() if (match := _LINE.fullmatch(line)))
    return "; ".join(list(dict.fromkeys(found))[:MAX_REASONS])[:MAX_LENGTH]
