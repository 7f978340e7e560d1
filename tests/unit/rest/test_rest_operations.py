"""What an operation declares at its handler is what the router enforces and OpenAPI tells."""

from __future__ import annotations

from webob import Request, Response

from horizon_ryu.http.problem import NOT_FOUND
from horizon_ryu.http.resource import Answer, Call, Resource, operation, resources_of
from horizon_ryu.http.router import Router
from horizon_ryu.rest.model import Model, optional


class Lamp(Model):
    """A lamp."""

    on: bool


class LampQuery(Model):
    """Which lamp."""

    room: str = optional()


class Lamps:
    """Operations on one lamp."""

    tag = "lamps"

    def __init__(self) -> None:
        self.on = False

    @operation("GET", "/lamp")
    def read(self, _call: Call, query: LampQuery) -> Lamp:
        """Read the lamp.

        What follows the first line is for readers of the code.
        """
        return Lamp(on=self.on and query.room != "cellar")

    @operation("PUT", "/lamp", status=201, problems=(NOT_FOUND,))
    def write(self, _call: Call, body: Lamp) -> Answer[Lamp] | Response:
        """Set the lamp."""
        self.on = body.on
        return Answer(body, {"Location": "/lamp"})

    @operation("DELETE", "/lamp")
    def delete(self, _call: Call) -> None:
        """Put the lamp out."""
        self.on = False

    def not_an_operation(self) -> None:
        """Stay where it is."""


def declared() -> dict[str, Resource]:
    return {resource.method: resource for resource in resources_of(Lamps())}


def ask(router: Router, method: str, path: str, body: bytes | None = None) -> Response:
    request = Request.blank(path, method=method)
    if body is not None:
        request.body = body
        request.headers["Content-Type"] = "application/json"
    return request.get_response(router)


def test_summary_models_and_tag_are_those_of_the_handler() -> None:
    found = declared()
    assert list(found) == ["GET", "PUT", "DELETE"]
    assert found["GET"].summary == "Read the lamp"
    assert (found["GET"].query, found["GET"].request, found["GET"].response) == (
        LampQuery,
        None,
        Lamp,
    )
    assert (found["PUT"].request, found["PUT"].response) == (Lamp, Lamp)
    assert found["PUT"].problems == (NOT_FOUND,)
    assert {resource.tag for resource in found.values()} == {"lamps"}


def test_a_handler_that_returns_nothing_is_answered_204() -> None:
    assert declared()["DELETE"].status == 204
    assert declared()["GET"].status == 200


def test_handlers_are_given_the_body_and_the_query_that_they_name() -> None:
    router = Router(None, lambda *_: None)
    router.add(resources_of(Lamps()))
    made = ask(router, "PUT", "/lamp", b'{"on": true}')
    assert (made.status_int, made.headers["Location"]) == (201, "http://localhost/lamp")
    assert ask(router, "GET", "/lamp").json == {"on": True}
    assert ask(router, "GET", "/lamp?room=cellar").json == {"on": False}
    assert ask(router, "DELETE", "/lamp").status_int == 204
    assert ask(router, "PUT", "/lamp", b'{"on": 1}').status_int == 422
