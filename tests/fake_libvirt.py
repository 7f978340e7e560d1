"""A Xen host behind a stand-in for libvirt, whose domains can be read one worse than the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libvirt

from xen_bridge.dom0.hypervisor.xen_hypervisor import XenHypervisor

XML = """<domain type='xen'><name>{name}</name><uuid>{uuid}</uuid>
<vcpu placement='static' current='1'>2</vcpu><devices>
<interface type='bridge'><mac address='00:16:3e:00:00:11'/><source bridge='xenbr0'/>
<target dev='vif{number}.0'/></interface>
<hostdev type='pci'><source><address domain='0' bus='3' slot='0' function='{number}'/></source>
</hostdev></devices></domain>"""


def refusal(code: int = libvirt.VIR_ERR_INTERNAL_ERROR, text: str = "libxl failed") -> Exception:
    """Return the error that libvirt raises."""
    error = libvirt.libvirtError(text)
    error.err = (code, 0, text, 2, "", "", "", 0, 0)
    return error


NO_DOMAIN = refusal(libvirt.VIR_ERR_NO_DOMAIN, "Domain not found")


class SickDomain:
    """A running domain; ``sick`` has the calls that fail, each with what it raises."""

    def __init__(self, name: str, number: int) -> None:
        self.number = number
        self.uuid = f"00000000-0000-0000-0000-00000000000{number}"
        self.parameters: dict[str, int] = {"weight": 256, "cap": 0}
        self.sick: dict[str, Exception] = {}
        self.answers: dict[str, Any] = {
            "name": name,
            "UUIDString": self.uuid,
            "ID": number,
            "XMLDesc": XML.format(name=name, uuid=self.uuid, number=number),
            "info": [1, 131072, 131072, 1, 5_000_000_000],
            "isActive": 1,
            "isPersistent": 1,
            "autostart": 0,
            "schedulerParameters": self.parameters,
            "schedulerType": ("credit2", 2),
            "interfaceStats": (10, 1, 0, 0, 20, 2, 0, 0),
        }

    def __getattr__(self, call: str) -> Any:
        def answered(*_args: object) -> Any:
            if call in self.sick:
                raise self.sick[call]
            return self.answers[call]

        return answered

    def setSchedulerParameters(self, wanted: dict[str, int]) -> None:
        if "setSchedulerParameters" in self.sick:
            raise self.sick["setSchedulerParameters"]
        self.parameters.update(wanted)


class SickConnection:
    """A connection to a host with three domains."""

    def __init__(self) -> None:
        self.domains = [SickDomain("Domain-0", 0), SickDomain("healthy", 1), SickDomain("sick", 2)]
        self.gone: set[str] = set()

    def __getattr__(self, call: str) -> Any:
        fixed = {
            "isAlive": 1,
            "getInfo": ["x86_64", 1023, 2, 2596, 1, 1, 2, 1],
            "getVersion": 4017005,
            "getHostname": "xen2",
            "getType": "Xen",
            "getFreeMemory": 253820928,
        }
        return lambda *_args: fixed[call]

    def listAllDomains(self, *_flags: int) -> list[SickDomain]:
        return list(self.domains)

    def _lookup(self, wanted: object) -> SickDomain:
        for domain in self.domains:
            known = (domain.number, domain.uuid, domain.answers["name"])
            if wanted in known and domain.uuid not in self.gone:
                return domain
        raise NO_DOMAIN

    lookupByID = lookupByName = lookupByUUIDString = _lookup


class SickXen(XenHypervisor):
    """XenHypervisor over that connection; ``xl`` is what xl writes, or raises."""

    def __init__(self) -> None:
        super().__init__("xen:///system", self._xl_says)
        self.fake = SickConnection()
        self.xl: str | Exception = ""
        self.xl_each: dict[str, str] = {}
        """What single commands of xl write instead."""
        self.commands: list[tuple[str, ...]] = []

    @property
    def sick(self) -> SickDomain:
        """The domain to be made sick."""
        return self.fake.domains[2]

    def _xl_says(self, command: Sequence[str]) -> str:
        self.commands.append(tuple(command))
        if command[1] in self.xl_each:
            return self.xl_each[command[1]]
        if isinstance(self.xl, Exception):
            raise self.xl
        return self.xl

    def connection(self) -> Any:
        return self.fake
