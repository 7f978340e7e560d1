"""Domains that others made: names with blanks are reached, and a name of digits is no id."""

from __future__ import annotations

import pytest

pytest.importorskip("libvirt")

from fake_libvirt import SickXen
from xen_bridge.dom0.hypervisor.memory_host import MemoryWorld
from xen_bridge.errors import InvalidRequest, SubjectNotFound
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.domains import CreateDomain, DeleteDomain, GetDomain, SetDomain
from xen_bridge.virtual_management import PhysicalHost

NAMES = ("my router", "r(1)", "x -y", "ü", "a&b <c>", "1", "0x1", "x" * 64)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_reached(name: str) -> None:
    xen = SickXen()
    xen.sick.answers["name"] = name
    host = PhysicalHost("xen:///system", xen)
    for asked in (GetDomain(name), DeleteDomain(name), SetDomain(name, weight=300)):
        document_schema.check(asked)
    told = host.set_domain(SetDomain(name, weight=300))
    assert (told.name, told.id, told.scheduler.weight) == (name, 2, 300)


@pytest.mark.parametrize("name", ["", " ", " x", "x ", "a/b", "..", ".hidden", "x" * 65, "-x"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        document_schema.check(GetDomain(name))


def test_a_name_comes_before_an_id() -> None:
    xen = SickXen()
    host = PhysicalHost("xen:///system", xen)
    assert host.domain("1").name == "healthy"
    xen.sick.answers["name"] = "1"
    assert host.domain("1").id == 2
    for none in ("3", "9" * 30, "²"):
        with pytest.raises(SubjectNotFound):
            host.domain(none)


def test_in_memory_too() -> None:
    memory = MemoryWorld().host("a")
    host = PhysicalHost("memory:///a", memory)
    first, second = (host.create(CreateDomain(name)) for name in ("r1", "r2"))
    kept = memory._domains[second.uuid]
    memory._keep(type(second)(**{**_fields(second), "name": str(first.id)}), kept.since)
    host.delete(str(first.id))
    assert [one.name for one in host.domains()] == ["Domain-0", "r1"]


def _fields(domain: object) -> dict[str, object]:
    return {name: getattr(domain, name) for name in type(domain).__slots__}  # type: ignore[attr-defined]
