"""The whole lab for programs: built, started, stopped."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from topologies.lab import bridge, image, root
from topologies.lab.keys import CONTROLLER, guest_address
from topologies.lab.machine import KERNEL_ARGUMENTS, LANS, ForwardedPorts, Machine
from topologies.lab.places import GUESTS, HOSTS, Places
from topologies.lab.steps import LabError, wait_until
from xen_bridge.client import BridgeClient
from xen_bridge.errors import BridgeError
from xen_bridge.protocol.documents.domains import CreateDomain, NewDisk, NewInterface
from xen_bridge.protocol.documents.summary import GetSummary
from xen_bridge.trust.identity import Identity

Say = Callable[[str], None]
SCHEDULERS = {"xen1": "credit2", "xen2": "credit"}
"""Both kinds are there to be tried."""
DEFAULT_PORTS = 17440
GUEST_MEMORY_KB = 192 * 1024
STARTS = 3
"""How often a host is started at most until its clock goes right."""
AGENT_SECONDS = 600.0
"""For a guest to boot and its agent to answer: fifteen where it is fast, a hundred where slow."""
AGENT_PAUSE = 5.0
"""Between two questions to an agent: each takes from a guest that is starting, on the same CPUs."""


def build(places: Places, say: Say) -> None:
    """Build what is missing or out of date; LabError if it cannot."""
    places.folder.mkdir(parents=True, exist_ok=True)
    with _locked(places):
        places.log.write_text("", encoding="utf-8")
        for what, make in (
            ("Domain 0 from Debian's packages (about a minute)", root.make),
            ("libraries of xen_bridge", bridge.make_libraries),
            ("disk image", image.make),
        ):
            say(f"{what} …")
            made = make(places)
            say(f"{what}: {'made' if made else 'there already'}")


@contextmanager
def _locked(places: Places) -> Iterator[None]:
    """Have others wait that build the same."""
    with (places.folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@dataclass
class XenLab:
    """Two hosts; ``name`` and ``first_port`` keep several labs apart.

    ``guests`` are the virtual routers that each host has from the beginning. Use it as a context:
    the hosts are switched off at the end, whatever happened.
    """

    places: Places = field(default_factory=Places)
    name: str = "lab"
    first_port: int = DEFAULT_PORTS
    guests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def machine(self, host: str) -> Machine:
        """Return a host, xen1 or xen2."""
        base = self.first_port + 1 + HOSTS.index(host)
        ports = ForwardedPorts(
            ssh=base + 10, bridge=base + 2, libvirt=base + 20, libvirt_tls=base + 30
        )
        return Machine(self.places, self.places.instance(self.name), host, ports, SCHEDULERS[host])

    @property
    def machines(self) -> tuple[Machine, ...]:
        """Both hosts."""
        return tuple(self.machine(host) for host in HOSTS)

    def start(self, say: Say) -> None:
        """Build what is missing, start both hosts, return when both answer."""
        if any(machine.pid is not None for machine in self.machines):
            raise LabError("the lab runs already (make xen-lab-stop)")
        build(self.places, say)
        restored = self._is_current() and all(one.has_snapshot() for one in self.machines)
        say("starting two Xen hosts" + (" from their snapshots …" if restored else " …"))
        try:
            if restored:
                self._restore()
            else:
                self._boot(say)
        except BaseException:
            self.stop()
            raise
        for machine in self.machines:
            say(f"{machine.name} is ready: {self.url(machine.name)}")

    def _boot(self, say: Say) -> None:
        shutil.rmtree(self.places.instance(self.name), ignore_errors=True)
        for machine in self.machines:
            machine.start(from_snapshot=False)
        for machine in self.machines:
            self._have_ready(machine, say)
        self._make_guests(say)
        say("saving snapshots …")
        for machine in self.machines:
            machine.save()
        made_from = self.places.made_from("image").read_text(encoding="ascii")
        self._stamp.write_text(made_from, encoding="ascii")

    @staticmethod
    def _have_ready(machine: Machine, say: Say) -> None:
        """Return when a host is up that was started, and its clock goes right.

        On a machine that is too busy at that moment Xen finds no timer, or a wrong processor.
        """
        for again in reversed(range(STARTS)):
            try:
                machine.wait_ready()
                if machine.keeps_time():
                    return
                raise LabError(f"the clock of {machine.name} goes wrong")
            except LabError as error:
                if not again:
                    raise
                say(f"{str(error)[:60]}: it is started again …")
            machine.power_off()
            machine.start(from_snapshot=False)

    def _make_guests(self, say: Say) -> None:
        """Instantiate the guests; when this returns, the agent in each answers."""
        for host, names in self.guests.items():
            for name in names:
                say(f"virtual router {name} on {host} …")
                self.client(host).ask(guest(name))
        for host, names in self.guests.items():
            for name in names:
                self._wait_for_agent(host, name)

    def _wait_for_agent(self, host: str, name: str) -> None:
        asking = self.client(host)

        def problem() -> str:
            try:
                asking.ask(GetSummary(0.05), router=name)
            except BridgeError as error:
                return f"the agent of {name} does not answer: {error}"
            return ""

        wait_until(problem, AGENT_SECONDS, pause=AGENT_PAUSE)

    def _restore(self) -> None:
        for machine in self.machines:
            machine.start(from_snapshot=True)
        for machine in self.machines:
            machine.wait_restored()

    def _is_current(self) -> bool:
        try:
            saved = self._stamp.read_text(encoding="ascii")
        except FileNotFoundError:
            return False
        return saved == self.places.made_from("image").read_text(encoding="ascii")

    @property
    def _stamp(self) -> Path:
        return self.places.instance(self.name) / "made-from"

    def stop(self) -> None:
        """Switch both hosts off."""
        for machine in self.machines:
            machine.power_off()

    def __enter__(self) -> XenLab:
        """Return the lab itself; :meth:`start` starts it."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Switch the hosts off."""
        self.stop()

    # ---- what is in it

    def url(self, host: str) -> str:
        """Return where a host's service is reached."""
        return f"https://127.0.0.1:{self.machine(host).ports.bridge}"

    def client(self, host: str) -> BridgeClient:
        """Return what asks a host, as the lab's controller."""
        return BridgeClient(
            self.url(host), self.identity(host).node_pk, self.identity(), AGENT_SECONDS
        )

    def identity(self, name: str = CONTROLLER) -> Identity:
        """Return the key of the controller, or of another node."""
        return Identity.load(self.places.keys / name)


