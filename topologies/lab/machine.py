"""One emulated machine: started, waited for, spoken to by ssh, switched off."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.work_clock import WorkClock
from topologies.lab.monitor import Monitor
from topologies.lab.places import HOSTS, Places
from topologies.lab.steps import LabError, run, wait_until

SNAPSHOT = "ready"
BOOT_SECONDS = 300.0
"""Of its own work: twenty seconds on an idle machine."""
RESTORE_SECONDS = 120.0
"""Of its own work: three seconds on an idle machine."""
MAX_SOCKET_PATH = 100
MEMORY_MB, DOM0_MB = 1280, 480
NICENESS = -10
LANS = ("lan0", "lan1")
"""Bridges of a host that are for virtual routers; a cable leads from each out of the machine."""
KERNEL_ARGUMENTS = (
    "console=hvc0 quiet mitigations=off cryptomgr.notests=1 rodata=off "
    "initcall_blacklist=load_system_certificate_list initcall_blacklist=crypto_kdf108_init "
    "initcall_blacklist=init_kprobe_trace"
)
"""Of hosts and guests: what a kernel proves to itself while it starts takes a third of that time.

No commas: for QEMU they end one file of a host's and begin the next.
"""
# No SMAP, which breaks the return to a paravirtual Domain 0 in QEMU 7.2; an Intel model, since
# libvirt does not know an AMD one without SEP.
CPU = "Nehalem,+fsgsbase"
# A queue for each CPU: in a common one, what Domain 0 uses bends the shares on the other CPU.
XEN_OPTIONS = (
    f"com1=115200,8n1 console=com1 dom0_mem={DOM0_MB}M,max:{DOM0_MB}M dom0_max_vcpus=1 "
    "dom0_vcpus_pin credit2_runqueue=cpu loglvl=warning spec-ctrl=no xpti=no"
)


@dataclass(frozen=True, slots=True)
class ForwardedPorts:
    """Where a machine is reached, on loopback."""

    ssh: int
    bridge: int
    libvirt: int
    libvirt_tls: int


@dataclass(frozen=True, slots=True)
class Machine:
    """A host of the lab; ``folder`` holds its disk, its log and its process id."""

    places: Places
    folder: Path
    name: str
    ports: ForwardedPorts
    scheduler: str

    @property
    def number(self) -> int:
        """1 or 2."""
        return HOSTS.index(self.name) + 1

    def _file(self, kind: str) -> Path:
        return self.folder / f"{self.name}.{kind}"

    @property
    def cables(self) -> tuple[str, ...]:
        """The outer ends of the cables of :data:`LANS`: links of whoever started it, and down."""
        return tuple(f"hzc{self.ports.ssh}.{number}" for number in range(len(LANS)))

    @property
    def console(self) -> str:
        """What its console showed."""
        try:
            return self._file("console").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    # ---- power

    def has_snapshot(self) -> bool:
        """Tell whether it can start from where it was ready."""
        disk = self._file("qcow2")
        return disk.exists() and SNAPSHOT in run(
            self.places, ("qemu-img", "snapshot", "-l", str(disk))
        )

    def start(self, from_snapshot: bool) -> None:
        """Switch it on: from where it was ready, or from a fresh disk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if len(str(self._file("wire"))) > MAX_SOCKET_PATH:
            raise LabError(f"{self.folder}: too long a path for sockets; move the project")
        if not from_snapshot:
            self._file("qcow2").unlink(missing_ok=True)
            backing = ("-b", str(self.places.image), "-F", "raw", str(self._file("qcow2")))
            run(self.places, ("qemu-img", "create", "-q", "-f", "qcow2", *backing))
        self._file("console").write_text("", encoding="utf-8")
        with self._file("qemu.log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                self._command(from_snapshot), stdout=log, stderr=log, start_new_session=True
            )
        # Where sessions share the machine, as this one is, that of a process counts within it only.
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/autogroup").write_text(str(NICENESS), encoding="ascii")
        self._file("pid").write_text(str(process.pid), encoding="ascii")
        # For a moment a program that has just begun has no command line to be known by.
        wait_until(
            lambda: f"{self.name} hangs" if self.pid is None and process.poll() is None else "",
            10.0,
        )

    def _command(self, from_snapshot: bool) -> list[str]:
        ports, mac = self.ports, f"52:54:00:00:{{}}:0{self.number}"
        forwards = ",".join(
            f"hostfwd=tcp:127.0.0.1:{outside}-:{inside}"
            for outside, inside in (
                (ports.ssh, 22),
                (ports.bridge, 7443),
                (ports.libvirt, 16509),
                (ports.libvirt_tls, 16514),
            )
        )
        wire = self._file("wire")
        far = self.folder / f"{HOSTS[2 - self.number]}.wire"
        dom0 = f"{KERNEL_ARGUMENTS} net.ifnames=0 horizon.host={self.number}"
        command = [
            # It loses time that it does not get; guests' and toolstack's clocks go wrong by that.
            *("nice", "-n", str(NICENESS)),
            # More room for translated code spares emptying it, and costs a fifth more at each boot.
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=256"),
            *("-M", "q35", "-cpu", CPU, "-smp", "2", "-m", str(MEMORY_MB)),
            *("-nodefaults", "-display", "none", "-no-reboot"),
            *("-serial", f"file:{self._file('console')}"),
            *("-qmp", f"unix:{self._file('qmp')},server=on,wait=off"),
            *("-kernel", str(self.places.hypervisor)),
            *("-append", f"{XEN_OPTIONS} sched={self.scheduler}"),
            *("-initrd", f"{self.places.kernel} {dom0},{self.places.initramfs}"),
            *("-drive", f"file={self._file('qcow2')},format=qcow2,if=none,id=own,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=own"),
            *("-drive", f"file={self.places.image},format=raw,if=none,id=guests,readonly=on"),
            *("-device", "virtio-blk-pci,drive=guests"),
            *("-netdev", f"user,id=outside,restrict=on,{forwards}"),
            *("-device", f"virtio-net-pci,netdev=outside,mac={mac.format('00')}"),
            *("-netdev", f"dgram,id=wire,{_end('local', wire)},{_end('remote', far)}"),
            *("-device", f"virtio-net-pci,netdev=wire,mac={mac.format('01')}"),
        ]
        for number, cable in enumerate(self.cables, 2):
            end = f"tap,id=lan{number},ifname={cable},script=no,downscript=no"
            card = f"virtio-net-pci,netdev=lan{number},mac={mac.format(f'{number:02}')}"
            command += ["-netdev", end, "-device", card]
        return [*command, "-loadvm", SNAPSHOT] if from_snapshot else command

    def save(self) -> None:
        """Note how it is now, to start from there another time."""
        with Monitor(self._file("qmp")) as monitor:
            monitor.human(f"savevm {SNAPSHOT}")

    @property
    def pid(self) -> int | None:
        """The process of the machine; None if it is off."""
        try:
            pid = int(self._file("pid").read_text(encoding="ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if b"qemu-system" in command and str(self.folder).encode() in command else None

    def power_off(self) -> None:
        """Switch it off, as if its plug were pulled."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            wait_until(lambda: "" if self.pid is None else f"{self.name} does not end", 10.0)
        self._file("pid").unlink(missing_ok=True)
        subprocess.run(
            (*self._ssh(), "-O", "exit", "lab"), capture_output=True, check=False, timeout=10
        )

    def wait_ready(self, said: str = "HORIZON-LAB READY", seconds: float = BOOT_SECONDS) -> None:
        """Return when it is up; LabError, with the end of its console, if that fails."""

        def problem() -> str:
            if self.pid is None:
                raise LabError(f"{self.name} ended: {self._ended_with()}")
            console = self.console
            if "HORIZON-LAB FAILED" in console:
                raise LabError(f"{self.name} does not start: {console.strip()[-500:]}")
            return "" if said in console else f"{self.name} is not up"

        wait_until(problem, seconds, clock=self._work())

    def keeps_time(self, seconds: float = 2.0) -> bool:
        """Tell whether its clock goes as fast as this machine's, within a quarter.

        Xen measures its processor while it starts: on a machine that was too busy at that moment
        the clock of all that runs on it goes many times too slow, or too fast, from then on.
        """
        began = time.monotonic()
        first = float(self.run("cut -d' ' -f1 /proc/uptime"))
        between = time.monotonic()
        time.sleep(seconds)
        ending = time.monotonic()
        passed = float(self.run("cut -d' ' -f1 /proc/uptime")) - first
        return 0.75 * (ending - between) <= passed <= 1.25 * (time.monotonic() - began)

    def _work(self) -> WorkClock:
        """Return what counts how long the machine has worked, however busy this one is."""
        return WorkClock(lambda: () if self.pid is None else (self.pid,))

    def wait_restored(self, seconds: float = RESTORE_SECONDS) -> None:
        """Return when it goes on from its snapshot, with this machine's time."""

        def problem() -> str:
            if self.pid is None:
                raise LabError(f"{self.name} ended: {self._ended_with()}")
            try:
                # A snapshot's clock stands still.
                self.run(f"date -s @{time.time():.0f} >/dev/null", seconds=20)
            except LabError as error:
                return f"{self.name} does not go on: {error}"
            return ""

        wait_until(problem, seconds, clock=self._work())

    def _ended_with(self) -> str:
        log = self._file("qemu.log").read_text(encoding="utf-8", errors="replace")
        return log.strip()[-500:] or self.console[-500:]

    # ---- inside

    def _ssh(self) -> tuple[str, ...]:
        options = (
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "ControlMaster=auto",
            f"ControlPath={self._file('ssh')}",
            "ControlPersist=600",
            "ConnectTimeout=60",
        )
        flags = (word for option in options for word in ("-o", option))
        key = str(self.places.ssh_key)
        return ("ssh", "-q", *flags, "-i", key, "-l", "root", "-p", str(self.ports.ssh))

    def run(self, command: str, seconds: float = 120.0, check: bool = True) -> str:
        """Run a shell command in Domain 0, return what it wrote; LabError if it fails."""
        try:
            done = subprocess.run(
                (*self._ssh(), "127.0.0.1", command),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{self.name}: {command[:80]!r} did not end in {seconds:g} s") from error
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise LabError(f"{self.name}: {command[:80]!r} failed: {said[-400:]}")
        return done.stdout

    @contextlib.contextmanager
    def lent(self, inside: int, outside: int) -> Iterator[None]:
        """Have a port of Domain 0's loopback lead to one of this machine's, by ssh."""
        way = ("-R", f"127.0.0.1:{inside}:127.0.0.1:{outside}")
        self.run("true")  # there is a connection that the way is added to
        run(self.places, (*self._ssh(), "-O", "forward", *way, "lab"))
        try:
            yield
        finally:
            # It is gone with the connection, if the machine was switched off meanwhile.
            with contextlib.suppress(LabError):
                run(self.places, (*self._ssh(), "-O", "cancel", *way, "lab"))

    def reaches(self, address: str, port: int, tries: int = 20) -> bool:
        """Tell whether something listens there, within about ``tries`` seconds.

        Domain 0 itself tries again and again: an ssh session each time would cost more than that.
        """
        probe = f"nc -z -w 2 {address} {port} && echo there && break; sleep 1"
        return "there" in self.run(f"for _ in $(seq {tries}); do {probe}; done", 600.0, False)

    def run_in_guest(self, address: str, command: str, seconds: float = 60.0) -> str:
        """Run a shell command in a guest, return what it wrote."""
        quoted = shlex.quote(command)
        return self.run(f"printf '%s\\nexit\\n' {quoted} | nc -w 60 {address} 2323", seconds)


def _end(which: str, path: Path) -> str:
    """Return one end of the wire: local datagrams wait for room, and need no connection.

    So either machine may be switched off and on, and nothing is lost between them.
    """
    return f"{which}.type=unix,{which}.path={path}"
