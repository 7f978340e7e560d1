"""Operations of REST, declared once at their handlers: what is enforced, and what OpenAPI tells.

::

    class FlowOperations:
        tag = "flows"

        @operation("PATCH", "/v1/flows/{id}", parameters={"id": FLOW_ID}, problems=(NOT_FOUND,))
        def change(self, call: Call, body: FlowPatch) -> FlowModel:
            '''Set a flow's path or actions without loss.'''

The summary is the docstring's first line; the models are those of the annotations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import getdoc
from types import MappingProxyType, NoneType
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from webob import Request, Response

from horizon_ryu.core.identifiers import dpid_from_text
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.model import DPID_PATTERN, Document
from horizon_ryu.http.auth import ANYBODY, Access, Principal
from horizon_ryu.http.json_body import MAX_VALUES
from horizon_ryu.http.problem import ProblemType

_FIELD = re.compile(r"\{([a-z_]+)\}")

SomeModel = TypeVar("SomeModel", bound=BaseModel)
_Answered = TypeVar("_Answered", bound=BaseModel, covariant=True)
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A part of a path that varies: what it may look like, and what the handler is given.

    A text that ``pattern`` (anchored) or ``convert`` (by InvalidInput) refuses is answered 400.
    Where ``is_switch``, the name of a switch does as well: no pattern tells which names there are.
    """

    pattern: str
    description: str
    convert: Callable[[str], Any] = str
    is_switch: bool = False


DPID = PathParameter(
    DPID_PATTERN,
    "A switch: 16 lower-case hex digits; the name of a switch does as well",
    dpid_from_text,
    is_switch=True,
)
NAME = PathParameter(
    "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    "A name: up to 64 letters, digits and ._-, a letter or digit first",
)

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
class Answer(Generic[_Answered]):
    """A model with headers of its own, as the Location of what was made.

    ``status`` is one of the ``other_statuses`` that its resource declares; None: the usual one.
    """

    body: _Answered
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is not made of a model; ``content_type`` may carry parameters."""

    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Versioned(Generic[_Answered]):
    """A document that the router keeps as bytes while all ``sources`` stay the same objects.

    ``make`` is given a media type and returns the model, or its bytes where the handler knows how
    to write them. It must depend on nothing but the sources, path and query: whoever asks, if
    allowed to, is given the same.
    """

    sources: tuple[object, ...]
    make: Callable[[str], _Answered | bytes]


Written: TypeAlias = "BaseModel | Answer[Any] | Raw | Response | None"
"""What is written anew for each request."""
Result: TypeAlias = "Written | Versioned[Any]"
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
    ``status``. One that ``is_open`` may be asked without a token, and then tells what it sees fit:
    its handler looks at who asks. ``most_bytes`` and ``most_values`` are of bodies that may be
    larger than others. ``produces`` is the media type of an answer that is Raw, or
    several, the preferred one first; ``streams`` that the handler writes its Response itself, in
    JSON or in XML; ``is_versioned`` that its answer has a tag, and is 304 for who has it already.
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
    problems: tuple[ProblemType, ...] = ()
    produces: str | tuple[str, ...] | None = None
    streams: bool = False
    is_open: bool = False
    is_versioned: bool = False
    most_bytes: int = 0
    most_values: int = MAX_VALUES
    tag: str = "horizon"

    needed_access: Access = field(init=False)
    """What a client must be allowed."""
    xml_writer: Callable[[Any], bytes] | None = field(init=False)
    """What writes the answer in XML; None where there is no such form."""
    offers: tuple[str, ...] = field(init=False)
    """The media types of the answer, the preferred one first."""

    def __post_init__(self) -> None:
        # Asked for by each request, so found once.
        default = Access.MONITOR if self.method == "GET" else Access.PILOT
        object.__setattr__(self, "needed_access", self.access or default)
        object.__setattr__(self, "xml_writer", self._writer())
        object.__setattr__(self, "offers", self._media_types())

    def parameter_names(self) -> tuple[str, ...]:
        """Return the names of the path's parameters, from left to right."""
        return tuple(_FIELD.findall(self.path))

    def parameter(self, name: str) -> PathParameter:
        """Return what the path parameter ``name`` is; KeyError if nobody said."""
        return self.parameters[name] if name in self.parameters else _PARAMETERS[name]

    def _writer(self) -> Callable[[Any], bytes] | None:
        if self.xml is None and self.response is not None and issubclass(self.response, Document):
            return xml_form.write
        return self.xml

    def _media_types(self) -> tuple[str, ...]:
        if self.produces is not None:
            if isinstance(self.produces, tuple):
                return self.produces
            # With and without its parameters: a client may name either.
            return tuple(dict.fromkeys((self.produces.partition(";")[0], self.produces)))
        has_xml = self.streams or self.xml_writer is not None
        return (JSON, *XML_TYPES) if has_xml else (JSON,)


def operation(method: str, path: str, **declared: Any) -> Callable[[_Function], _Function]:
    """Declare a method of a class as the handler of an operation.

    ``declared`` are further fields of Resource. The handler takes a Call and, by name, ``body``
    and ``query`` if the operation has them; what they are annotated with is their model. What it
    returns, a model, an ``Answer`` of one or a ``Versioned`` one, is annotated too; None is a 204.
    """

    def mark(function: _Function) -> _Function:
        vars(function)["operation"] = {"method": method, "path": path, **declared}
        return function

    return mark


class Operations(Protocol):
    """An object with methods that are operations; ``tag`` groups them in OpenAPI."""

    tag: str


def resources_of(provider: Operations) -> list[Resource]:
    """Return the operations of ``provider`` as the router takes them, in their order."""
    return [
        _resource(provider, name, function)
        for name, function in vars(type(provider)).items()
        if hasattr(function, "operation")
    ]


def _resource(provider: Operations, name: str, function: Callable[..., Any]) -> Resource:
    declared = dict(vars(function)["operation"])
    hints = get_type_hints(function)
    request, query = hints.get("body"), hints.get("query")
    declared.setdefault("status", 204 if hints["return"] is NoneType else 200)
    declared.setdefault("tag", provider.tag)
    declared.setdefault("is_versioned", get_origin(hints["return"]) is Versioned)
    return Resource(
        handler=_handler(getattr(provider, name), request, query),
        summary=(getdoc(function) or "").partition("\n")[0].removesuffix("."),
        request=request,
        query=query,
        response=_model_of(hints["return"]),
        **declared,
    )


def _handler(
    bound: Callable[..., Result], request: type[BaseModel] | None, query: type[BaseModel] | None
) -> Handler:
    """Return what calls a method with the body and the query that it asks for."""

    def handle(call: Call) -> Result:
        given: dict[str, BaseModel] = {}
        if request is not None:
            given["body"] = call.body(request)
        if query is not None:
            given["query"] = call.query(query)
        return bound(call, **given)

    return bound if request is None and query is None else handle


def _model_of(hint: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as ``Answer[Flow] | Response``; None for none."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    return next((found for inner in get_args(hint) if (found := _model_of(inner))), None)


JSON = "application/json"
XML_TYPES = ("application/xml", "text/xml")
