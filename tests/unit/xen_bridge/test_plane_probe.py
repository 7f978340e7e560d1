"""Plane probe: a host says whether planes can be separated there, and why not."""

from __future__ import annotations

import pytest

from xen_bridge.planes.plane_probe import PlaneProbe
from xen_bridge.protocol.documents.domains import PhysicalHostInfo

HOST = PhysicalHostInfo(
    name="one", hypervisor="netns", version="6.18", cpus=2, memory_kb=1, capabilities=("affinity",)
)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("", None),
        ("echo 'RTNETLINK answers: no macvlan' >&2; exit 2", "RTNETLINK answers: no macvlan"),
    ],
)
def test_a_host_that_separates_planes_has_the_capability_another_tells_why_not(
    monkeypatch: pytest.MonkeyPatch, said: str, problem: str | None
) -> None:
    probe = PlaneProbe()
    # The right to make namespaces is not everybody's.
    monkeypatch.setattr(probe, "_command", ("sh", "-c", said))
    told = probe.described(HOST)
    assert told.planes_problem == problem
    assert told.capabilities == (
        ("affinity", "plane_separation") if problem is None else ("affinity",)
    )
