"""``xen-bridge`` as an operator runs it: what is refused says what to do."""

from __future__ import annotations

import datetime
import errno
import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from xen_bridge import client
from xen_bridge.command import main
from xen_bridge.dom0.hypervisor import opening
from xen_bridge.dom0.hypervisor.opening import check_is_here, default_uri
from xen_bridge.trust import list_file
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
        "xen+tcp:///system",
        "xen+ssh:///system",
        "xen+ext:///system?command=/usr/bin/tunnel",
        "xen+ssh://r%6Fot@other/system",
        "xen://%6Cocalhost/system",
        "xen+ssh://other:99999/system",
        "xen+unix://other/system?socket=/run/libvirt/libvirt-sock",
        "test+tcp:///default",
    ],
)
def test_a_service_is_of_one_machine(tmp_path: Path, uri: str) -> None:
    run(tmp_path, "keygen")
    done = run(tmp_path, "serve", "--uri", uri)
    assert done.exit_code == 1
    assert uri in done.output
    assert "Traceback" not in done.output
    said = ("run xen-bridge there", "no URI", "is none of")
    assert any(words in done.output for words in said)


@pytest.mark.parametrize("uri", ["", "xen", "/run/libvirt/libvirt-sock", "qemu:///system"])
def test_no_other_variable_or_driver_is_asked_for_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "xen+tcp://other/")
    run(tmp_path, "keygen")
    done = run(tmp_path, "serve", "--uri", uri)
    assert (done.exit_code, "is none of xen:///system" in done.output) == (1, True), done.output


@pytest.mark.parametrize(
    "uri",
    [
        "xen:///system",
        "xen:///",
        "xen+unix:///system",
        "xen+unix:///system?socket=/run/libvirt/virtxend-sock",
        "test:///default",
        "memory:///a?seconds=0.1",
    ],
)
def test_this_machine_goes_by_these(uri: str) -> None:
    check_is_here(uri)


def test_where_no_hypervisor_is_named_it_is_xen_if_that_runs_here_else_namespaces(
    tmp_path: Path,
) -> None:
    sysfs, proc = tmp_path / "sys", tmp_path / "proc"
    assert default_uri(sysfs, proc) == "netns:///"
    (proc / "xen").mkdir(parents=True)
    assert default_uri(sysfs, proc) == "xen:///system"
    (sysfs / "hypervisor").mkdir(parents=True)
    (sysfs / "hypervisor" / "type").write_text("xen\n")
    assert default_uri(sysfs, proc) == "xen:///system"
    (sysfs / "hypervisor" / "type").write_text("kvm\n")
    assert default_uri(sysfs, proc) == "netns:///"


def test_a_service_that_is_begun_without_a_hypervisor_says_what_its_domains_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def refuse(_directory: Path, uri: str, *_rest: object) -> None:
        begun.append(uri)
        raise OSError(1, "enough")

    monkeypatch.setattr("xen_bridge.nodes.domain_0", refuse)
    monkeypatch.setattr(opening, "default_uri", lambda: "netns:///")
    run(tmp_path, "keygen")
    assert "network namespaces" in run(tmp_path, "serve").output
    monkeypatch.setattr(opening, "default_uri", lambda: "xen:///system")
    assert "network namespaces" not in run(tmp_path, "serve").output
    assert begun == ["netns:///", "xen:///system"]


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
        ("expired", "this machine's clock is ahead"),
        ("[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED]", "is its clock ahead"),
        ("[SSL: SSLV3_ALERT_BAD_CERTIFICATE]", "its clock"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA]", "authorize"),
    ],
)
def test_a_clock_is_told_from_a_key(error: str, said: str) -> None:
    if error in ("yet", "expired"):
        refused = ssl.SSLCertVerificationError(1, f"certificate is {error}")
        refused.verify_code = 9 if error == "yet" else 10
        assert said in client._reason(refused)
    else:
        alert = ssl.SSLError(1, error)
        alert.reason = error.removeprefix("[SSL: ").removesuffix("]")
        assert said in client._reason(alert)


