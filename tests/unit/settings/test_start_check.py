"""One check for the start and for check-config: what the one refuses, the other does."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from horizon_ryu.core.errors import HorizonError
from horizon_ryu.start_check import check_file
from horizon_ryu.store import Store
from xen_bridge.trust.identity import Identity

REFUSED = [
    # TLS became plain TCP without a word.
    ("[DEFAULT]\nctl_privkeey = key.pem\n", "DEFAULT.ctl_privkeey: no such option; did you mean"),
    ("[DEFAULT]\nctl-privkey = key.pem\n", "did you mean ctl_privkey?"),
    ("[DEFAULT]\nWsapi_Port = 1\n", "did you mean wsapi_port?"),
    ("[DEFAULT]\nlldp_interval = 1\n", "there is one in [discovery]"),
    ("[discovery]\nlldp-interval = 1\n", "did you mean lldp_interval?"),
    ("[discovery]\nlldp_interval\n", "lldp_interval"),
    ("[Discovery]\nlldp_interval = 1\n", "Discovery: no such section; did you mean discovery?"),
    ("[default]\nwsapi_port = 1\n", "did you mean DEFAULT?"),
    ("[DEFAULT]\nwsapi_port = soon\n", "wsapi_port"),
    ("[DEFAULT]\nsocket_timeout = soon\n", "DEFAULT.socket_timeout"),
    ("[DEFAULT]\nctl_privkey = /no/key\n", "ctl_cert: is missing, but ctl_privkey"),
    ("[DEFAULT]\nctl_cert = /no/cert\n", "ctl_privkey: is missing"),
    ("[DEFAULT]\nca_certs = /no/ca\n", "ctl_privkey: is missing"),
    ("[DEFAULT]\nctl_cert = /no/cert\nctl_privkey = /no/key\n", "ctl_privkey: /no/key: No such"),
    ("[DEFAULT]\nwsapi_host = 0.0.0.0\n", "token"),
    ("[rest]\ntokens_file = /no/tokens\n", "tokens_file"),
    ("[discovery]\nkey_file = /no/key\n", "discovery.key_file"),
    ("[guard]\nallowed_dpids = 0x1\n", "guard.allowed_dpids"),
    ("[guard]\ncertificates = x\n", "guard.certificates"),
    ("[flow_migration]\nsettle = x\n", "flow_migration.settle"),
    ("[flow_manager]\ntag_first = 9\ntag_last = 3\n", "flow_manager.tag_first"),
    ("[store]\nurl = sqlite:////\n", "store.url"),
    ("[store]\nurl = sqlite:////no/such/folder/x\n", "/no/such/folder"),
    ("[store]\nurl = horizon.sqlite\n", "store.url"),
    ("[store]\nurl = nosuchdb://x\n", "store.url"),
    ("[DEFAULT]\nwsapi_port = 99999\n", "wsapi_port: 99999 is no port"),
    ("[DEFAULT]\nofp_switch_address_list = foo\n", "ofp_switch_address_list: 'foo' is not"),
    ("no section\n", "horizon.conf"),
    ("[DEFAULT]\nwsapi_port =\n", "wsapi_port: needs a number"),
    ("[DEFAULT]\nwsapi_port = 6653\n", "wsapi_port: 6653 is the port of OpenFlow"),
    ("[DEFAULT]\nofp_tcp_listen_port = 8080\n", "wsapi_port: 8080 is the port of OpenFlow"),
    ("[DEFAULT]\nofp_tcp_listen_port = 70000\n", "ofp_tcp_listen_port: 70000 is no port"),
    ("[DEFAULT]\nofp_listen_host = 192.0.2.7\n", "ofp_listen_host: 192.0.2.7: cannot listen"),
    ("[DEFAULT]\nofp_listen_host = [::1]\n", "write an IPv6 address without brackets"),
    ("[DEFAULT]\nofp_listen_host = a b\n", "ofp_listen_host: a b: cannot listen there"),
    ("[DEFAULT]\nlog_config_file = /no/file\n", "log_config_file: /no/file: No such file"),
    ("[DEFAULT]\nlog_config_file = /tmp\n", "log_config_file: /tmp: Is a directory"),
    ("[DEFAULT]\nlog_config_file = /bin/true\n", "log_config_file: "),
    ("[DEFAULT]\nlog_config_file = /dev/null\n", "not a regular file"),
    ("[DEFAULT]\nlog_file = /no/file\n", "log_file: /no/file: there is no directory /no"),
    ("[DEFAULT]\nlog_file = /tmp\n", "log_file: /tmp: is a directory"),
    ("[DEFAULT]\nlog_dir = /no/file\n", "log_dir: /no/file: there is no directory"),
    ("[DEFAULT]\nlog_file_mode = rw\n", "log_file_mode: 'rw' is no mode in octal digits"),
    ("[DEFAULT]\ndefault_log_level = 99\n", "default_log_level: 99 is not 0 to 50"),
    ("[DEFAULT]\npid_file = /no/file\n", "pid_file: /no/file: there is no directory"),
    ("[DEFAULT]\napp_lists = no.such\n", "app_lists: there is no application no.such"),
    ("[DEFAULT]\napp = horizon_ryu.nosuch\n", "there is no application horizon_ryu.nosuch"),
    ("[store]\nurl = oracle://u:secret@h/x\n", "store.url: oracle needs a driver"),
    ("[store]\nurl = sqlite:////bin/true\n", "/bin/true: is no SQLite database"),
    ("[store]\nurl = sqlite:////dev/null\n", "/dev/null: is no regular file"),
    ("[store]\nurl = SQLITE:///x\n", "store.url: no URL of a database: SQLITE is none"),
    ("[store]\nurl = sqlite:///x?timeout=soon\n", "store.url: after the ? (timeout): could not"),
    ("[store]\nurl = sqlite:///x?mode=ro\n", "store.url: after the ? (mode): "),
    # What is behind a value is a part of it: of the name of a store that nobody finds again.
    ("[store]\nurl = sqlite:///x # ours\n", "store.url: a comment needs a line of its own"),
    ("[guard]\nwatchdog = 5 ; s\n", "guard.watchdog: a comment needs a line of its own"),
    ("[DEFAULT]\nwsapi_port = 1\n[DEFAULT]\nwsapi_port = 2\n", "wsapi_port: given twice"),
    ("[guard]\nwatchdog = 5\n\nwatchdog = 6\n", "guard.watchdog: given twice"),
    ("[guard]\nwatchdog = 5s\n", "guard.watchdog: could not convert string to float: '5s'"),
    ("[slicing]\ninstance = a$b\n", "write $$ for a dollar sign"),
    ("[stats]\novsdb = tcp:6640\n", "stats.ovsdb: 'tcp:6640' is not unix:PATH or tcp:HOST:PORT"),
    ("[stats]\novsdb = tcp:h:70000\n", "stats.ovsdb"),
    ("[DEFAULT]\nwsapi_host = 127.0.0.1:8080\n", "wsapi_host: 127.0.0.1:8080: cannot listen"),
    ("[DEFAULT]\nctl_privkey = /no\n", "ctl_cert: is missing, but ctl_privkey asks for TLS"),
]
TAKEN = [
    "[store]\n# ours\nurl = sqlite:///x?timeout=5\n; done\n",
    "[DEFAULT]\napp = horizon_ryu.switches\napp = horizon_ryu.discovery\n",
    "[DEFAULT]\nwsapi_host = LOCALHOST\n",
    "[stats]\novsdb = tcp:[::1]:6640\n",
    "[stats]\novsdb = ssl:192.0.2.1:6640\n[stats]\nmax_bytes = 1048576\n",
]


def write(folder: Path, text: str) -> str:
    path = folder / "horizon.conf"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_a_start_would_refuse_is_named_in_one_line(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(HorizonError) as refused:
        check_file(write(tmp_path, text))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", TAKEN)
def test_what_only_looks_odd_is_taken(tmp_path: Path, text: str) -> None:
    check_file(write(tmp_path, text))


def test_options_of_ryu_are_known(tmp_path: Path) -> None:
    text = "[DEFAULT]\nwsapi_port = 1\nverbose = true\nobserve_links = false\napp_lists = os,json\n"
    check_file(write(tmp_path, text + f"log_file = {tmp_path}/x\nofp_listen_host = 0.0.0.0\n"))


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("nothing")
    (tmp_path / "bad.pem").chmod(0o600)
    text = f"[DEFAULT]\nctl_cert = {tmp_path}/bad.pem\nctl_privkey = {tmp_path}/bad.pem\n"
    with pytest.raises(HorizonError, match=r"ctl_cert: .*bad\.pem"):
        check_file(write(tmp_path, text))


@pytest.mark.parametrize("last", [2020, 2120])
def test_a_certificate_that_is_over_is_told_and_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, last: int
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "controller")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime.datetime(2019, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(last, 1, 1, tzinfo=datetime.UTC))
        .sign(key, hashes.SHA256())
    )
    both = tmp_path / "both.pem"
    both.touch(0o600)
    both.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    check_file(write(tmp_path, f"[DEFAULT]\nctl_cert = {both}\nctl_privkey = {both}\n"))
    told = f"ctl_cert: {both} is valid from 2019-01-01 to 2020-01-01, not now"
    assert [line.startswith(told) for line in caplog.messages] == [True] * (last == 2020)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o606])
@pytest.mark.parametrize(
    ("section", "option", "before"),
    [
        ("DEFAULT", "ctl_privkey", "ctl_cert = /dev/null\n"),
        ("discovery", "key_file", ""),
        ("rest", "tokens_file", ""),
    ],
)
def test_a_key_that_is_open_to_others_is_refused_with_what_to_type(
    tmp_path: Path, section: str, option: str, before: str, mode: int
) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 40)
    key.chmod(mode)
    with pytest.raises(HorizonError) as refused:
        check_file(write(tmp_path, f"[{section}]\n{before}{option} = {key}\n"))
    assert f"{option}: {key}: its mode is {mode:04o}, open to others; chmod 600 {key}" in str(
        refused.value
    )


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_a_group_may_read_a_key(tmp_path: Path, mode: int) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 40)
    key.chmod(mode)
    check_file(write(tmp_path, f"[discovery]\nkey_file = {key}\n"))


def test_so_is_the_key_that_hosts_know(tmp_path: Path) -> None:
    folder = tmp_path / "xen-identity"
    text = f"[store]\nurl = sqlite:///{tmp_path}/horizon.sqlite\n"
    check_file(write(tmp_path, text))
    made = Identity.create(folder)
    check_file(write(tmp_path, text))
    made.key_file.chmod(0o644)
    for wanted in (text, f"[store]\nurl = sqlite://\n[xen]\nidentity = {folder}\n"):
        with pytest.raises(HorizonError, match=rf"xen.identity: .*chmod 600 {made.key_file}"):
            check_file(write(tmp_path, wanted))
    assert made.key_file.exists()


def test_the_store_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "horizon.sqlite"
        path.touch(0o666)
        store = Store(f"sqlite:///{path}")
        store.set_setting("a", 1)
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert "horizon.sqlite-wal" in modes
    assert set(modes.values()) == {0o600}, modes


@pytest.mark.parametrize(
    ("section", "option", "before"),
    [
        ("DEFAULT", "ctl_privkey", "ctl_cert = /dev/null\n"),
        ("DEFAULT", "log_config_file", ""),
        ("discovery", "key_file", ""),
        ("rest", "tokens_file", ""),
    ],
)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, section: str, option: str, before: str
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(HorizonError, match=rf"{option}: {pipe}: not a regular file"):
        check_file(write(tmp_path, f"[{section}]\n{before}{option} = {pipe}\n"))


@pytest.mark.parametrize(
    "text", [b"\xef\xbb\xbfpilot aaaaaaaaaaaaaaaaaaaa\n", b"pilot aaaaaaaaaaaaaaaaaaaa\r\n"]
)
def test_tokens_may_come_from_an_editor_of_another_system(tmp_path: Path, text: bytes) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_bytes(text)
    tokens.chmod(0o600)
    check_file(write(tmp_path, f"[rest]\ntokens_file = {tokens}\n"))


def test_an_ipv6_address_can_be_listened_on(tmp_path: Path) -> None:
    check_file(write(tmp_path, "[DEFAULT]\nwsapi_host = ::1\nofp_listen_host = ::1\n"))


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("[slicing]\nlisten = 6633\n", "slicing.listen"),
        ("[slicing]\nlisten = 127.0.0.1:0\n", "slicing.listen"),
        ("[slicing]\nlisten = 127.0.0.1:99999\n", "slicing.listen"),
        ("[slicing]\ninstance =\n", "slicing.instance"),
        (f"[slicing]\ninstance = {46 * 'x'}\n", "slicing.instance"),
        (f"[slicing]\nfolder = /{120 * 'x'}\n", "slicing.folder"),
        ("[rest]\nslicer_url = 127.0.0.1:8090\n", "rest.slicer_url"),
        ("[rest]\nslicer_url = http://127.0.0.1:8090/v1\n", "rest.slicer_url"),
    ],
)
def test_a_slicer_that_could_not_be_started_or_asked_is_refused(
    tmp_path: Path, text: str, option: str
) -> None:
    with pytest.raises(HorizonError, match=option):
        check_file(write(tmp_path, text))
