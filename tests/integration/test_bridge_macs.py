"""A bridge of Domain 0 keeps its MAC, whatever ports it gets from us and loses again."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from network_namespace import NetworkNamespace
from xen_bridge.migration.link_tunnels import TunnelEnd
from xen_bridge.migration.tunnel_kernel import TunnelKernel
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort
from xen_bridge.protocol.documents.domains import CreateDomain, NewInterface
from xen_bridge.protocol.documents.planes import TunnelKind
from xen_bridge.separation import bridge_ports
from xen_bridge.virtual_management import PhysicalHost

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]
CARD = "fa:ff:ff:ff:ff:fe"
"""Above nearly all that a kernel gives by chance: by such a one the bridge would be another."""
VIF = "fe:ff:ff:ff:ff:ff"
"""What Xen's scripts give a virtual interface."""
KEY = "0" * 64
PLAN = DataPlanePlan(1, (RouterPort("vif1", "lan0", bytes.fromhex("02a000000001"), ()),))


@pytest.fixture
def domain_0() -> Iterator[NetworkNamespace]:
    """A namespace with a bridge that has Domain 0's address, and a network card in it."""
    with NetworkNamespace() as made:
        made.ip("link", "add", "lan0", "type", "bridge")
        made.ip("link", "add", "card", "address", CARD, "type", "veth", "peer", "name", "wire")
        made.ip("link", "set", "card", "master", "lan0", "up")
        for name in ("wire", "lan0"):
            made.ip("link", "set", name, "up")
        made.ip("address", "add", "192.0.2.1/24", "dev", "lan0")
        yield made


def mac(domain_0: NetworkNamespace) -> str:
    (bridge,) = domain_0.ip_json("link", "show", "lan0")
    return str(bridge["address"])


def ports(domain_0: NetworkNamespace) -> int:
    return len(domain_0.ip_json("link", "show", "master", "lan0"))


def tunnel(kind: TunnelKind) -> TunnelEnd:
    """An end of a tunnel, which has the bridge go on elsewhere."""
    return TunnelEnd(
        bridge="lan0",
        number=1,
        near="192.0.2.1",
        far="192.0.2.9",
        is_away=False,
        peer_pk=KEY,
        kind=kind,
    )


def test_when_it_goes_on_elsewhere_by_a_tunnel(domain_0: NetworkNamespace) -> None:
    kernel = TunnelKernel()
    # Not every kernel has Ethernet in GRE.
    kinds = domain_0.run(kernel.kinds)
    assert "vxlan" in kinds
    for kind in kinds:
        domain_0.run(kernel.make, tunnel(kind))
        assert (ports(domain_0), mac(domain_0)) == (2, CARD)
        domain_0.run(kernel.remove, tunnel(kind))
        assert (ports(domain_0), mac(domain_0)) == (1, CARD)


def test_when_a_router_of_it_is_separated_and_is_not(domain_0: NetworkNamespace) -> None:
    domain_0.ip("link", "add", "vif1", "address", VIF, "type", "veth", "peer", "name", "guest")
    domain_0.ip("link", "set", "vif1", "master", "lan0", "up")
    domain_0.run(bridge_ports.leave, PLAN)
    # The anchor has taken the place of the virtual interface.
    assert (ports(domain_0), mac(domain_0)) == (2, CARD)
    domain_0.run(bridge_ports.come_back, PLAN)
    domain_0.run(bridge_ports.remove_anchors)
    assert (ports(domain_0), mac(domain_0)) == (2, CARD)


def test_when_a_domain_is_started_and_ends(domain_0: NetworkNamespace, tmp_path: Path) -> None:
    def lived() -> tuple[str, ...]:
        host = PhysicalHost(f"netns:///{uuid.uuid4().hex[:8]}?state={tmp_path / 'state'}")
        interfaces = (NewInterface("lan0"), NewInterface("lan0"))
        try:
            host.create(CreateDomain("r1", interfaces=interfaces))
            while_it_runs = (str(ports(domain_0)), mac(domain_0))
        finally:
            host.delete("r1")
        return (*while_it_runs, mac(domain_0))

    assert domain_0.run(lived) == ("3", CARD, CARD)