def test_a_certificate_whose_key_is_gone_is_said_and_kept(tmp_path: Path) -> None:
    node_pk = run(tmp_path, "keygen").output.strip()
    key, certificate = tmp_path / "node.key", tmp_path / "node.crt"
    kept, text = key.read_bytes(), certificate.read_bytes()
    key.unlink()
    for words in (("serve", "--uri", "memory:///"), ("agent",), ("node-pk",), ("keygen",)):
        done = run(tmp_path, *words)
        assert (done.exit_code, done.output.count("\n")) == (1, 1), words
        assert f"put back the key of {node_pk}" in done.output
        assert f"remove {certificate} for a new one" in done.output
    assert (key.exists(), certificate.read_bytes()) == (False, text)
    key.write_bytes(kept)
    key.chmod(0o600)
    assert run(tmp_path, "node-pk").output.strip() == node_pk
    # The other way that it says helps too.
    key.unlink()
    certificate.unlink()
    assert run(tmp_path, "keygen").exit_code == 0


def other_keys() -> dict[str, bytes]:
    pem, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    none, locked = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"secret")
    curve = ec.generate_private_key(ec.SECP256R1())
    return {
        "another kind": curve.private_bytes(pem, plain, none),
        "a pass phrase": Ed25519PrivateKey.generate().private_bytes(pem, plain, locked),
    }


@pytest.mark.parametrize("kind", ["another kind", "a pass phrase"])
@pytest.mark.parametrize("has_certificate", [True, False])
def test_a_key_of_another_kind_is_said_and_kept(
    tmp_path: Path, kind: str, has_certificate: bool
) -> None:
    run(tmp_path, "keygen")
    key = tmp_path / "node.key"
    key.write_bytes(other := other_keys()[kind])
    if not has_certificate:
        (tmp_path / "node.crt").unlink()
    done = run(tmp_path, "keygen")
    assert (done.exit_code, "is no Ed25519 key" in done.output) == (1, True), done.output
    assert "move it away" in done.output
    assert key.read_bytes() == other


@pytest.mark.parametrize(("first", "last"), [(2000, 2010), (2500, 2600)], ids=["past", "future"])
def test_a_certificate_that_is_not_valid_now_is_said(tmp_path: Path, first: int, last: int) -> None:
    node_pk = run(tmp_path, "keygen").output
    place = tmp_path / "node.crt"
    key = serialization.load_pem_private_key((tmp_path / "node.key").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    made = x509.load_pem_x509_certificate(place.read_bytes())
    dated = (
        x509.CertificateBuilder(made.issuer, made.subject, key.public_key(), made.serial_number)
        .not_valid_before(datetime.datetime(first, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(last, 1, 1, tzinfo=datetime.UTC))
        .sign(key, None)
    )
    place.write_bytes(dated.public_bytes(serialization.Encoding.PEM))
    for words in (("serve", "--uri", "memory:///"), ("node-pk",), ("keygen",)):
        done = run(tmp_path, *words)
        assert (done.exit_code, done.output.count("\n")) == (1, 1), words
        assert f"valid from {first}-01-01 to {last}-01-01" in done.output
        assert "clock" in done.output
    # What it says helps: the same key, whoever has authorized it need not again.
    place.unlink()
    assert run(tmp_path, "keygen").output == node_pk


def test_a_list_that_cannot_be_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node_pk = run(tmp_path, "keygen").output.strip()
    run(tmp_path, "authorize", node_pk, "first")
    other = run(tmp_path / "other", "keygen").output.strip()
    before = (tmp_path / "authorized_nodes").read_text()
    with monkeypatch.context() as patched:
        patched.setattr(list_file, "read_regular", unreadable)
        for words in (("authorize", other), ("authorize", "--remove", node_pk)):
            done = run(tmp_path, *words)
            assert (done.exit_code, "Traceback" in done.output) == (1, False), done.output
        added = run(tmp_path, "router", "add", "r1", "https://10.0.0.11:7444", node_pk)
        assert added.exit_code == 0, "there was no list of routers: nothing is lost"
    assert (tmp_path / "authorized_nodes").read_text() == before


def unreadable(*_args: object, **_options: object) -> str:
    raise OSError(errno.EMFILE, "Too many open files")
