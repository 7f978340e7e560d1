"""Which form answers which request: a host may be of another version, or not be what it says."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from xen_bridge.documents import devices, domains, measures, summary
from xen_bridge.errors import BridgeError

ANSWERS: Mapping[type[Any], type[Any]] = MappingProxyType(
    {
        domains.GetNode: domains.Node,
        domains.GetDomain: domains.DomainAnswer,
        domains.CreateDomain: domains.DomainAnswer,
        domains.SetDomain: domains.DomainAnswer,
        domains.DeleteDomain: domains.Done,
        domains.ListSchedulers: domains.Schedulers,
        domains.ListVcpus: domains.VcpuList,
        devices.ListDevices: devices.Devices,
        devices.SetFunctions: devices.Devices,
        devices.SetQueues: devices.Devices,
        devices.SetDriver: devices.Devices,
        devices.AttachDevice: devices.Devices,
        devices.RemoveDevice: devices.Devices,
        measures.Measures: measures.MeasuresAnswer,
        summary.GetSummary: summary.Summary,
    }
)


def expected(request: object, answer: Any) -> Any:
    """Return ``answer`` if it is of the form that answers ``request``, else raise BridgeError."""
    if not isinstance(answer, ANSWERS[type(request)]):
        raise BridgeError(f"answers {type(request).__name__} with {type(answer).__name__}")
    return answer
