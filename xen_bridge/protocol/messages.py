"""``<XenPrototype>`` messages: read from hostile bytes, written as the report's listings.

A message has the sender's public key, perhaps the virtual router it is meant for, and an
application with its request, its response or its error.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from lxml import etree

from xen_bridge.errors import BridgeError, InvalidRequest, RequestUnsupported, error_of
from xen_bridge.protocol import applications, document_schema, safe_xml
from xen_bridge.protocol.applications import Application, application_of
from xen_bridge.protocol.documents.measures import TOOLS, MeasuresAnswer, answer_of
from xen_bridge.protocol.documents.problem import ApplicationError

ROOT = "XenPrototype"
CONTENT_TYPE = "application/xml"
_REQUEST, _RESPONSE, _ERROR = "ApplicationRequest", "ApplicationResponse", "ApplicationError"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``body`` is a form of :mod:`xen_bridge.protocol.documents`.

    ``node_pk`` is the sender's key: base64 of its SubjectPublicKeyInfo. ``router`` names the
    virtual router that a request is meant for, None for the node itself.
    """

    node_pk: str
    application: int
    body: Any
    router: str | None = None


def request(
    node_pk: str, body: Any, router: str | None = None, application: Application | None = None
) -> Message:
    """Return the message that asks for ``body``; InvalidRequest for values out of range.

    ``application`` need be given only for a channel's document without messages.
    """
    document_schema.check(body)
    number = application_of(body) if application is None else application
    return Message(node_pk, number, body, router)


def refusal(node_pk: str, application: int, error: BridgeError) -> Message:
    """Return the message that tells of ``error``."""
    field = ".".join(error.loc) if isinstance(error, InvalidRequest) else None
    body = ApplicationError(error.status, error.title, str(error)[:1000] or error.title, field)
    return Message(node_pk, application, body)


# ---- writing


def write(message: Message) -> bytes:
    """Return ``message`` in UTF-8 with an XML declaration."""
    root = etree.Element(ROOT)
    etree.SubElement(root, "NodePK").text = message.node_pk
    if message.router is not None:
        etree.SubElement(root, "VirtualRouter").text = message.router
    application = etree.SubElement(root, "Application")
    etree.SubElement(application, "ApplicationId").text = str(int(message.application))
    _write_body(application, message.body)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _write_body(application: etree._Element, body: Any) -> None:
    if isinstance(body, ApplicationError):
        application.append(document_schema.to_element(body, _ERROR))
    elif isinstance(body, MeasuresAnswer):
        response = etree.SubElement(application, _RESPONSE)
        response.extend([document_schema.to_element(tool) for tool in body.tools()])
    else:
        is_answer = isinstance(body, applications.RESPONSES)
        around = etree.SubElement(application, _RESPONSE if is_answer else _REQUEST)
        around.append(document_schema.to_element(body))


# ---- reading


def read(data: bytes, limit: int = safe_xml.MAX_BYTES) -> Message:
    """Return the message in ``data``, whoever sent it; a BridgeError says why it is none."""
    root = safe_xml.parse(data, limit)
    if root.tag != ROOT:
        raise InvalidRequest((str(root.tag)[:64],), f"the root element must be {ROOT}")
    safe_xml.validate(root)
    application = _child(root, "Application")
    number = int(_child(application, "ApplicationId").text or "0")
    return Message(
        node_pk=_key(_child(root, "NodePK")),
        application=number,
        body=_read_body(application[1], number),
        router=root.findtext("VirtualRouter"),
    )


def _child(parent: etree._Element, tag: str) -> etree._Element:
    found = parent.find(tag)
    if found is None:
        raise InvalidRequest((str(parent.tag), tag), "is missing")
    return found


def _key(element: etree._Element) -> str:
    text = "".join((element.text or "").split())
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest((ROOT, "NodePK"), "is not base64") from None
    return text


def _read_body(around: etree._Element, number: int) -> Any:
    if around.tag == _ERROR:
        return document_schema.from_element(ApplicationError, around)
    if around.tag == _RESPONSE:
        return _read_response(around)
    body = _read_request(around[0], number)
    document_schema.check(body)
    applications.check_unasked(number, body)
    return body


def _read_request(element: etree._Element, number: int) -> Any:
    kinds = applications.REQUESTS.get(_application(number), {})
    for kind in kinds:
        if document_schema.tag_of(kind) == element.tag:
            return document_schema.from_element(kind, element)
    if not kinds:
        raise RequestUnsupported(f"no application {number} here")
    raise InvalidRequest(
        (_REQUEST, str(element.tag)), f"application {number} does not know this request"
    )


def _application(number: int) -> Application:
    return Application(number) if number in set(Application) else Application.NONE


def _read_response(around: etree._Element) -> Any:
    if not len(around) or around[0].tag == "MeasureToolResponse":
        return answer_of(tuple(_read_tool(element) for element in around))
    kind = next(
        kind for kind in applications.RESPONSES if document_schema.tag_of(kind) == around[0].tag
    )
    return document_schema.from_element(kind, around[0])


def _read_tool(element: etree._Element) -> Any:
    number = int(element.findtext("MeasureToolId") or "0")
    if number not in TOOLS:
        raise InvalidRequest(("MeasureToolResponse", "MeasureToolId"), "unknown")
    return document_schema.from_element(TOOLS[number], element)


def answer_to(request_body: object, message: Message) -> Any:
    """Return the body of the answer to a request.

    Raises the error that it tells of, and BridgeError for one that answers something else.
    """
    body = message.body
    if isinstance(body, ApplicationError):
        raise error_of(body.status, body.title, body.detail, body.field)
    return applications.check_answer(request_body, body)
