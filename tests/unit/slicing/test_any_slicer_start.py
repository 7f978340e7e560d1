"""Whatever ``horizon-slicer`` is given: it begins, or one line says which option and why."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from horizon_ryu.core.slicing.table_record import RecordedSwitch, entry_put
from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.command import main
from horizon_ryu.wire.ternary import TernaryMatch

ODD = (
    "", " ", "'", "a b", "é", "\u2028", "\x00", "\x1b[31m", "\n", "x" * 300, "x" * 100_000, "%(x)s",
    "${x}", "/", "/proc/no/such/file", "/tmp", "/dev/null", "/dev/null/x", ":", "::", "-",
    "--", "0", "18446744073709551616", "nan", "true", "~", ".", "..", "\udcff",
)  # fmt: skip
ADDRESSES = (
    "127.0.0.1", "127.0.0.1:", ":6633", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "[::1",
    "127.0.0.1:99999999999999999999", "300.1.1.1:1", f"{'x' * 300}:1",
    "x" * 64 + ".x:1", "..:1", ".x:1", "\x00:1", "a b:1", "[]:1", "[::1]:x",
    "192.0.2.1:1", "127.0.0.1:\u0661", "127.0.0.1:6633:1",
)  # fmt: skip
DOCUMENTS = (
    b"", b"\n", b"\xff\xfe\x00\x01", b"\x00" * 100, b"[", b"[]", b"{}", b"null", b"1", b'"x"',
    b"{", b'{"slices": 1}', b'{"slices": {}}', b'{"slices": [1]}', b'{"slices": [null]}',
    b'{"slices": [[]]}', b'{"slices": [{}]}', b'{"slices": [], "version": "1"}',
    b'{"slices": [], "version": 1e999}', b'{"slices": [], "version": NaN}',
    b'{"slices": [], "slices": 1}', b"[" * 100_000, b'{"a":' * 100_000,
    b'{"slices": [], "version": ' + b"9" * 5_000 + b"}",
    b"\xef\xbb\xbf" + b'{"slices": [ ] ', b'{"slices": [{"name": "\\ud800"}]}',
    b'{"slices": [{"name": "a", "controllers": 1}]}',
    b'{"slices": [{"name": "a", "controllers": [{}], "flowspace": [{"match": []}]}]}',
)  # fmt: skip
FIELDS = st.sampled_from([
    "name", "controllers", "url", "flowspace", "permissions", "match", "in_port", "dl_type",
    "dl_vlan", "nw_src", "priority", "switches", "limits", "bandwidth", "enabled", "expires",
    "drop_policy", "lldp_spam", "owner", "x",
])  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["rwd", "tcp:127.0.0.1:6633", "a", "0x800", "10.0.0.0/8", "meter"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def taken() -> Iterator[str]:
    """Yield an address that nobody can listen on: who gets that far has taken all else."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def refusal(*words: str) -> str:
    """Return why a start is refused, which is one line."""
    result = CliRunner().invoke(main, [*words])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2), result.output
    said = [line for line in result.output.split("\n") if line and not line.startswith(USAGE)]
    assert len(said) == 1, result.output
    assert len(said[0]) < 1_000
    return said[0]


USAGE = ("Usage: ", "Try ")


def begin(folder: Path, content: bytes, listen: str) -> str:
    path = folder / "slices.json"
    path.write_bytes(content)
    why = refusal("--listen", listen, "--slices", str(path))
    assert "cannot listen" in why or str(path) in why, why
    return why


@pytest.mark.parametrize("content", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_odd_files_are_taken_or_refused_by_their_name(
    content: bytes, tmp_path: Path, taken: str
) -> None:
    begin(tmp_path, content, taken)


def test_slices_that_are_right_are_taken(tmp_path: Path, taken: str) -> None:
    assert "cannot listen" in begin(tmp_path, b'{"version": 1, "slices": []}', taken)


@given(document=st.fixed_dictionaries({"slices": st.lists(VALUES, max_size=3)}))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_document_is_taken_or_refused(document: Any, tmp_path: Path, taken: str) -> None:
    begin(tmp_path, json.dumps(document).encode(), taken)


@pytest.mark.parametrize("address", [*ADDRESSES, *ODD], ids=range(len(ADDRESSES) + len(ODD)))
def test_what_is_no_address_to_listen_on_is_refused(address: str, tmp_path: Path) -> None:
    path = tmp_path / "slices.json"
    path.write_text('{"slices": []}')
    why = refusal("--listen", address, "--slices", str(path))
    assert "--listen" in why or "cannot listen" in why, why


FILES = (
    "--slices", "--log", "--tenant-ca", "--tenant-certificate", "--tenant-key", "--certificate",
    "--key", "--client-ca", "--tables", "--control", "--instance",
)  # fmt: skip


@pytest.mark.parametrize("option", FILES)
@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_odd_options_are_taken_or_refused_in_one_line(
    option: str, value: str, tmp_path: Path, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "slices.json"
    path.write_text('{"slices": []}')
    source = () if option in ("--slices", "--control") else ("--slices", str(path))
    refusal("--listen", taken, *source, option, value)


def with_tables(folder: Path, taken: str, content: bytes) -> tuple[str, bytes]:
    """Return why a start with such a file of tables ended, and what is in the file then."""
    tables = folder / "tables"
    tables.write_bytes(content)
    path = folder / "slices.json"
    path.write_text('{"slices": []}')
    why = refusal("--listen", taken, "--slices", str(path), "--tables", str(tables))
    return why, tables.read_bytes()


@pytest.mark.parametrize(
    "content", [b"\x00" * 50, b"x" * 5_000, b"\xff" * 64, b"{}\n{}", b"\x7fELF" + bytes(40_000)]
)
def test_files_that_are_no_tables_are_refused_and_left_as_they_are(
    content: bytes, tmp_path: Path, taken: str
) -> None:
    why, left = with_tables(tmp_path, taken, content)
    assert "--tables" in why
    assert "no file of tables" in why
    assert left == content


def test_tables_with_a_damaged_end_are_taken(tmp_path: Path, taken: str) -> None:
    entry = TenantEntry(1, "a", TernaryMatch(0, 0), 5, 6, b"")
    sound = entry_put(RecordedSwitch(7, 1), entry)
    assert "cannot listen" in with_tables(tmp_path, taken, b"")[0]
    why, left = with_tables(tmp_path, taken, sound + b"\xff" * 64)
    assert "cannot listen" in why
    assert left == sound
