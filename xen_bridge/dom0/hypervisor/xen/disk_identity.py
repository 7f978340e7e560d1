"""Identity of disks: whether a path is the same disk on two hosts.

A guest that is moved goes on with the disk that has the same path over there. One that is written
must be the very same; of one that is only read, the same content is enough.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from xen_bridge.errors import InvalidRequest
from xen_bridge.protocol.documents.domains import NewDisk

MAX_DISKS = 48
_SAMPLE = 1 << 16
"""Bytes that are read at the begin, in the middle, and at the end."""
_SHARED = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.ceph-fuse", "fuse.glusterfs", "glusterfs",
    "ocfs2", "gfs2", "lustre", "9p", "virtiofs", "afs", "beegfs", "fuse.sshfs",
})  # fmt: skip
"""Types of file systems that several machines mount at once."""


def identity_of(disk: NewDisk, sysfs: Path = Path("/sys")) -> str:
    """Return what a disk is known by; equal on two hosts only if it is the same one.

    InvalidRequest for a path that cannot be read here.
    """
    try:
        if disk.read_only:
            return f"content {_content(disk.source)}"
        if stat.S_ISBLK(os.stat(disk.source).st_mode):
            return f"device {_device(disk.source, sysfs)}"
        return f"file {_file(disk.source)}"
    except OSError as error:
        raise InvalidRequest(("destination",), f"{disk.source}: {error.strerror}") from error


def check_same(disks: Iterable[NewDisk], here: Mapping[str, str], there: Mapping[str, str]) -> None:
    """Raise InvalidRequest (``destination``) for the first disk that is not shared.

    ``here`` and ``there`` have the identities by what :func:`facts_of` calls them.
    """
    for number, disk in enumerate(disks):
        name = fact_of(number)
        ours, theirs = here[name], there.get(name)
        if ours.endswith(" unknown"):
            why = "is written and on this host alone, as far as can be told"
        elif theirs != ours:
            why = "is another disk there"
        else:
            continue
        raise InvalidRequest(("destination",), f"{disk.source} of the domain {why}: not shared")


def facts_of(disks: tuple[NewDisk, ...]) -> dict[str, str]:
    """Return the identities of disks, by the names of facts."""
    if len(disks) > MAX_DISKS:
        raise InvalidRequest(("destination",), f"a domain with more than {MAX_DISKS} disks")
    return {fact_of(number): identity_of(disk) for number, disk in enumerate(disks)}


def fact_of(number: int) -> str:
    """Return the name of the fact that tells of a disk."""
    return f"disk_{number}"


def _content(path: str) -> str:
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        digest = hashlib.sha256(str(size).encode("ascii"))
        for place in (0, size // 2, max(size - _SAMPLE, 0)):
            file.seek(place)
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def _device(path: str, sysfs: Path) -> str:
    number = os.stat(path).st_rdev
    found = sysfs / "dev" / "block" / f"{os.major(number)}:{os.minor(number)}"
    for name in ("wwid", "device/wwid", "dm/uuid"):
        try:
            told = (found / name).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue
        # A volume of a local disk has a uuid too: it is the same where the disk is.
        if told:
            return told
    return "unknown"


def _file(path: str) -> str:
    real = os.path.realpath(path)
    best, kind, source = "", "", ""
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            what, place, form = line.split()[:3]
            place = place.rstrip("/") or "/"
            if len(place) >= len(best) and (real + "/").startswith(place.rstrip("/") + "/"):
                best, kind, source = place, form, what
    if kind not in _SHARED:
        return "unknown"
    return f"{kind} {source} {os.path.relpath(real, best)}"
