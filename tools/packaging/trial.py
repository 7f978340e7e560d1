"""Trial of the Debian package, where nothing else of ours is (``make package-test``, as root).

An empty Debian 12 boots; three commands lead from the package to a discovered network; then every
service is started, what systemd says of its hardening is read, and what the guide to production
shows is typed. Exit status 0 if all is so.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.packaging.guide import the_guide, typed
from tools.packaging.machine import DebianMachine, MachineError, make_root
from tools.packaging.python_archives import PROJECT
from tools.started import arguments, as_root, carry_out
from tools.waiting import wait_until

FOLDER = PROJECT / "build" / "trial"
SERVICES = {
    "horizon-controller": "horizon",
    "horizon-slicer": "horizon-slicer",
    "horizon-bridge": "root",
    "horizon-agent": "horizon-agent",
}
"""Whose they are."""
EXPOSURE = {"horizon-bridge": 9.0}
"""What ``systemd-analyze security`` may say of one, of 10; of the others 2.5."""
NETWORK = (
    "ovs-vsctl"
    " -- add-br s1 -- set bridge s1 datapath_type=netdev -- set-controller s1 tcp:127.0.0.1:6653"
    " -- add-br s2 -- set bridge s2 datapath_type=netdev -- set-controller s2 tcp:127.0.0.1:6653"
    " -- add-port s1 s1-s2 -- set interface s1-s2 type=patch options:peer=s2-s1"
    " -- add-port s2 s2-s1 -- set interface s2-s1 type=patch options:peer=s1-s2"
)

Say = Callable[[str], None]


def main() -> int:
    """Return the exit status."""
    arguments(__doc__).parse_args()
    as_root("it boots a machine")
    if shutil.which("systemd-nspawn") is None or shutil.which("mmdebstrap") is None:
        print("package-test: needs the packages systemd-container and mmdebstrap", file=sys.stderr)
        return 1
    packages = list((PROJECT / "dist").glob("horizon_*.deb"))
    if len(packages) != 1:
        print("package-test: dist/ has one package after make dist", file=sys.stderr)
        return 1
    (package,) = packages
    try:
        make_root(FOLDER / "base", _say)
        with DebianMachine(FOLDER / "base", FOLDER / "machine") as machine:
            _say("it has booted")
            from_package_to_network(machine, package)
            the_services(machine)
            the_guide(machine, package)
            the_removal(machine)
    except (AssertionError, MachineError) as error:
        print(f"package-test: {error}", file=sys.stderr)
        return 1
    _say("all of it was so")
    return 0


def from_package_to_network(machine: DebianMachine, package: Path) -> None:
    """Give the three commands, and tell how long each took."""
    shutil.copy(package, machine.root / "root")
    total = 0.0
    for command in (f"apt-get install --yes /root/{package.name}", NETWORK):
        total += _told(command, machine.timed(command)[1])

    def discovered() -> bool:
        # A service that begins refuses connections for a moment.
        printed = machine.run("horizonctl -o json topology", check=False)
        told = json.loads(printed) if printed.startswith("{") else {"links": ()}
        return len(told["links"]) == 2

    began = time.monotonic()
    wait_until(discovered, 60, "the network is discovered")
    total += _told("(until both links are there)", time.monotonic() - began)
    printed, seconds = machine.timed("horizonctl topology")
    total += _told("horizonctl topology", seconds)
    print(printed)
    _say(f"three commands, {total:.1f} s")


def _told(command: str, seconds: float) -> float:
    print(f"{seconds:6.1f} s  {command}", flush=True)
    return seconds


def the_services(machine: DebianMachine) -> None:
    """Start each service, and look at whose it is and how much of the system it may touch."""
    typed(machine, "systemctl enable --now horizon-slicer")
    machine.run("xen-bridge keygen --directory /var/lib/horizon-agent")
    machine.run("chown -R horizon-agent: /var/lib/horizon-agent")
    machine.run('xen-bridge authorize "$(horizonctl xen identity | tail -n 1)" controller')
    for name, user in SERVICES.items():
        machine.run(f"systemctl start {name} || journalctl --no-pager -u {name} >&2")
        try:
            wait_until(lambda: _runs(machine, name), 60, f"{name} runs")  # noqa: B023
        except AssertionError as error:
            status = machine.run(f"journalctl --no-pager -n 20 -u {name}", check=False)
            raise AssertionError(f"{error}\n{status}") from error
        pid = machine.run(f"systemctl show -P MainPID {name}").strip()
        owner = machine.run(f"ps -o user:20= -p {pid}").strip()
        if owner != user:
            raise AssertionError(f"{name} is run by {owner}, not by {user}")
        machine.run(f"systemd-analyze verify {name}.service")
        exposure = _exposure(machine, name)
        if exposure > EXPOSURE.get(name, 2.5):
            raise AssertionError(f"{name}: systemd-analyze security says {exposure}")
        _say(f"{name}: runs as {owner}, exposure {exposure} of 10")
    _they_answer(machine)


def _runs(machine: DebianMachine, name: str) -> bool:
    state = machine.run(f"systemctl is-active {name}", check=False).strip()
    if state in ("failed", "inactive"):
        raise AssertionError(f"{name} is {state}")
    return state == "active"


def _exposure(machine: DebianMachine, name: str) -> float:
    told = machine.run(f"systemd-analyze security --no-pager {name}.service", check=False)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
    if found is None:
        raise AssertionError(told)
    return float(found[1])


def _they_answer(machine: DebianMachine) -> None:
    """Use them: a slice is made, a router is made and measured, the bridge knows its host."""
    slicer = "HORIZON_URL=http://127.0.0.1:8090 horizonctl"
    listed = f"{slicer} -o json slices list"
    wait_until(lambda: "slices" in machine.run(listed, False), 60, "the slicer")
    machine.run(f"{slicer} slices create red -c tcp:127.0.0.1:7001 --rule 'ports=1 dl_vlan=10-20'")
    machine.run('horizonctl xen add one https://127.0.0.1:7443 "$(xen-bridge node-pk)"')
    machine.run("horizonctl xen create one r1")
    domains = json.loads(machine.run("horizonctl -o json xen domains one"))
    names = [domain["name"] for domain in domains]
    if "r1" not in names or "hz-" not in machine.run("ip netns list"):
        raise AssertionError(f"no router in {names}")
    machine.run("systemctl restart horizon-bridge horizon-controller")
    wait_until(
        lambda: "r1" in machine.run("horizonctl xen domains one", check=False), 60, "it is kept"
    )
    _say("a slice and a router are made; after a restart the router is there")


def the_removal(machine: DebianMachine) -> None:
    """Remove it: nothing of it goes on, and what it was told is kept until it is purged."""
    machine.run("horizonctl xen delete one r1")
    machine.run("apt-get remove --yes horizon")
    left = machine.run("pgrep --list-full --full /usr/lib/horizon", check=False)
    left = "\n".join(line for line in left.splitlines() if "pgrep" not in line)
    if left:
        raise AssertionError(f"goes on: {left}")
    machine.run("test -f /var/lib/horizon/horizon.sqlite && test -f /etc/horizon/horizon.conf")
    machine.run("apt-get purge --yes horizon")
    machine.run("test ! -e /var/lib/horizon && test ! -e /usr/lib/horizon")
    _say("removed, and purged")


def _say(step: str) -> None:
    print(f"==> {step}", flush=True)


if __name__ == "__main__":
    carry_out(main)
