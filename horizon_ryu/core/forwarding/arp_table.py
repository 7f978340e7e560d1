"""ARP table: which station has which IP address, as far as the topology view knows."""

from __future__ import annotations

from collections.abc import Mapping

from horizon_ryu.core.frames import address_text
from horizon_ryu.core.topology import Host


class ArpTable:
    """Answers for the hosts it was made with; built when first asked, since most never are."""

    def __init__(self, hosts: Mapping[bytes, Host]) -> None:
        self._hosts = hosts
        self._owners: dict[tuple[int | None, str], Host | None] | None = None

    def owner(self, address: bytes, vlan: int | None = None) -> Host | None:
        """Return the only host of ``vlan`` that uses ``address`` (packed); None if none or several.

        Several claimants mean a move or a fraud: then the stations must answer for themselves.
        """
        if self._owners is None:
            self._owners = _index(self._hosts)
        text = address_text(address)
        return None if text is None else self._owners.get((vlan or None, text))


def _index(hosts: Mapping[bytes, Host]) -> dict[tuple[int | None, str], Host | None]:
    owners: dict[tuple[int | None, str], Host | None] = {}
    for host in hosts.values():
        for text in host.ips:
            address = host.vlan, text
            owners[address] = None if address in owners else host
    return owners
