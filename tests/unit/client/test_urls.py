"""Where a controller is: what can be its URL, and what of it is told."""

from __future__ import annotations

import pytest

from horizon_client import (
    ApiRequest,
    CannotBeSent,
    Client,
    ControllerConnection,
    NoAnswer,
    WrongConnection,
    networks,
)
from horizon_client.api_path import api_path
from horizon_client.api_request import as_nothing
from unit.client.carriers import Ask, each_ask


@pytest.mark.parametrize("more", ["?", "?x=1", "#", "#x", "/x?y"])
def test_a_url_is_a_root_without_a_query(more: str) -> None:
    with pytest.raises(WrongConnection, match="no URL"):
        ControllerConnection(f"http://127.0.0.1:8080{more}")


@pytest.mark.parametrize("user", ["me:secret", "secret", "a@b:secret"])
def test_a_password_in_a_url_is_not_told(user: str) -> None:
    with pytest.raises(NoAnswer) as raised:
        Client(f"http://{user}@127.0.0.1:9").ask(networks.list_all())
    assert "//127.0.0.1:9" in str(raised.value)
    assert "secret" not in str(raised.value)
    with pytest.raises(WrongConnection) as refused:
        ControllerConnection(f"ftp://{user}@127.0.0.1")
    assert "secret" not in str(refused.value)


@each_ask
def test_what_is_too_long_for_a_url_is_not_asked(ask: Ask) -> None:
    """Nobody was asked, so it is no matter of where the controller is."""
    request = ApiRequest("GET", api_path("v1", "topology"), as_nothing, query={"q": "a" * 100_000})
    with pytest.raises(CannotBeSent, match="too long"):
        ask("http://127.0.0.1:9", request)
