"""Domains of a host of namespaces, kept in files: definitions, and which process runs one.

A definition is the XML of CreateDomain with UUID and MACs chosen; a run record is JSON, and holds
until the machine is started again. Hosts of one machine share a folder: ids are never used twice.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lxml import etree

from xen_bridge.atomic_write import forget_file, replace_file
from xen_bridge.dom0.hypervisor.netns.domain_cgroups import DEFAULT_CAP, DEFAULT_WEIGHT
from xen_bridge.errors import BridgeError, HypervisorError
from xen_bridge.protocol.document_schema import check, from_element, to_element
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.safe_xml import parse

LOG = logging.getLogger(__name__)
_DEFINITION, _RUN, _RESERVATION = ".xml", ".run", ".incoming"


@dataclass(frozen=True, slots=True)
class Reservation:
    """A place that is kept for a domain that ``migration`` is to bring."""

    migration: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Which process a domain runs by; it is that one only if it began at ``start_ticks``."""

    pid: int
    start_ticks: int
    id: int
    boot: str
    paused: bool = False
    weight: int = DEFAULT_WEIGHT
    cap: int = DEFAULT_CAP
    moving: str = ""
    """The migration by which it is being moved elsewhere, if it is."""
    is_asked: bool = False
    """Whether another machine was asked to start it by then."""


class DomainStore:
    """The files of one host, in ``base/host``."""

    def __init__(self, base: Path, host: str) -> None:
        self.base = base
        self._folder = base / host

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Have nobody else change domains of this machine's hosts, in whatever process."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(self.base / "lock", "w", encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise HypervisorError(f"{error.filename or 'netns'}: {error.strerror}") from error

    def next_id(self) -> int:
        """Return an id that no domain of this machine had; the lock is held."""
        path = self.base / "last-id"
        try:
            number = int(path.read_text(encoding="ascii")) + 1
        except FileNotFoundError:
            number = 1
        except ValueError:
            raise HypervisorError(f"{path} has no number") from None
        replace_file(path, str(number))
        return number

    # ---- definitions

    def definitions(self) -> list[CreateDomain]:
        """Return all definitions that can be read, by name."""
        found = (self._definition(path) for path in self._folder.glob(f"*{_DEFINITION}"))
        return sorted((one for one in found if one is not None), key=lambda one: one.name)

    def _definition(self, path: Path) -> CreateDomain | None:
        try:
            found = from_element(CreateDomain, parse(path.read_bytes()))
            check(found)
        except FileNotFoundError:
            return None
        except (OSError, BridgeError) as error:
            LOG.warning("%s cannot be read: %s", path, error)
            return None
        return found if found.uuid == path.stem else None

    def put(self, definition: CreateDomain) -> None:
        """Keep a definition; the lock is held."""
        text = etree.tostring(to_element(definition), encoding="unicode")
        replace_file(self._path(definition.uuid or "", _DEFINITION), text)

    def remove(self, uuid: str) -> None:
        """Forget a domain; the lock is held."""
        for suffix in (_RUN, _DEFINITION):
            forget_file(self._path(uuid, suffix))

    # ---- runs

    def run(self, uuid: str) -> RunRecord | None:
        """Return which process a domain ran by last; None for none, or one that cannot be read."""
        try:
            return RunRecord(**json.loads(self._path(uuid, _RUN).read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            LOG.warning("which process %s runs by cannot be read: %s", uuid, error)
            return None

    def put_run(self, uuid: str, record: RunRecord | None) -> None:
        """Keep which process a domain runs by; the lock is held."""
        path = self._path(uuid, _RUN)
        if record is None:
            forget_file(path)
        else:
            replace_file(path, json.dumps(asdict(record)))

    # ---- places for domains to come

    def reserve(self, uuid: str, kept: Reservation) -> None:
        """Keep a place for a domain; the lock is held."""
        replace_file(self._path(uuid, _RESERVATION), json.dumps(asdict(kept)))

    def reservation(self, uuid: str) -> Reservation | None:
        """Return the place that is kept for a domain, if there is one."""
        try:
            return Reservation(**json.loads(self._path(uuid, _RESERVATION).read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            LOG.warning("what is kept for %s cannot be read: %s", uuid, error)
            return None

    def reserved_names(self) -> set[str]:
        """Return the names of the domains that places are kept for."""
        uuids = [path.stem for path in self._folder.glob(f"*{_RESERVATION}")]
        return {one.name for uuid in uuids if (one := self.reservation(uuid)) is not None}

    def release(self, uuid: str) -> None:
        """Keep no place for a domain any longer; the lock is held."""
        forget_file(self._path(uuid, _RESERVATION))

    def is_first_of(self, boot: str) -> bool:
        """Tell, once, whether the machine was started since this was asked; the lock is held."""
        path = self._folder / "boot"
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
            known = file.read()
        if known != boot:
            replace_file(path, boot)
        return known != boot

    def _path(self, uuid: str, suffix: str) -> Path:
        return self._folder / f"{uuid}{suffix}"
