"""What a destination tells of itself is not believed further than it can be checked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xen_bridge.dom0.hypervisor.netns.netns_mover import MovingNetnsHost, NetnsSite
from xen_bridge.dom0.hypervisor.netns.processes import boot_id
from xen_bridge.errors import InvalidRequest, SubjectNotFound
from xen_bridge.netlink.namespaces import inode_of

GOOD = {
    "boot": boot_id(),
    "pid": str(os.getpid()),
    "network": "1",
    "base": "/var/lib/there",
    "host": "two",
    "number": "7",
}


@pytest.mark.parametrize(
    ("fact", "value", "why"),
    [
        ("boot", "another", "another machine"),
        ("host", "../one", "what none can be"),
        ("base", "relative", "what none can be"),
        ("number", "0", "what none can be"),
        ("number", "x", "no host of network namespaces"),
        ("pid", "", "no host of network namespaces"),
    ],
)
def test_a_site_that_is_not_this_machine_or_none_at_all_is_refused(
    fact: str, value: str, why: str
) -> None:
    with pytest.raises(InvalidRequest, match=why):
        NetnsSite.read({**GOOD, fact: value})
    with pytest.raises(InvalidRequest, match="no host of network namespaces"):
        NetnsSite.read({key: one for key, one in GOOD.items() if key != fact})
    assert NetnsSite.read(GOOD).facts() == GOOD


def test_a_site_in_a_namespace_that_is_not_there_or_is_here_is_refused(tmp_path: Path) -> None:
    host = MovingNetnsHost("one", tmp_path)
    with pytest.raises(SubjectNotFound, match="not to be found"):
        host.check_site("", GOOD)
    with pytest.raises(InvalidRequest, match="this host itself"):
        host.check_site("", {**GOOD, "network": str(inode_of())})
    host.close()
