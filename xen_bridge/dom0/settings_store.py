"""The weight, cap and affinity that each domain was given, and whether it has them now.

Xen forgets them when a domain ends, and libvirt resets them when it migrates. What was asked is
kept by UUID, in a file if there is one, and put back whenever a domain runs under another id.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xen_bridge.atomic_write import replace_file
from xen_bridge.errors import HypervisorError
from xen_bridge.protocol.documents.domains import MAX_CPUS, MAX_WEIGHT, MIN_WEIGHT, UUID, VcpuPins

LOG = logging.getLogger(__name__)
MAX_SETTINGS = 100_000


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """What a domain was given; ``applied_to`` is the id under which it has it.

    ``affinity`` has one entry for all vCPUs, or one for each; none if nothing was said.
    """

    weight: int | None = None
    cap: int | None = None
    applied_to: int | None = None
    affinity: tuple[VcpuPins, ...] = ()

    @property
    def are_none(self) -> bool:
        """Whether there is nothing to give."""
        return self.weight is None and self.cap is None and not self.affinity

    def row(self) -> list[Any]:
        """Return what the file has of it, which does not say under which id."""
        pins = [[list(one.cpus) for one in self.affinity]] if self.affinity else []
        return [self.weight, self.cap, *pins]


class SettingsStore:
    """All of them; one call at a time."""

    def __init__(self, path: Path | None = None) -> None:
        """Read ``path``, if it is there; what is damaged in it is logged and counts as none."""
        self._path = path
        self._settings: dict[str, SchedulerSettings] = _read(path) if path is not None else {}

    def get(self, uuid: str) -> SchedulerSettings | None:
        """Return the settings of a domain."""
        return self._settings.get(uuid)

    def put(self, uuid: str, settings: SchedulerSettings) -> None:
        """Keep the settings of a domain; HypervisorError if the file cannot be written."""
        old = self._settings.get(uuid)
        kept = dict(self._settings)
        if len(kept) >= MAX_SETTINGS and uuid not in kept:
            kept.pop(next(iter(kept)))
        kept[uuid] = settings
        # The file does not say under which id: a look, which changes nothing else, writes nothing.
        if old is None or old.row() != settings.row():
            self._save(kept)
        self._settings = kept

    def forget(self, uuid: str) -> None:
        """Forget a domain, which is gone: that the file still has it is only logged."""
        if uuid in self._settings:
            self._settings = {key: one for key, one in self._settings.items() if key != uuid}
            try:
                self._save(self._settings)
            except HypervisorError as error:
                LOG.warning("the weight and cap of %s are not forgotten: %s", uuid, error)

    def restore(self, uuid: str, settings: SchedulerSettings | None) -> None:
        """Keep what was kept before, which may be nothing."""
        if settings is None:
            self.forget(uuid)
        else:
            self.put(uuid, settings)

    def _save(self, kept: Mapping[str, SchedulerSettings]) -> None:
        if self._path is None:
            return
        rows = {uuid: settings.row() for uuid, settings in kept.items()}
        try:
            replace_file(self._path, json.dumps(rows))
        except OSError as error:
            raise HypervisorError(f"{self._path} cannot be written: {error.strerror}") from error


def _read(path: Path) -> dict[str, SchedulerSettings]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        LOG.warning("%s cannot be read, no weight and no cap is known: %s", path, error)
        return {}
    if not isinstance(rows, dict):
        LOG.warning("%s has no weights and caps", path)
        return {}
    for uuid in [uuid for uuid, row in rows.items() if not _is_row(uuid, row)]:
        LOG.warning("%s: what it has of %.40s is no weight and cap", path, uuid)
        del rows[uuid]
    return {uuid: _settings(*row) for uuid, row in rows.items()}


def _settings(weight: int | None, cap: int | None, pins: Any = ()) -> SchedulerSettings:
    affinity = tuple(VcpuPins(tuple(cpus)) for cpus in pins)
    return SchedulerSettings(weight, cap, affinity=affinity)


def _is_row(uuid: str, row: Any) -> bool:
    if re.fullmatch(UUID, uuid) is None or not isinstance(row, list) or len(row) not in (2, 3):
        return False
    weight, cap, pins = (*row, [])[:3]
    is_share = _is_within(weight, MIN_WEIGHT, MAX_WEIGHT) and _is_within(cap, 0, 100 * MAX_CPUS)
    return is_share and _are_pins(pins)


def _are_pins(pins: Any) -> bool:
    """Tell whether it is a list of lists of CPUs, of which none is empty."""
    return isinstance(pins, list) and all(
        isinstance(one, list)
        and one
        and all(cpu is not None and _is_within(cpu, 0, MAX_CPUS) for cpu in one)
        for one in pins
    )


def _is_within(value: Any, least: int, most: int) -> bool:
    return value is None or (type(value) is int and least <= value <= most)