def guest(
    name: str,
    memory_kb: int = GUEST_MEMORY_KB,
    max_vcpus: int = 2,
    lans: tuple[str, ...] = (),
) -> CreateDomain:
    """Return what to ask a host for to have the guest ``name`` (r1 to r4): a virtual router.

    ``lans``: its addresses, with prefix lengths, in the first bridges of LANS.
    """
    if name not in GUESTS:
        raise LabError(f"the lab knows the guests {', '.join(GUESTS)}")
    address, number = guest_address(name), 11 + GUESTS.index(name)
    bridges = ("xenbr0", *LANS[: len(lans)])
    routes = f" horizon.lans={','.join(lans)}" if lans else ""
    return CreateDomain(
        name,
        memory_kb=memory_kb,
        vcpus=1,
        max_vcpus=max_vcpus,
        kernel=f"/{image.GUEST_FILES}/vmlinux",
        ramdisk=f"/{image.GUEST_FILES}/initramfs",
        arguments=f"{KERNEL_ARGUMENTS} horizon.name={name} horizon.address={address}{routes}",
        interfaces=tuple(
            NewInterface(bridge, f"00:16:3e:77:{card:02x}:{number:02x}")
            for card, bridge in enumerate(bridges)
        ),
        disks=(NewDisk("/dev/vdb", "xvda", read_only=True),),
    )
