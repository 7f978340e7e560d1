"""Address questions: who has which IP address, and who need hear a question about it.

An owner of an IPv6 address answers for itself, since the answer says whether it is a router
(RFC 4861, 4.4), which nobody else knows. A question that is put again was not answered: then
everybody hears it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from horizon_ryu.core.frames import address_text
from horizon_ryu.core.neighbour_discovery import UNSPECIFIED, Neighbour
from horizon_ryu.core.topology import Host, TopologyChange

REPEATED = 5.0
"""Seconds within which a question counts as put again; stations repeat theirs after one."""
MAX_QUESTIONS = 4096
"""Questions remembered; the oldest are forgotten first, and then go to the owner once more."""


class ArpTable:
    """Answers for the hosts of the newest view, which change one by one at the same cost each."""

    def __init__(self) -> None:
        self._hosts: dict[bytes, Host] = {}
        self._users: dict[tuple[int | None, str], dict[bytes, Host]] = {}

    def follow(self, hosts: Mapping[bytes, Host], changes: Iterable[TopologyChange]) -> None:
        """Take what ``changes`` made of the hosts; ``hosts`` has all of them as they are now."""
        for change in changes:
            if isinstance(change.subject, Host):
                self._set(change.subject.key, hosts.get(change.subject.key))
        if len(hosts) != len(self._hosts):
            # Somebody has missed a change: begin anew.
            for key in (*self._hosts, *hosts):
                self._set(key, hosts.get(key))

    def _set(self, key: bytes, host: Host | None) -> None:
        before = self._hosts.pop(key, None)
        for address in _addresses(before):
            users = self._users[address]
            del users[key]
            if not users:
                del self._users[address]
        if host is not None:
            self._hosts[key] = host
            for address in _addresses(host):
                self._users.setdefault(address, {})[key] = host

    def owner(self, address: bytes, vlan: int | None = None) -> Host | None:
        """Return the only host of ``vlan`` that uses ``address`` (packed); None if none or several.

        Several claimants mean a move or a fraud: then the stations must answer for themselves.
        """
        text = address_text(address)
        users = {} if text is None else self._users.get((vlan or None, text), {})
        return next(iter(users.values())) if len(users) == 1 else None


def _addresses(host: Host | None) -> set[tuple[int | None, str]]:
    return set() if host is None else {(host.vlan, text) for text in host.ips}


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
