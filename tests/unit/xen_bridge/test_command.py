"""``xen-bridge`` as an operator runs it: what is refused says what to do."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from xen_bridge import client
from xen_bridge.command import main
from xen_bridge.trust.identity import anchor


def run(directory: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--directory", str(directory)])


@pytest.mark.parametrize(
    "uri",
    [
        "xen+tcp://other/",
        "xen+ssh://root@192.0.2.7:2222/system",
        "xen+tls://[2001:db8::1]/system",
        "xen://other/system",
        "xen+tcp://localhost:16509/",
        "test://other/default",
        "memory://other/a",
        "xen+tls://[2001/system",
    ],
)
def test_a_service_is_of_one_machine(tmp_path: Path, uri: str) -> None:
    run(tmp_path, "keygen")
    done = run(tmp_path, "serve", "--uri", uri)
    assert done.exit_code == 1
    assert uri in done.output
    assert "Traceback" not in done.output
    assert "run xen-bridge there" in done.output or "no URI" in done.output


# ---- keys


def test_a_keygen_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    node_pk = run(tmp_path, "keygen").output
    (tmp_path / "node.crt").unlink()
    assert "xen-bridge keygen" in run(tmp_path, "serve", "--uri", "memory:///").output
    # The same key: whoever has authorized it need not again.
    assert run(tmp_path, "keygen").output == node_pk
    assert run(tmp_path, "node-pk").output == node_pk


@pytest.mark.parametrize("left", [b"", b"-----BEGIN PRIVATE KEY-----\nMC4C"])
def test_so_is_one_that_was_cut_short_before(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "node.key").write_bytes(left)
    made = run(tmp_path, "keygen")
    assert made.exit_code == 0
    assert run(tmp_path, "node-pk").output == made.output


def test_a_key_of_another_certificate_is_said(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    run(ours, "keygen")
    theirs = run(other, "keygen").output
    (ours / "node.key").write_bytes((other / "node.key").read_bytes())
    for words in (("serve", "--uri", "memory:///"), ("agent",), ("node-pk",), ("keygen",)):
        done = run(ours, *words)
        assert (done.exit_code, "is not the key of" in done.output) == (1, True), words
        assert "Traceback" not in done.output
    # What it says helps.
    (ours / "node.crt").unlink()
    assert run(ours, "keygen").output == theirs


@pytest.mark.parametrize("name", ["node.key", "node.crt"])
@pytest.mark.parametrize("data", [b"", b"nonsense", b"\xff\x00"])
def test_a_damaged_file_is_said(tmp_path: Path, name: str, data: bytes) -> None:
    run(tmp_path, "keygen")
    (tmp_path / name).write_bytes(data)
    for words in (("node-pk",), ("keygen",)):
        done = run(tmp_path, *words)
        assert (done.exit_code, f"{name} is damaged" in done.output) == (1, True)
        assert "remove" in done.output


def test_a_key_that_others_may_read_is_refused_with_what_to_type(tmp_path: Path) -> None:
    node_pk = run(tmp_path, "keygen").output
    key = tmp_path / "node.key"
    key.chmod(0o644)
    for words in (("serve", "--uri", "memory:///"), ("agent",), ("node-pk",), ("keygen",)):
        done = run(tmp_path, *words)
        assert (done.exit_code, done.output.count("\n")) == (1, 1), words
        assert f"{key}: its mode is 0644, open to others; chmod 600 {key}" in done.output
    (tmp_path / "node.crt").unlink()
    assert "chmod 600" in run(tmp_path, "keygen").output
    key.chmod(0o600)
    assert run(tmp_path, "keygen").output == node_pk


def test_a_machine_without_a_clock_believes_certificates(tmp_path: Path) -> None:
    run(tmp_path, "keygen")
    made = x509.load_pem_x509_certificate((tmp_path / "node.crt").read_bytes())
    assert made.not_valid_before_utc.year < 1970
    trusted = x509.load_der_x509_certificate(anchor(run(tmp_path, "node-pk").output.strip()))
    assert trusted.not_valid_before_utc.year < 1970


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("yet", "this machine's clock"),
        ("[SSL: SSLV3_ALERT_BAD_CERTIFICATE]", "its clock"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA]", "authorize"),
    ],
)
def test_a_clock_is_told_from_a_key(error: str, said: str) -> None:
    if error == "yet":
        refused = ssl.SSLCertVerificationError(1, "certificate is not yet valid")
        refused.verify_code = 9
        assert said in client._reason(refused)
    else:
        alert = ssl.SSLError(1, error)
        alert.reason = error.removeprefix("[SSL: ").removesuffix("]")
        assert said in client._reason(alert)
