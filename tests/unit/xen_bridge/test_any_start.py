"""Whatever ``xen-bridge`` is given, by options or in files: it goes on, or one line says why."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from xen_bridge.command import main

ODD = (
    "", " ", "'", "a b", "é", "\u2028", "\x1b[31m", "\n", "a\nb", "x" * 300, "x" * 100_000,
    "%(x)s", "${x}", "/", "/proc/no/such/file", "/dev/null", "/dev/null/x", ":", "::",
    "-", "0", "18446744073709551616", "nan", "true", "~", ".", "..", "\udcff", "\x00", "a\x00b",
)  # fmt: skip
HOSTS = (
    "300.1.1.1", "[::1]", "::1%nosuch", "x" * 64 + ".x", "..", ".x", "a b", "http://x", "192.0.2.1",
    "127.0.0.1:7443", "127.0.0.1/8", "2001:db8::1",
)  # fmt: skip
PORTS = ("-1", "65536", "x", "", "1.5", "1e3", "9" * 40, "0x1", " ")
URIS = (
    "xen:///", "memory:///a?seconds=x", "memory:///a?seconds=-1", "memory:///a?seconds=nan",
    "memory://[", "test:///nosuch/file", "test:///default?x", "netns:///", "netns:///../x",
    "netns:///" + "x" * 300, "xen:///system?socket=%00", "xen+unix:///system?socket=", "xen:", "://",
    "xen://[::1", "xen://a:b:c/", "vbox:///session", "memory:///" + "x" * 10_000,
)  # fmt: skip
CONTENTS = (
    b"", b"\n\n", b"\xff\xfe\x00\x01", b"\x00" * 100, b"#", b"a", b"a b", b"a b c", b"a b c d",
    b"-----BEGIN PRIVATE KEY-----\n",
    b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    b"r1 https://10.0.0.1:7444 MCowBQYDK2VwAyEA\n", b"r1 https://[:1 x\n", b"x" * 200_000,
    b"MCowBQYDK2VwAyEA" + b"A" * 44, b"\xe2\x80\xa8", b"{", b"[]", b"{}",
    b'{"a": 1}', b"[" * 50_000,
)  # fmt: skip
KEPT = (
    "node.key", "node.crt", "authorized_nodes", "routers", "hosts", "planes", "weights.json",
    "incarnation", "migrations",
)  # fmt: skip


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """Yield a port that nobody can listen on: who gets that far has taken all else."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


@pytest.fixture
def node(tmp_path: Path) -> Path:
    folder = tmp_path / "node"
    assert run("keygen", "--directory", str(folder)) == (0, [])
    return folder


def run(*words: str) -> tuple[int, list[str]]:
    """Return the status and the one line that was said of a mistake."""
    result = CliRunner().invoke(main, [*words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 1, 2), result.output
    if result.exit_code == 0:
        return 0, []
    said = [
        line
        for line in result.output.split("\n")
        if line and not line.startswith(("Usage: ", "Try ", "nobody is authorized yet"))
    ]
    assert len(said) == 1, result.output
    assert len(said[0]) < 1_000, said[0][:300]
    assert said[0].isprintable(), said[0]
    return result.exit_code, said


def refused(*words: str) -> str:
    status, said = run(*words)
    assert status
    return said[0]


def test_a_service_with_nothing_wrong_comes_as_far_as_listening(node: Path, port: str) -> None:
    words = ("serve", "--uri", "memory:///a", "--port", port, "--directory", str(node))
    assert "cannot listen" in refused(*words)


@pytest.mark.parametrize("host", [*ODD, *HOSTS], ids=range(len(ODD) + len(HOSTS)))
@pytest.mark.parametrize("command", ["serve", "agent"])
def test_a_host_that_is_none_is_refused(command: str, host: str, node: Path, port: str) -> None:
    if host in ("", "0", "::", "::1%nosuch"):
        host = f"{host}x"
    own = ("--uri", "memory:///a") if command == "serve" else ()
    why = refused(command, *own, "--host", host, "--port", port, "--directory", str(node))
    assert "--host" in why or "cannot listen" in why


@pytest.mark.parametrize("value", PORTS)
def test_a_port_that_is_none_is_refused(value: str, node: Path) -> None:
    why = refused("agent", "--port", value, "--directory", str(node))
    assert "--port" in why


@pytest.mark.parametrize("uri", [*ODD, *URIS], ids=range(len(ODD) + len(URIS)))
def test_a_hypervisor_is_taken_or_refused_by_its_uri(uri: str, node: Path, port: str) -> None:
    why = refused("serve", "--uri", uri, "--port", port, "--directory", str(node))
    assert "uri" in why or "cannot listen" in why


@pytest.mark.parametrize("path", [*ODD, "x:ro", "/a:rw", "/a:ro:ro"], ids=range(len(ODD) + 3))
def test_an_allowed_path_is_taken_or_refused(path: str, node: Path, port: str) -> None:
    own = ("--uri", "memory:///a", "--port", port, "--directory", str(node))
    why = refused("serve", "--allow-path", path, *own)
    assert "path" in why or "cannot listen" in why


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_folders_that_are_none_are_refused(
    value: str, tmp_path: Path, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (("node-pk",), ("serve", "--uri", "memory:///a", "--port", port), ("agent",)):
        refused(*words, "--directory", value)


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_arguments_that_are_none_are_refused_and_leave_nothing(value: str, node: Path) -> None:
    before = {path.name: path.read_bytes() for path in node.iterdir()}
    own = ("--directory", str(node), "--")
    refused("authorize", *own, value)
    refused("router", "add", *own, value, "https://10.0.0.1:7444", "x")
    refused("router", "add", *own, "r1", value, "x")
    refused("router", "add", *own, "r1", "https://10.0.0.1:7444", value)
    run("router", "remove", *own, value)
    run("authorize", "--remove", *own, value)
    assert {path.name: path.read_bytes() for path in node.iterdir()} == before


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_files_of_a_node_are_taken_or_refused_by_their_names(
    content: bytes, node: Path, port: str
) -> None:
    names = [path.name for path in node.iterdir()]
    for name in dict.fromkeys([*names, *KEPT]):
        path = node / name
        before = path.read_bytes() if path.exists() else None
        path.write_bytes(content)
        path.chmod(0o600)
        for words in (("serve", "--uri", "memory:///a"), ("agent",)):
            refused(*words, "--port", port, "--directory", str(node))
        run("router", "list", "--directory", str(node))
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


@given(
    content=st.binary(max_size=200), name=st.sampled_from(["authorized_nodes", "routers", "hosts"])
)
@settings(
    max_examples=examples(20, 40), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_in_its_lists_are_passed_over(
    content: bytes, name: str, node: Path, port: str
) -> None:
    (node / name).write_bytes(content)
    why = refused("agent", "--port", port, "--directory", str(node))
    assert "cannot listen" in why
    (node / name).unlink()
