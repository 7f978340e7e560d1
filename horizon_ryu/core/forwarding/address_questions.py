"""Address questions: who has which IP address, and who need hear a question about it.

An owner of an IPv6 address answers for itself, since the answer says whether it is a router
(RFC 4861, 4.4), which nobody else knows. A question that is put again was not answered: then
everybody hears it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from horizon_ryu.core.frames import address_text
from horizon_ryu.core.neighbour_discovery import UNSPECIFIED, Neighbour
from horizon_ryu.core.topology import Host

REPEATED = 5.0
"""Seconds within which a question counts as put again; stations repeat theirs after one."""
MAX_QUESTIONS = 4096
"""Questions remembered; the oldest are forgotten first, and then go to the owner once more."""


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


class NeighbourQuestions:
    """The questions that were put lately."""

    def __init__(self) -> None:
        self._asked: OrderedDict[tuple[int | None, Neighbour], float] = OrderedDict()

    def may_be_directed(self, question: Neighbour, vlan: int | None, now: float) -> bool:
        """Tell whether the owner alone need hear ``question``, and remember that it was put.

        Who probes for an address that it wants to use must be heard by all (RFC 4862, 5.4).
        """
        if not question.is_solicitation or question.source == UNSPECIFIED:
            return False
        key = vlan, question
        before = self._asked.pop(key, None)
        self._asked[key] = now
        if len(self._asked) > MAX_QUESTIONS:
            self._asked.popitem(last=False)
        return before is None or now - before > REPEATED
