"""A node that answers without an end is late: whoever has asked it is held for so long only."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostile_node import ENDLESS, TRICKLES, HostileNode
from xen_bridge.client import BridgeClient
from xen_bridge.errors import BridgeError, Deadline, PeerAway
from xen_bridge.protocol.documents.domains import GetNode
from xen_bridge.trust.identity import Identity

SECONDS = 0.5


def refused(folder: Path, how: str) -> type[BridgeError]:
    """Return what an answer of that kind is told as."""
    asking = Identity.load_or_create(folder / "asking")
    with HostileNode(folder / "node", asking.node_pk, how) as node:
        client = BridgeClient(node.url, node.identity.node_pk, asking)
        with pytest.raises(BridgeError) as told:
            client.ask(GetNode(), seconds=SECONDS)
        client.close()
        assert node.asked == 1
    return told.type


@pytest.mark.parametrize("how", ENDLESS)
def test_an_answer_without_an_end_is_late(tmp_path: Path, how: str) -> None:
    # It may be called malformed first: http.client takes so many fields.
    assert refused(tmp_path, how) in (Deadline, PeerAway)


@pytest.mark.parametrize("how", TRICKLES)
def test_an_answer_that_trickles_is_late(tmp_path: Path, how: str) -> None:
    assert refused(tmp_path, how) is Deadline
