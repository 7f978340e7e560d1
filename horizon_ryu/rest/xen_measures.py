"""Measures of the gatherers of a Xen host or of a virtual router (report 2.3)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, StringConstraints

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.http.resource import Call, Resource, operation, resources_of
from horizon_ryu.rest.document_model import request_model
from horizon_ryu.rest.model import Model, not_empty, optional
from horizon_ryu.rest.xen_hosts import TAG
from horizon_ryu.rest.xen_models import ASKING, HOST
from horizon_ryu.xen_hosts.hosts import XenHosts
from xen_bridge import errors as bridge
from xen_bridge.protocol import messages
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.documents import measures
from xen_bridge.protocol.documents.domains import DOMAIN
from xen_bridge.protocol.messages import Message

MARGIN = 60.0
"""Seconds beyond what the samples take; the host gives up earlier."""


_Sampling: Any = request_model(measures.Sampling)
_LatencySampling: Any = request_model(measures.LatencySampling)


class SamplingModel(_Sampling):
    """How often to measure; ``interval`` is in seconds, between beginnings."""


class LatencySamplingModel(_LatencySampling):
    """How to probe each neighbor; without ``neighbors``, those that the node knows."""


class Gatherers(Model):
    """The gatherers to use; each may be given an empty object, for its defaults."""

    model_config = ConfigDict(json_schema_extra=not_empty)

    xentop: SamplingModel = optional()
    ifconfig: SamplingModel = optional()
    latency: LatencySamplingModel = optional()
    memory: SamplingModel = optional()


class MeasureRequest(Model):
    """What to measure: on the host itself or, with ``domain``, inside a virtual router."""

    gatherers: Gatherers
    domain: Annotated[str, StringConstraints(pattern=f"^{DOMAIN}$")] = optional()

    def request(self) -> measures.Measures:
        """Return what to ask the host for (listing 2.1); InvalidInput for nothing."""
        chosen = self.gatherers.model_fields_set
        if not chosen:
            raise InvalidInput(("gatherers",), "names no gatherer")
        used = measures.UsedGatherers(**dict.fromkeys(chosen, True))
        given = self.gatherers
        parameters = measures.GathererParameters(
            **{name: getattr(given, name).document() for name in chosen}
        )
        return measures.Measures(used, parameters)


class MeasureAnswer(Model):
    """What each gatherer measured, as in the report's listings; null for those not asked.

    In XML it is the message of listing 2.2, with ``node_pk`` as the host's key.
    """

    node_pk: str
    domain: str | None
    xentop: measures.XentopMeasures | None
    ifconfig: measures.IfconfigMeasures | None
    latency: measures.LatencyMeasures | None
    memory: measures.MemoryMeasures | None


def write_xml(answer: MeasureAnswer) -> bytes:
    """Return the message of listing 2.2."""
    found = measures.MeasuresAnswer(answer.xentop, answer.ifconfig, answer.latency, answer.memory)
    return messages.write(Message(answer.node_pk, Application.MEASURES, found))


class MeasureOperations:
    """Operation that measures."""

    tag = TAG

    def __init__(self, hosts: XenHosts) -> None:
        self._hosts = hosts

    @operation(
        "POST",
        "/v1/xen/hosts/{host}/measures",
        parameters={"host": HOST},
        xml=write_xml,
        problems=ASKING,
    )
    def measure(self, call: Call, body: MeasureRequest) -> MeasureAnswer:
        """Measure a Xen host, or a virtual router from inside."""
        request = body.request()
        try:
            request.check_length()
        except bridge.InvalidRequest as error:
            raise InvalidInput(("gatherers", *error.loc), error.msg) from error
        name = call.path["host"]
        found = self._hosts.ask(name, request, body.domain, request.seconds_at_most + MARGIN)
        return MeasureAnswer(
            node_pk=self._hosts.host(name).node_pk,
            domain=body.domain,
            xentop=found.xentop,
            ifconfig=found.ifconfig,
            latency=found.latency,
            memory=found.memory,
        )


def resources(hosts: XenHosts) -> list[Resource]:
    """Return the resource that measures."""
    return resources_of(MeasureOperations(hosts))
