"""Setup of namespace routers: what is refused with its field, and the files of FRR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xen_bridge.dom0.hypervisor.interface import Capability
from xen_bridge.dom0.hypervisor.netns import router_setup
from xen_bridge.dom0.hypervisor.xen_hypervisor import XenHypervisor
from xen_bridge.errors import InvalidRequest, RequestUnsupported
from xen_bridge.protocol.documents.domains import CreateDomain, NewInterface, NewRoute
from xen_bridge.virtual_management import PhysicalHost


@pytest.fixture
def daemons(tmp_path: Path) -> Path:
    for name in ("ospfd", "bgpd", "frrinit.sh"):
        tmp_path.joinpath(name).touch(mode=0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "loc"),
    [
        ({"interfaces": (NewInterface("br0", None, ("192.0.2.1/24", "::/129")),)},
         ("interfaces", "0", "addresses", "1")),
        ({"routes": (NewRoute("10.0.0.0/8", "192.0.2.1"), NewRoute("10.0.0.1/8", "192.0.2.1"))},
         ("routes", "1", "to")),
        ({"routes": (NewRoute("10.0.0.0/8", "192.0.2"),)}, ("routes", "0", "via")),
        ({"routes": (NewRoute("::/0", "192.0.2.1"),)}, ("routes", "0", "via")),
        ({"configuration": "router ospf"}, ("configuration",)),
        ({"daemons": ("ospfd", "pimd")}, ("daemons", "1")),
    ],
)  # fmt: skip
def test_what_cannot_be_set_up_is_refused_with_its_field(
    daemons: Path, wanted: dict[str, Any], loc: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        router_setup.check_setup(CreateDomain("r1", **wanted), daemons)
    assert refused.value.loc == loc


def test_without_frr_its_daemons_are_refused_with_what_to_install(tmp_path: Path) -> None:
    tmp_path.joinpath("ospfd").touch(mode=0o755)
    with pytest.raises(InvalidRequest, match="install frr") as refused:
        router_setup.check_setup(CreateDomain("r1", daemons=("ospfd",)), tmp_path)
    assert refused.value.loc == ("daemons", "0")


def test_frr_has_its_daemons_its_configuration_and_folders_of_its_own(
    monkeypatch: pytest.MonkeyPatch, daemons: Path
) -> None:
    class User:
        pw_uid, pw_gid = 101, 102

    monkeypatch.setattr(router_setup.pwd, "getpwnam", lambda _name: User)
    wanted = CreateDomain("r1", daemons=("ospfd", "bgpd"), configuration="router ospf")
    router_setup.check_setup(wanted, daemons)
    told = router_setup.inside(wanted)
    assert [path for path, _ in told["folders"]] == ["/etc/frr", "/run/frr", "/var/log/frr"]
    assert {options for _, options in told["folders"]} == {"mode=0750,uid=101,gid=102"}
    files = {path: (text, owner) for path, text, owner in told["files"]}
    with_grace = "router ospf\n capability opaque\n graceful-restart\n"
    assert files["/etc/frr/frr.conf"] == (with_grace, (101, 102))
    lines = files["/etc/frr/daemons"][0].splitlines()
    assert {"ospfd=yes", "bgpd=yes", "vtysh_enable=yes"} <= set(lines)
    # Its terminal has no password: nobody but the domain may reach it.
    assert all("-A 127.0.0.1" in line for line in lines if "_options=" in line)
    assert told["commands"] == [("/usr/lib/frr/frrinit.sh", "start")]


def test_a_router_without_daemons_has_nothing_set_up_inside() -> None:
    assert not any(router_setup.inside(CreateDomain("r1")).values())


def test_what_namespaces_can_no_xen_host_declares() -> None:
    pytest.importorskip("libvirt")
    declared = XenHypervisor("xen:///system", lambda _command: "").capabilities
    only = {
        Capability.FREEZER,
        Capability.ROUTER_SETUP,
        Capability.MIGRATION_WITHIN_MACHINE,
        Capability.MIGRATION_BY_RESTART,
    }
    assert declared == set(Capability) - only


@pytest.mark.parametrize(
    "wanted",
    [
        {"interfaces": (NewInterface("br0", None, ("192.0.2.1/24",)),)},
        {"routes": (NewRoute("10.0.0.0/8", "192.0.2.1"),)},
        {"daemons": ("ospfd",)},
        {"configuration": "router ospf"},
    ],
)
def test_a_guest_that_is_a_machine_of_its_own_is_not_set_up(wanted: dict[str, Any]) -> None:
    pytest.importorskip("libvirt")
    host = PhysicalHost("test:///default")
    with pytest.raises(RequestUnsupported, match="router_setup"):
        host.create(CreateDomain("r1", **wanted))
    assert "r1" not in {one.name for one in host.domains()}
