"""The paths of Domain 0 that new domains may be given: disks, kernels, initial file systems.

Whoever may ask for a domain names paths, and a guest reads and writes what it is given: without a
list that would be any file of Domain 0. Links are followed before a path is checked, and what was
checked is what the hypervisor is given. What follows is up to Domain 0: whoever may write into an
allowed folder may put a link there later.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace

from xen_bridge.errors import InvalidRequest, PathNotAllowed
from xen_bridge.protocol.documents.domains import CreateDomain, NewDisk

DEFAULT = (
    "/var/lib/xen/images",
    "/var/lib/xen-bridge/images",
    "/var/lib/xen-bridge/kernels:ro",
)
"""As the option of ``xen-bridge serve`` has them."""
READ_ONLY = ":ro"
DEVICES = "/dev/"


@dataclass(frozen=True, slots=True)
class AllowedPath:
    """A folder and all below it, or one file or block device."""

    path: str
    read_only: bool = False

    def __str__(self) -> str:
        """Return it as it is written in the option."""
        return self.path + (READ_ONLY if self.read_only else "")

    def resolve(self, wanted: str) -> str | None:
        """Return what ``wanted`` is, links followed, if it is there and allowed here; else None."""
        place, named = _real(self.path), _named(wanted)
        if place is None or named is None:
            return None
        # The name of a volume is a link to a device whose number may be another one after the
        # next boot: the domain must keep the name. Only root and udev make names in /dev.
        if _is_within(place, DEVICES) and _is_within(named, place) and _is_block_device(named):
            return named
        found = _real(wanted)
        return found if found is not None and _is_within(found, place) else None

    def has_room_for(self, wanted: str) -> bool:
        """Tell whether ``wanted`` would be allowed here, were it there."""
        place, named = _real(self.path), _named(wanted)
        return place is not None and named is not None and _is_within(named, place)


def allowed_path(text: str) -> AllowedPath:
    """Return what ``PATH`` or ``PATH:ro`` allows; InvalidRequest unless it is absolute."""
    path = text.removesuffix(READ_ONLY)
    if not path.startswith("/"):
        raise InvalidRequest(("allow-path",), f"{text!r} is no absolute path")
    return AllowedPath(os.path.normpath(path), text.endswith(READ_ONLY))


class AllowedPaths:
    """All that is allowed on a host."""

    def __init__(self, allowed: Iterable[AllowedPath]) -> None:
        self._allowed = tuple(allowed)

    def checked(self, wanted: CreateDomain) -> CreateDomain:
        """Return ``wanted`` with the paths that its own lead to.

        Raises PathNotAllowed for what leads elsewhere, and InvalidRequest for what is there but
        is no file, or no block device below ``/dev``; a kernel is a file.
        """
        return replace(
            wanted,
            kernel=self._file("kernel", wanted.kernel),
            ramdisk=self._file("ramdisk", wanted.ramdisk),
            disks=tuple(self._disk(number, disk) for number, disk in enumerate(wanted.disks)),
        )

    def _file(self, field: str, path: str | None) -> str | None:
        if path is None:
            return None
        loc = (field,)
        found = self._resolved(loc, path, for_writing=False)
        if not stat.S_ISREG(_mode(loc, found)):
            raise InvalidRequest(loc, f"{path} is no file")
        return found

    def _disk(self, number: int, disk: NewDisk) -> NewDisk:
        loc = ("disks", str(number), "source")
        found = self._resolved(loc, disk.source, for_writing=not disk.read_only)
        mode = _mode(loc, found)
        is_right = stat.S_ISBLK(mode) if _is_within(found, DEVICES) else stat.S_ISREG(mode)
        if not is_right:
            raise InvalidRequest(loc, f"{disk.source} is neither a file nor a block device of /dev")
        return replace(disk, source=found)

    def _resolved(self, loc: tuple[str, ...], path: str, for_writing: bool) -> str:
        found = [(one, to) for one in self._allowed if (to := one.resolve(path)) is not None]
        for allowed, to in found:
            if not (for_writing and allowed.read_only):
                return to
        if _real(path) is None and any(one.has_room_for(path) for one in self._allowed):
            raise InvalidRequest(loc, f"{path} is not there")
        what = "may only be read" if found else "is none of this host's allowed paths"
        listed = ", ".join(map(str, self._allowed)) or "none"
        raise PathNotAllowed(
            f"{'.'.join(loc)}: {path} {what}; allowed by xen-bridge serve --allow-path: {listed}"
        )


def _is_within(path: str, place: str) -> bool:
    place = place.rstrip("/")
    return path == place or path.startswith(place + "/")


def _real(path: str) -> str | None:
    """Return a path without links; None for what is not there, a loop, or out of reach."""
    try:
        return os.path.realpath(path, strict=True)
    except OSError:
        return None


def _named(path: str) -> str | None:
    """Return a path without links but for its last part; None if its folder is not there."""
    folder, name = os.path.split(path)
    real = _real(folder)
    return None if real is None or name in ("", ".", "..") else os.path.join(real, name)


def _is_block_device(path: str) -> bool:
    try:
        return stat.S_ISBLK(os.stat(path).st_mode)
    except OSError:
        return False


def _mode(loc: tuple[str, ...], path: str) -> int:
    """Return the kind of what was found; of a link only in ``/dev``, where it may be a name."""
    try:
        found = os.stat(path) if _is_within(path, DEVICES) else os.lstat(path)
    except OSError as error:
        raise InvalidRequest(loc, f"{path}: {error.strerror}") from error
    return found.st_mode
