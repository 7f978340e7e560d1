"""Domain 0's file system from Debian's packages."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from topologies.lab.places import Places
from topologies.lab.steps import fingerprint, is_current, remember, run

SUITE = "bookworm"
PACKAGES = (
    "linux-image-amd64",
    "xen-hypervisor-4.17-amd64",
    "xen-utils-4.17",
    "xenstore-utils",
    "libvirt-daemon",
    "libvirt-daemon-driver-xen",
    "libvirt-clients",
    "python3",
    "python3-libvirt",
    "iproute2",
    "bridge-utils",
    "busybox-static",
    "kmod",
    "udev",
    "openssh-server",
    "ethtool",
    "iputils-ping",
    "net-tools",
    "nftables",
    "procps",
    "netcat-openbsd",
    "frr",
    "openvswitch-switch",
)
_NO_DOCS = ("doc", "man", "locale", "info", "lintian")
_OPTIONS = (
    # The image is thrown away with the lab: nothing is lost if the machine fails meanwhile.
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=force-confold",
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _NO_DOCS),
    '--aptopt=APT::Install-Recommends "false"',
    # We make our own initramfs, of the few modules there is a use for.
    "--essential-hook=mkdir -p $1/etc/initramfs-tools"
    " && echo update_initramfs=no > $1/etc/initramfs-tools/update-initramfs.conf",
)
_ARCHIVE = re.compile(r"^(?:URIs:\s*|deb\s+(?:\[.*?\]\s+)?)(https?://\S+/debian/?)\s", re.M)
DEFAULT_ARCHIVE = "http://deb.debian.org/debian"


def make(places: Places) -> bool:
    """Make the file system; False if it is there already."""
    command = (
        "mmdebstrap",
        "--mode=root",
        "--variant=required",
        "--architectures=amd64",
        "--components=main",
        *_OPTIONS,
        f"--include={','.join(PACKAGES)}",
        SUITE,
    )
    wanted = fingerprint(command, ())
    if places.root.is_dir() and is_current(places, "root", wanted):
        return False
    shutil.rmtree(places.root, ignore_errors=True)
    run(places, (*command, str(places.root), archive()))
    remember(places, "root", wanted)
    return True


def archive(apt: Path = Path("/etc/apt")) -> str:
    """Return the package archive that this machine's apt uses, if it uses Debian's."""
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.sources"))):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found = re.search(
            r"^(?:URIs:\s*|deb\s+(?:\[.*?\]\s+)?)(https?://\S+/debian/?)\s", text, re.M
        )
        if found:
            return found[1]
    return DEFAULT_ARCHIVE
