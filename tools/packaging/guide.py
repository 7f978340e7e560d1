"""Guide to production: its lines of shell, typed in a machine where the package is installed.

They are read from the page itself, so what it shows is what is tried.
"""

from __future__ import annotations

import json
from pathlib import Path

from tools.docs.blocks import blocks
from tools.packaging.machine import DebianMachine
from tools.packaging.python_archives import PROJECT
from tools.waiting import wait_until

GUIDE = PROJECT / "docs" / "guides" / "production.rst"
CONFIGURATION = "/etc/horizon/horizon.conf"
STORE = "/var/lib/horizon/horizon.sqlite"
OLDEST = "0001"
"""The schema that an old store is made with."""
_OLD_STORE = f"""
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from pathlib import Path
import horizon_ryu

config = Config()
place = Path(horizon_ryu.__file__).parent / "schema_versions"
config.set_main_option("script_location", str(place))
with sa.create_engine("sqlite:///{STORE}").begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, "{OLDEST}")
    connection.execute(
        sa.text("INSERT INTO networks (name, definition) VALUES ('old', 'vlan:5')")
    )
"""


def typed(machine: DebianMachine, mark: str) -> str:
    """Type the one block of shell in which ``mark`` stands; what it printed."""
    (block,) = (one for one in blocks(GUIDE) if one.language == "" and mark in one.text)
    return machine.run(f"set -e; cd /root\n{block.text}")


def the_guide(machine: DebianMachine, package: Path) -> None:
    """Type what the guide has of the store, an upgrade, TLS and tokens."""
    the_store(machine)
    the_upgrade(machine, package)
    typed(machine, "kill --kill-whom=all")
    wait_until(lambda: _is_active(machine, "horizon-slicer"), 60, "the slicer runs again")
    openflow_over_tls(machine)
    the_tokens(machine)
    print("==> what the guide to production shows was typed", flush=True)


def the_store(machine: DebianMachine) -> None:
    """Keep a copy, and go back to it: what was made afterwards is gone."""
    machine.run("horizonctl networks add kept vlan:7")
    typed(machine, '/var/backups/horizon.sqlite"')
    machine.run("horizonctl networks add later vlan:8")
    typed(machine, "horizon.sqlite-wal")
    _expect_networks(machine, {"kept"})


def the_upgrade(machine: DebianMachine, package: Path) -> None:
    """Install a newer package over this one, whose store an old version wrote."""
    machine.run(f"sqlite3 {STORE} '.backup /root/mine.sqlite'")
    machine.run(f"systemctl stop horizon-controller; rm -f {STORE}*")
    machine.run(f"/usr/lib/horizon/bin/python3 - <<'END'\n{_OLD_STORE}\nEND")
    machine.run(f"chown horizon: {STORE}; chmod 600 {STORE}")
    machine.run(
        f"cd /root && dpkg-deb -R {package.name} newer && rm {package.name}"
        " && sed -i 's/^Version: .*/&+1/' newer/DEBIAN/control"
        " && dpkg-deb -b -Znone newer horizon_next.deb && rm -r newer"
    )
    typed(machine, "apt-get install --yes ./horizon_")
    _expect_networks(machine, {"old"})
    if "+1" not in machine.run("dpkg-query -W horizon"):
        raise AssertionError("the newer package is not installed")
    machine.run(f"systemctl stop horizon-controller; rm -f {STORE}*")
    machine.run(f"install -o horizon -g horizon -m 0600 /root/mine.sqlite {STORE}")
    machine.run("systemctl start horizon-controller")
    _expect_networks(machine, {"kept"})


def openflow_over_tls(machine: DebianMachine) -> None:
    """Have a switch connect with its certificate, and go back to plain OpenFlow."""
    typed(machine, "openssl req -x509")
    typed(machine, "controller.key controller.pem")
    (shown,) = (one for one in blocks(GUIDE) if "ctl_privkey" in one.text)
    machine.run(f"cp {CONFIGURATION} /root/before.conf")
    # The switches here have dpids of their own.
    lines = "\n".join(line for line in shown.lines if "allowed_dpids" not in line)
    machine.run(f"cat >> {CONFIGURATION} <<'END'\n{lines}\nEND")
    machine.run(f"horizonctl check-config {CONFIGURATION} && systemctl restart horizon-controller")
    typed(machine, "ovs-vsctl set-ssl")
    wait_until(
        lambda: "true" in machine.run("ovs-vsctl --no-headings --columns=is_connected"
                                      " find controller target='\"ssl:127.0.0.1:6653\"'"),
        60, "the switch is connected over TLS",
    )  # fmt: skip
    machine.run(f"cp /root/before.conf {CONFIGURATION}")
    machine.run("ovs-vsctl set-controller s1 tcp:127.0.0.1:6653")
    machine.run("systemctl restart horizon-controller")


def the_tokens(machine: DebianMachine) -> None:
    """Ask for tokens, and take a second file of them while the controller runs."""
    typed(machine, "openssl rand -hex 24")
    machine.run(f"sed -i.before 's/^# tokens_file/tokens_file/' {CONFIGURATION}")
    machine.run("systemctl restart horizon-controller")
    asked = "HORIZON_TOKEN=$(cut -d' ' -f2 /etc/horizon/tokens) horizonctl -o json topology"
    _until_json(machine, asked, "the token opens")
    if "token" not in machine.run("horizonctl topology", check=False):
        raise AssertionError("nobody asks for a token")
    typed(machine, "openssl rand -hex 24")
    _until_json(machine, asked, "another token opens once it is read")
    machine.run(f"mv {CONFIGURATION}.before {CONFIGURATION}")
    machine.run("systemctl restart horizon-controller")
    _until_json(machine, "horizonctl -o json topology", "it is as before")


def _until_json(machine: DebianMachine, command: str, what: str) -> None:
    wait_until(lambda: machine.run(command, check=False).startswith(("{", "[")), 60, what)


def _expect_networks(machine: DebianMachine, wanted: set[str]) -> None:
    def is_so() -> bool:
        printed = machine.run("horizonctl -o json networks list", check=False)
        if not printed.startswith(("{", "[")):
            return False
        told = json.loads(printed)
        listed = told["networks"] if isinstance(told, dict) else told
        return {one["name"] for one in listed} == wanted

    wait_until(is_so, 60, f"the networks {', '.join(sorted(wanted))}")


def _is_active(machine: DebianMachine, name: str) -> bool:
    return machine.run(f"systemctl is-active {name}", check=False).strip() == "active"
