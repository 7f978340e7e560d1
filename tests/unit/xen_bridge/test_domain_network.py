"""Which virtual network a domain is a router of: kept with the domain, by every back end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("libvirt")

from fake_libvirt import SickXen
from xen_bridge.dom0.hypervisor import domain_xml
from xen_bridge.dom0.hypervisor.memory_host import MemoryWorld
from xen_bridge.dom0.hypervisor.netns.netns_host import NetnsHost
from xen_bridge.errors import HypervisorError, InvalidRequest, RequestConflict
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.domains import CreateDomain, SetDomain
from xen_bridge.virtual_management import PhysicalHost


@pytest.fixture(params=["memory", "libvirt", "netns"])
def begun(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], PhysicalHost]]:
    """A host that can be begun again, as a service that restarts does."""
    world = MemoryWorld()

    def begin() -> PhysicalHost:
        if request.param == "memory":
            return PhysicalHost("memory:///a", world.host("a"))
        if request.param == "netns":
            return PhysicalHost("netns:///a", NetnsHost("a", tmp_path))
        return PhysicalHost("test:///default")

    # libvirt's test driver forgets all when nobody is connected.
    host = begin()
    host.domains()
    yield begin
    for domain in host.domains():
        if domain.name.startswith("r"):
            host.delete(domain.uuid)


def test_a_network_is_chosen_changed_and_taken_away_and_outlives_the_service(
    begun: Callable[[], PhysicalHost],
) -> None:
    made = begun().create(CreateDomain("r1", network="blue", start=False))
    assert made.network == "blue"
    assert begun().domain("r1").network == "blue"
    assert begun().set_domain(SetDomain("r1", network="red")).network == "red"
    assert begun().domain(made.uuid).network == "red"
    assert begun().set_domain(SetDomain("r1", autostart=True)).network == "red"
    assert begun().set_domain(SetDomain("r1", no_network=True)).network is None
    assert begun().domain("r1").network is None
    assert begun().create(CreateDomain("r2", start=False)).network is None


def test_a_network_of_a_running_domain_outlives_its_end() -> None:
    host = PhysicalHost("test:///default")
    host.create(CreateDomain("r1", network="blue"))
    try:
        host.set_domain(SetDomain("r1", network="red"))
        assert host.domain("r1").network == "red"
        host.destroy("r1")
        assert host.domain("r1").network == "red"
    finally:
        host.delete("r1")


def test_a_router_that_moves_takes_its_network_along() -> None:
    world = MemoryWorld()
    here, there = (PhysicalHost(f"memory:///{name}", world.host(name)) for name in "ab")
    here.create(CreateDomain("r1", network="blue"))
    assert here.migrate("r1", there).network == "blue"


def test_a_change_that_fails_leaves_the_network_as_it_was() -> None:
    memory = MemoryWorld().host("a")
    host = PhysicalHost("memory:///a", memory)
    host.create(CreateDomain("r1", network="blue"))
    memory.fail("suspend", HypervisorError("refused"))
    with pytest.raises(HypervisorError):
        host.set_domain(SetDomain("r1", network="red", state="paused"))
    assert host.domain("r1").network == "blue"


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"network": "red", "no_network": True}, InvalidRequest, "no_network"),
        ({"network": "physical"}, InvalidRequest, "network"),
        ({"network": "-red"}, InvalidRequest, "network"),
        ({"network": "r" * 65}, InvalidRequest, "network"),
        ({"network": "a<b"}, InvalidRequest, "network"),
        ({"domain": "Domain-0", "network": "red"}, RequestConflict, None),
        ({"domain": "Domain-0", "no_network": True}, RequestConflict, None),
    ],
)
def test_what_is_no_network_is_refused_and_nothing_changes(
    change: dict[str, Any], error: type[Exception], field: str | None
) -> None:
    host = PhysicalHost("memory:///a", MemoryWorld().host("a"))
    host.create(CreateDomain("r1", network="blue"))
    before = host.domain("r1")
    with pytest.raises(error) as refused:
        host.set_domain(replace(SetDomain("r1", weight=9), **change))
    if field is not None:
        assert getattr(refused.value, "loc", ()) == (field,)
    assert replace(host.domain("r1"), cpu_time_s=0.0) == replace(before, cpu_time_s=0.0)
    if "domain" not in change and "no_network" not in change:
        with pytest.raises(InvalidRequest):
            host.create(CreateDomain("r2", network=change["network"]))


# ---- libvirt's metadata


def test_new_domains_carry_their_network_in_an_element_of_horizon_s_own() -> None:
    text = domain_xml.build(CreateDomain("r1", network="blue"), "xen")
    assert text.count('<horizon:network xmlns:horizon="urn:horizon-ryu:domain">blue<') == 1
    assert domain_xml.DomainDescription(text).network == "blue"
    assert "metadata" not in domain_xml.build(CreateDomain("r1"), "xen")
    # What becomes of it is rewritten as a whole: all else stays.
    changed = domain_xml.with_lifecycle(text, "destroy", None)
    assert domain_xml.DomainDescription(changed).network == "blue"


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "<metadata/>",
        "<metadata><network>blue</network></metadata>",
        '<metadata><n:network xmlns:n="urn:other">blue</n:network></metadata>',
        '<metadata><n:network xmlns:n="urn:horizon-ryu:domain">no name</n:network></metadata>',
        '<metadata><n:network xmlns:n="urn:horizon-ryu:domain"/></metadata>',
    ],
)
def test_what_others_wrote_is_no_network(metadata: str) -> None:
    assert domain_xml.DomainDescription(f"<domain>{metadata}</domain>").network is None


@pytest.mark.parametrize(("active", "persistent", "flags"), [(1, 1, 3), (0, 1, 2), (1, 0, 1)])
def test_of_a_domain_its_run_and_its_definition_are_told(
    active: int, persistent: int, flags: int
) -> None:
    xen = SickXen()
    xen.sick.answers |= {"isActive": active, "isPersistent": persistent}
    told: list[tuple[object, ...]] = []
    xen.sick.setMetadata = lambda *args: told.append(args)  # type: ignore[attr-defined]
    xen.set_network("sick", "blue")
    xen.set_network("sick", None)
    name = ("horizon", "urn:horizon-ryu:domain", flags)
    assert told == [
        (
            2,
            "<network>blue</network>",
            *name,
        ),
        (2, None, *name),
    ]


def test_a_network_that_cannot_be_read_is_not_changed() -> None:
    xen = SickXen()
    xen.sick.answers["XMLDesc"] = "<domain"
    host = PhysicalHost("xen:///system", xen)
    assert "network" in host.domain("sick").unknown
    with pytest.raises(HypervisorError, match="cannot be read"):
        host.set_domain(SetDomain("sick", network="blue"))


def test_a_domain_is_told_with_its_network_and_within_bounds() -> None:
    made = PhysicalHost("memory:///a").create(CreateDomain("r1", network="blue"))
    element = document_schema.to_element(made)
    assert element.findtext("Network") == "blue"
    with pytest.raises(InvalidRequest):
        document_schema.check(replace(made, network="no name"))
