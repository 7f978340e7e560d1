"""One declaration per operation: what the router enforces and the OpenAPI document tells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel
from webob import Request, Response

from horizon_ryu.core.identifiers import dpid_from_text
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.model import DPID_PATTERN, Document
from horizon_ryu.http.auth import ANYBODY, Access, Principal
from horizon_ryu.http.problem import Kind

_FIELD = re.compile(r"\{([a-z_]+)\}")

SomeModel = TypeVar("SomeModel", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A part of a path that varies: what it may look like, and what the handler is given.

    A text that ``pattern`` (anchored) or ``convert`` (by InvalidInput) refuses is answered 400.
    """

    pattern: str
    description: str
    convert: Callable[[str], Any] = str


DPID = PathParameter(DPID_PATTERN, "A switch: 16 lower-case hex digits", dpid_from_text)
NAME = PathParameter("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "A name")

_PARAMETERS: Mapping[str, PathParameter] = MappingProxyType({"dpid": DPID, "name": NAME})
"""What a path parameter of that name is, unless its resource says otherwise."""


class Call:
    """One request, checked against its resource's declaration, as the handler is given it.

    ``media_type`` is what the answer will be written in.
    """

    def __init__(
        self,
        http: Request,
        path: Mapping[str, Any],
        query: BaseModel | None = None,
        body: BaseModel | None = None,
        principal: Principal = ANYBODY,
        media_type: str = "application/json",
    ) -> None:
        self.http = http
        self.path = path
        self.principal = principal
        self.media_type = media_type
        self._query = query
        self._body = body

    def query(self, model: type[SomeModel]) -> SomeModel:
        """Return the query parameters; ``model`` is the one that the resource declares."""
        return _expect(model, self._query)

    def body(self, model: type[SomeModel]) -> SomeModel:
        """Return the body; ``model`` is the one that the resource declares."""
        return _expect(model, self._body)


def _expect(model: type[SomeModel], value: BaseModel | None) -> SomeModel:
    if not isinstance(value, model):
        raise TypeError(f"the resource does not declare {model.__name__}")
    return value


@dataclass(frozen=True, slots=True)
class Answer:
    """A model with headers of its own, as the Location of what was made.

    ``status`` is one of the ``other_statuses`` that its resource declares; None: the usual one.
    """

    body: BaseModel
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is not made of a model; ``content_type`` may carry parameters."""

    data: bytes
    content_type: str


Result: TypeAlias = "BaseModel | Answer | Raw | Response | None"
Handler: TypeAlias = Callable[[Call], Result]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One operation: a method on a path template, its handler, and all that is promised of it.

    ``path`` has parameters in braces, of which ``parameters`` says what they are (``dpid`` and
    ``name`` need not be said). ``query`` is a model whose fields are texts; ``request`` and
    ``response`` are the models of the bodies, None for none. ``xml`` writes the answer in XML; a
    response that is a Document has it of itself. ``access`` defaults to monitor for GET and to
    pilot otherwise. ``problems`` are the kinds that the handler may raise, beyond those that the
    router itself answers with. ``other_statuses`` tells when an Answer has another status than
    ``status``. ``produces`` is the media type of an answer that is Raw;
    ``streams`` that the handler writes its Response itself, in JSON or in XML.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    request: type[BaseModel] | None = None
    response: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    parameters: Mapping[str, PathParameter] = field(default_factory=lambda: MappingProxyType({}))
    status: int = 200
    other_statuses: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    access: Access | None = None
    xml: Callable[[Any], bytes] | None = None
    problems: tuple[Kind, ...] = ()
    produces: str | None = None
    streams: bool = False
    tag: str = "horizon"

    def needed_access(self) -> Access:
        """Return what a client must be allowed."""
        if self.access is not None:
            return self.access
        return Access.MONITOR if self.method == "GET" else Access.PILOT

    def parameter_names(self) -> tuple[str, ...]:
        """Return the names of the path's parameters, from left to right."""
        return tuple(_FIELD.findall(self.path))

    def parameter(self, name: str) -> PathParameter:
        """Return what the path parameter ``name`` is; KeyError if nobody said."""
        return self.parameters[name] if name in self.parameters else _PARAMETERS[name]

    def xml_writer(self) -> Callable[[Any], bytes] | None:
        """Return what writes the answer in XML, None where there is no such form."""
        if self.xml is None and self.response is not None and issubclass(self.response, Document):
            return xml_form.write
        return self.xml

    def offers(self) -> tuple[str, ...]:
        """Return the media types of the answer, the preferred one first."""
        if self.produces is not None:
            # With and without its parameters: a client may name either.
            return tuple(dict.fromkeys((self.produces.partition(";")[0], self.produces)))
        has_xml = self.streams or self.xml_writer() is not None
        return (JSON, *XML_TYPES) if has_xml else (JSON,)


JSON = "application/json"
XML_TYPES = ("application/xml", "text/xml")
