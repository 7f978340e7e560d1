"""Site of a Xen host: what a destination tells, and what the source makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xen_bridge.dom0.hypervisor.moving import Site
from xen_bridge.dom0.hypervisor.xen.migration_uri import MigrationUri
from xen_bridge.errors import InvalidRequest
from xen_bridge.protocol.documents.domains import CreateDomain

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_VERSION = re.compile(r"(\d{1,5})\.(\d{1,5})(\.\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class XenSite:
    """A host by where its libvirt is reached and how that names it, its boot, and its Xen.

    ``disks`` are the identities of the domain's disks there, by the names of facts.
    """

    uri: MigrationUri
    boot: str
    libvirt: str
    version: str
    disks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, site: Site) -> XenSite:
        """Return what another host told; InvalidRequest unless it is a host of Xen."""
        try:
            boot, libvirt, version = site["boot"], site["libvirt"], site["xen"]
            uri = MigrationUri.read(site["uri"])
        except KeyError:
            raise InvalidRequest(("destination",), "is no host of Xen") from None
        disks = {name: value for name, value in site.items() if name.startswith("disk_")}
        return cls(uri, boot, libvirt, version, disks)

    def facts(self) -> Site:
        """Return what :meth:`read` reads."""
        told = {"uri": self.uri.text, "boot": self.boot, "libvirt": self.libvirt}
        return {**told, "xen": self.version, **self.disks}

    def check_from(self, boot: str, version: str) -> None:
        """Raise InvalidRequest if domains of a host with that boot and Xen cannot come here."""
        if self.boot == boot:
            raise InvalidRequest(("destination",), "is this host itself")
        ours, theirs = _number(version), _number(self.version)
        # https://xenbits.xen.org/docs/unstable/support-matrix.html
        if ours is not None and theirs is not None and theirs < ours:
            raise InvalidRequest(
                ("destination",),
                f"runs Xen {self.version}, this host {version}: Xen takes no domain of a newer one",
            )


def missing_bridges(
    definition: CreateDomain, network: Path = Path("/sys/class/net")
) -> tuple[str, ...]:
    """Return the bridges of a domain that this host has not."""
    wanted = {one.bridge for one in definition.interfaces}
    return tuple(sorted(name for name in wanted if not (network / name).exists()))


def unconnected(names: Iterable[str], network: Path = Path("/sys/class/net")) -> tuple[str, ...]:
    """Return those of these virtual interfaces that have no carrier here.

    The back end gives it when the front end in the guest is connected, also after a migration.
    """
    return tuple(name for name in names if not _has_carrier(network / name / "carrier"))


def _has_carrier(path: Path) -> bool:
    try:
        return path.read_text(encoding="ascii").strip() == "1"
    except OSError:
        # Nobody can tell of a link that is not there, or down.
        return False


def boot_id() -> str:
    """Return what is another after each start of this machine."""
    return BOOT_ID.read_text(encoding="ascii").strip()


def _number(version: str) -> tuple[int, int] | None:
    found = _VERSION.fullmatch(version)
    return None if found is None else (int(found[1]), int(found[2]))
