"""Tokens, roles, and the file they are kept in."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.http.auth import Access, Principal, Tokens, load_tokens, parse_tokens
from horizon_ryu.http.host_check import UnsafeListening, check_listening

MONITOR = "monitor-token-0001"
PILOT = "pilot-token-000001"
TENANT = "tenant-token-00001"


@pytest.fixture
def tokens() -> Tokens:
    hashed = hashlib.sha256(PILOT.encode()).hexdigest()
    return parse_tokens(
        ["# who may what", "", f"monitor {MONITOR}", f"pilot sha256:{hashed}", f"slice:a {TENANT}"]
    )


@pytest.fixture
def guarded(make_client: Any, tokens: Tokens) -> Any:
    return make_client(tokens)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_roles(guarded: Any) -> None:
    body = {"name": "n", "definition": {"vlan": 1}}
    expected = {
        MONITOR: {"GET": 200, "POST": 403},
        PILOT: {"GET": 200, "POST": 201},
        TENANT: {"GET": 403, "POST": 403},
    }
    for token, by_method in expected.items():
        for method, status in by_method.items():
            sent = body if method == "POST" else None
            answer = guarded.ask(method, "/v1/networks", sent, bearer(token))
            assert answer.status_int == status, (token, method)


def test_without_a_token_nothing_but_the_status_is_told(guarded: Any) -> None:
    for path in ("/v1", "/metrics", "/v1/openapi.json", "/nowhere", "/v1/events"):
        answer = guarded.get(path)
        assert answer.status_int == 401, path
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="horizon"'
        assert answer.content_type == "application/problem+json"
    assert guarded.get("/v1/health").json == {"status": "ok"}


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic Zm9v", "Bearer a b", "Bearer \xe9", PILOT]
)
def test_malformed_authorization_is_401(guarded: Any, header: str) -> None:
    answer = guarded.ask("GET", "/v1/health", headers={"Authorization": header})
    assert answer.status_int == 401


def test_wrong_token_is_401_and_says_so(guarded: Any) -> None:
    answer = guarded.ask("GET", "/v1/health", headers=bearer(PILOT + "x"))
    assert answer.status_int == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_scheme_is_case_insensitive(guarded: Any) -> None:
    headers = {"Authorization": f"bEaReR {MONITOR}"}
    assert guarded.ask("GET", "/v1/health", headers=headers).status_int == 200


def test_insufficient_role_is_403_and_changes_nothing(guarded: Any) -> None:
    answer = guarded.ask("PATCH", "/v1/topology/timers", {"lldp_interval": 9}, bearer(MONITOR))
    assert answer.status_int == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert guarded.discovery.timers().lldp_interval == 0.1


def test_browser_may_give_its_token_as_subprotocol(guarded: Any) -> None:
    offered = {"Sec-WebSocket-Protocol": f"horizon.events.v1, bearer.{MONITOR}"}
    assert guarded.ask("GET", "/v1/events", headers=offered).status_int == 426
    wrong = {"Sec-WebSocket-Protocol": "horizon.events.v1, bearer.nobody"}
    assert guarded.ask("GET", "/v1/events", headers=wrong).status_int == 401


def test_with_tokens_any_host_name_is_served(guarded: Any) -> None:
    headers = {**bearer(MONITOR), "Host": "controller.example"}
    assert guarded.ask("GET", "/v1/health", headers=headers).status_int == 200


def test_principals(tokens: Tokens) -> None:
    assert tokens.principal(MONITOR) == Principal("monitor")
    assert tokens.principal(PILOT) == Principal("pilot")
    assert tokens.principal(TENANT) == Principal("slice", "a")
    assert tokens.principal("") is None
    assert not Principal("slice", "a").may(Access.MONITOR)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("pilot", "ROLE TOKEN"),
        ("pilot a b", "ROLE TOKEN"),
        ("pilot short", "16"),
        ("pilot sha256:00", "64"),
        ("admin " + PILOT, "role"),
        ("slice:.. " + PILOT, "role"),
        (f"monitor {MONITOR}", "already"),
        ("pilot p\xe4ssword-that-is-long", "letters"),
    ],
)
def test_faulty_lines_are_named(line: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        parse_tokens(["", f"monitor {MONITOR}", line])
    assert caught.value.loc == ("tokens_file", 3)
    assert PILOT not in str(caught.value)


def test_file_without_tokens_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no token"):
        parse_tokens(["# none"])


def test_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"pilot {PILOT}\n")
    path.chmod(0o640)
    assert load_tokens(path).principal(PILOT) == Principal("pilot")


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o660, 0o777])
def test_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"pilot {PILOT}\n")
    path.chmod(mode)
    with pytest.raises(InvalidInput, match="chmod 600"):
        load_tokens(path)


def test_missing_and_odd_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        load_tokens(tmp_path / "absent")
    with pytest.raises(InvalidInput):
        load_tokens(tmp_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_loopback_needs_no_tokens(host: str) -> None:
    check_listening(host, protected=False)
    check_listening(host, protected=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "controller.example", "*"])
def test_listening_elsewhere_needs_tokens(host: str) -> None:
    check_listening(host, protected=True)
    with pytest.raises(UnsafeListening, match="tokens file"):
        check_listening(host, protected=False)
