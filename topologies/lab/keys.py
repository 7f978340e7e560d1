"""The keys of the lab: every node's own, the controller's, one for ssh, and those of libvirt."""

from __future__ import annotations

import shutil
from pathlib import Path

from topologies.lab.certificates import Authority
from topologies.lab.places import GUESTS, HOSTS, Places
from topologies.lab.steps import run
from xen_bridge.server.routers import FILE as ROUTERS
from xen_bridge.server.routers import HOSTS_FILE, RouterList, check_router
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList

CONTROLLER = "controller"
AGENT_PORT = 7444
LIBVIRT = "libvirt"
"""The folder, among a host's or the controller's keys, of libvirt's certificates."""


def guest_address(name: str) -> str:
    """Return the address of a guest on the wire between the hosts: r1 has 10.77.0.11."""
    return f"10.77.0.{11 + GUESTS.index(name)}"


def host_address(name: str) -> str:
    """Return the address of a host on the wire between the hosts: xen1 has 10.77.0.1."""
    return f"10.77.0.{1 + HOSTS.index(name)}"


def make(places: Places) -> None:
    """Make the keys that are not there yet, and have hosts know their guests and the controller."""
    places.keys.mkdir(parents=True, exist_ok=True)
    if not places.ssh_key.exists():
        run(places, ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(places.ssh_key)))
    known = {
        name: Identity.load_or_create(places.keys / name) for name in (*HOSTS, *GUESTS, CONTROLLER)
    }
    for host in HOSTS:
        folder = places.keys / host
        # A host asks the other when it sends a domain there.
        for name in (CONTROLLER, *(other for other in HOSTS if other != host)):
            KeyList(folder / KEYS).add(known[name].node_pk, name)
        for guest in GUESTS:
            url = f"https://{guest_address(guest)}:{AGENT_PORT}"
            RouterList(folder / ROUTERS).put(check_router(guest, url, known[guest].node_pk))
            KeyList(places.keys / guest / KEYS).add(known[host].node_pk, host)
            home = check_router(host, f"https://{host_address(host)}:7443", known[host].node_pk)
            RouterList(places.keys / guest / HOSTS_FILE).put(home)
    if not (places.keys / CONTROLLER / LIBVIRT).exists():
        _certify(places)


def _certify(places: Places) -> None:
    """Give libvirt's certificates to the hosts and, last, to the controller."""
    authority = Authority()
    for host in HOSTS:
        addresses = (host_address(host), "127.0.0.1")
        authority.issue(places.keys / host / LIBVIRT, host, addresses)
    authority.issue(places.keys / CONTROLLER / LIBVIRT, CONTROLLER)


def install(places: Places, stage: Path) -> None:
    """Put the keys of hosts and guests below ``stage``; the controller's stays outside."""
    for name in (*HOSTS, *GUESTS):
        shutil.copytree(places.keys / name, stage / "etc/horizon-lab" / name)
    root = stage / "root/.ssh"
    root.mkdir(parents=True, mode=0o700, exist_ok=True)
    shutil.copy(places.ssh_key, root / "id_ed25519")
    shutil.copy(f"{places.ssh_key}.pub", root / "authorized_keys")
