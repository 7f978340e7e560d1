"""``xl`` answers garbage, without end, as an old one did, or in another tongue."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from pathlib import Path

import pytest

pytest.importorskip("libvirt")

from fake_libvirt import SickXen
from xen_bridge import child_command
from xen_bridge.child_command import ChildCommand
from xen_bridge.dom0.hypervisor import xl
from xen_bridge.dom0.hypervisor.memory_host import MemoryWorld
from xen_bridge.dom0.hypervisor.xl_tables import (
    read_cpu_list,
    read_list,
    read_shares,
    read_vcpu_list,
)
from xen_bridge.errors import HypervisorError
from xen_bridge.gatherers import xentop
from xen_bridge.protocol.documents.domains import VcpuPins
from xen_bridge.virtual_management import PhysicalHost

HEAD = "Name ID VCPU CPU State Time(s) Affinity (Hard / Soft)\n"
UUID = "ddec06c5-97ef-4f76-ba52-28c06c1c9f93"
DIGITS = "9" * 5000
GARBAGE = (
    f"a {DIGITS} 0 0 -b- 1.0 all / all",
    f"a 1 {DIGITS} 0 -b- 1.0 all / all",
    f"a 1 0 {DIGITS} -b- 1.0 all / all",
    f"a 1 0 0 -b- {DIGITS} all / all",
    "a ² 0 0 -b- 1.0 all / all",
    "a 1 0 0 -b- 1,0 all / all",
    "a" + " " * 1_000_000,
    "a" * 1_000_000,
    "a 1" * 10_000,
    "\x00\ufffd" * 1000,
)


@pytest.mark.parametrize("row", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_passed_over_and_the_rows_beside_it_are_told(row: str) -> None:
    xen = SickXen()
    good = "healthy 1 0 1 -b- 1.0 1 / all"
    xen.xl_each = {"vcpu-list": f"{HEAD}{row}\n{good}\n", "list": f"{row}\n", "info": row}
    host = PhysicalHost("xen:///system", xen)
    assert [one.domain for one in host.vcpu_list()] == ["healthy"]
    told = {one.name: one.vcpus.affinity for one in host.domains()}
    assert told["healthy"] == (VcpuPins((1,)),)
    assert list(read_list(row)) == []
    assert read_shares(row) == {}


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("all", (0, 1, 2, 3)),
        ("any cpu", (0, 1, 2, 3)),
        ("none", ()),
        ("0,2,4,6", (0, 2, 4, 6)),
        ("0-1,64-66,4000", (0, 1, 64, 65, 66, 4000)),
        ("5-2", ()),
        (f"1,{DIGITS},0-{DIGITS},3", (1, 3)),
        ("1,²,3", (1, 3)),
        ("node:0", ()),
    ],
)
def test_lists_of_cpus(text: str, cpus: tuple[int, ...]) -> None:
    assert read_cpu_list(text, 4) == cpus


def test_every_other_of_4096_cpus() -> None:
    numbers = tuple(range(0, 4096, 2))
    written = ",".join(map(str, numbers))
    (row,) = read_vcpu_list(f"{HEAD}big 1 0 0 -b- 1.0 {written} / {written}\n", 4096)
    assert row.affinity == numbers


def test_an_old_xl_says_any_cpu() -> None:
    (row,) = read_vcpu_list(
        "Name ID VCPU CPU State Time(s) CPU Affinity\nr1 1 0 1 -b- 5.3 any cpu\n", 2
    )
    assert row.affinity == (0, 1)


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0b", "\x1c", "\r"])
def test_no_name_can_pass_for_the_row_of_another(end: str) -> None:
    listed = f"a{end}Domain-9 5 512 2 r----- 1.0 {UUID} - -\n"
    (one,) = read_list(listed)
    assert one.name == f"a{end}Domain-9"
    (vcpu,) = read_vcpu_list(f"a{end}healthy 5 0 1 -b- 1.0 1 / all\n", 2)
    assert vcpu.domain == f"a{end}healthy"


def test_a_command_that_writes_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_command, "MAX_OUTPUT", 100_000)
    for stream in ("stdout", "stderr"):
        script = f"import sys\nwhile True: sys.{stream}.write('x' * 4096)"
        with pytest.raises(HypervisorError, match="more than 100000 bytes"):
            ChildCommand().run([sys.executable, "-c", script], 60, {})


def test_a_command_that_writes_much_is_read_whole() -> None:
    script = (
        "import sys; sys.stdout.write('o' * 300000); sys.stderr.write('e' * 300000); sys.exit(3)"
    )
    done = ChildCommand().run([sys.executable, "-c", script], 60, {})
    assert (done.returncode, len(done.stdout), len(done.stderr)) == (3, 300_000, 300_000)


def test_commands_speak_one_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "xl"
    place.write_text("#!/bin/sh\necho $LC_ALL\n")
    place.chmod(stat.S_IRWXU)
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert xl.run_here([str(place), "info"]) == "C\n"
    # Runs its last word by a shell, as sshd does.
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nfor last; do :; done; unset LC_ALL; exec sh -c "$last"\n')
    ssh.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert xl.run_over_ssh("root@xen2")(["xl", "info"]) == "C\n"


def test_whatever_shell_is_at_the_other_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Assignments before a command, and colons behind a variable, are no words of csh."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nfor last; do :; done; printf "%s" "$last"\n')
    ssh.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    sent = xl.run_over_ssh("host")(("xl", "vcpu-list", "it's a name"))
    shell, option, _, _, *command = shlex.split(sent)
    assert (shell, option) == ("sh", "-c")
    assert command == ["xl", "vcpu-list", "it's a name"]


def test_xentop_is_found_where_such_commands_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "xentop"
    tool.write_text("#!/bin/sh\nexit 1\n")
    tool.chmod(stat.S_IRWXU)
    monkeypatch.setattr(xentop, "SBIN", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    memory = MemoryWorld().host("a")
    assert xentop.xentop_source(memory, "xen:///system")._tool is not None
    assert xentop.xentop_source(memory, "xen+ssh://other/system")._tool is None
