"""Devices that domains may be given, and the queues of their interfaces (report 2.5)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.http.problem import CONFLICT
from horizon_ryu.http.resource import Call, PathParameter, Resource, operation, resources_of
from horizon_ryu.rest.model import Model, optional
from horizon_ryu.rest.xen_hosts import TAG
from horizon_ryu.rest.xen_models import ASKING, HOST, MacAddress
from horizon_ryu.xen_hosts.hosts import XenHosts
from xen_bridge.protocol.documents import devices as bridge
from xen_bridge.protocol.documents.domains import DOMAIN

ADDRESS = PathParameter(f"^{bridge.ADDRESS}$", "A PCI address, as 0000:03:00.1")


class DevicesModel(Model):
    """What can be given to domains, and the queues of their interfaces.

    ``unknown`` names the domains of which the host cannot read which devices they have.
    """

    devices: tuple[bridge.Device, ...]
    queues: bridge.Queues
    unknown: tuple[str, ...]


_CHANGES = ("functions", "driver", "domain")


def _one_change(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [name]} for name in _CHANGES]
    schema["dependentRequired"] = {"mac": ["domain"], "vlan": ["domain"]}


class DeviceChange(Model):
    """One change: virtual functions, the driver, or the domain that has it.

    ``domain`` null takes it back. A virtual function that is given may have ``mac`` and ``vlan``.
    """

    model_config = ConfigDict(json_schema_extra=_one_change)

    functions: Annotated[int, Field(ge=0, le=bridge.MAX_FUNCTIONS)] = optional()
    driver: Literal["xen", "host"] = optional()
    domain: Annotated[str, Field(pattern=f"^{DOMAIN}$")] | None = None
    mac: MacAddress = optional()
    vlan: Annotated[int, Field(ge=bridge.MIN_VLAN, le=bridge.MAX_VLAN)] = optional()


class QueueChange(Model):
    """How many queues a new interface may have."""

    maximum: Annotated[int, Field(ge=1, le=bridge.MAX_QUEUES)]


class DeviceOperations:
    """Operations on devices."""

    tag = TAG

    def __init__(self, hosts: XenHosts) -> None:
        self._hosts = hosts

    @operation("GET", "/v1/xen/hosts/{host}/devices", parameters={"host": HOST}, problems=ASKING)
    def read(self, call: Call) -> DevicesModel:
        """List devices, virtual functions and queues of a Xen host."""
        return _model(self._hosts.ask(call.path["host"], bridge.ListDevices()))

    @operation(
        "PATCH",
        "/v1/xen/hosts/{host}/devices/{address}",
        parameters={"host": HOST, "address": ADDRESS},
        problems=(CONFLICT, *ASKING),
    )
    def change(self, call: Call, body: DeviceChange) -> DevicesModel:
        """Set a device's virtual functions, driver or domain."""
        host, address = call.path["host"], call.path["address"]
        request = _request(self._hosts, host, address, body)
        return _model(self._hosts.change(host, request, self._hosts.options.create_deadline))

    @operation("PATCH", "/v1/xen/hosts/{host}/queues", parameters={"host": HOST}, problems=ASKING)
    def set_queues(self, call: Call, body: QueueChange) -> DevicesModel:
        """Set how many queues new interfaces of domains may have."""
        return _model(self._hosts.change(call.path["host"], bridge.SetQueues(body.maximum)))


def resources(hosts: XenHosts) -> list[Resource]:
    """Return the resources of devices."""
    return resources_of(DeviceOperations(hosts))


def _request(hosts: XenHosts, host: str, address: str, wanted: DeviceChange) -> Any:
    """Return what to ask the host for; InvalidInput unless it is one change."""
    given = wanted.model_fields_set
    if len(given.intersection(_CHANGES)) != 1:
        raise InvalidInput(("body",), f"name one of {', '.join(_CHANGES)}")
    if given & {"mac", "vlan"} and wanted.domain is None:
        raise InvalidInput(("body",), "mac and vlan go with the domain that is given the device")
    if wanted.functions is not None:
        return bridge.SetFunctions(address, wanted.functions)
    if wanted.driver is not None:
        return bridge.SetDriver(address, wanted.driver)
    if wanted.domain is not None:
        return bridge.AttachDevice(wanted.domain, address, wanted.mac, wanted.vlan)
    return bridge.RemoveDevice(_owner(hosts, host, address), address)


def _owner(hosts: XenHosts, host: str, address: str) -> str:
    for device in hosts.ask(host, bridge.ListDevices()).devices:
        if device.address == address and device.domain is not None:
            return str(device.domain)
    raise InvalidInput(("domain",), f"no domain has {address}")


def _model(told: bridge.Devices) -> DevicesModel:
    return DevicesModel(devices=told.devices, queues=told.queues, unknown=told.unknown)
