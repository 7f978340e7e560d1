"""The weight and cap that each domain was given, and whether it has them now.

Xen forgets both when a domain ends, and libvirt resets them when it migrates. What was asked is
kept by UUID, in a file if there is one, and put back whenever a domain runs under another id.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xen_bridge.atomic_write import replace_file
from xen_bridge.protocol.documents.domains import UUID

MAX_SETTINGS = 100_000


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """What a domain was given; ``applied_to`` is the id under which it has it."""

    weight: int | None = None
    cap: int | None = None
    applied_to: int | None = None


class SettingsStore:
    """All of them; one call at a time."""

    def __init__(self, path: Path | None = None) -> None:
        """Read ``path``, if it is there; a damaged file counts as none."""
        self._path = path
        self._settings: dict[str, SchedulerSettings] = _read(path) if path is not None else {}

    def get(self, uuid: str) -> SchedulerSettings | None:
        """Return the settings of a domain."""
        return self._settings.get(uuid)

    def put(self, uuid: str, settings: SchedulerSettings) -> None:
        """Keep the settings of a domain."""
        if self._settings.get(uuid) == settings:
            return
        if len(self._settings) >= MAX_SETTINGS and uuid not in self._settings:
            self._settings.pop(next(iter(self._settings)))
        self._settings[uuid] = settings
        self._save()

    def forget(self, uuid: str) -> None:
        """Forget the settings of a domain."""
        if self._settings.pop(uuid, None) is not None:
            self._save()

    def restore(self, uuid: str, settings: SchedulerSettings | None) -> None:
        """Keep what was kept before, which may be nothing."""
        if settings is None:
            self.forget(uuid)
        else:
            self.put(uuid, settings)

    def _save(self) -> None:
        if self._path is None:
            return
        rows = {uuid: [settings.weight, settings.cap] for uuid, settings in self._settings.items()}
        replace_file(self._path, json.dumps(rows))


def _read(path: Path) -> dict[str, SchedulerSettings]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(rows, dict):
        return {}
    return {uuid: SchedulerSettings(*row) for uuid, row in rows.items() if _is_row(uuid, row)}


def _is_row(uuid: str, row: Any) -> bool:
    return (
        re.fullmatch(UUID, uuid) is not None
        and isinstance(row, list)
        and len(row) == 2
        and all(item is None or isinstance(item, int) for item in row)
    )
