"""Limits, identities, TLS and keep-alive of a real controller."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fuzz.guarded_controller import GuardedController
from fuzz.wire import OF10, OF13, message, packet_in13
from virtual_switch.blocking import SECONDS, Gone, SocketSwitch, connected_switch

pytestmark = pytest.mark.usefixtures("guarded_controllers")


def test_a_silent_switch_is_closed_and_one_that_answers_is_not() -> None:
    limits = {"echo_interval": 2.0, "unanswered_echoes": 2}
    with (
        GuardedController(limits=limits) as controller,
        connected_switch(controller.port, 1) as lively,
    ):
        silent = SocketSwitch(controller.port)
        silent.shake_hands(2)
        deadline = time.monotonic() + SECONDS
        while not controller.refusals() and time.monotonic() < deadline:
            with pytest.raises(TimeoutError):
                lively.expect(255, 0.1)
        assert controller.refusals() == {"no_echo": 1}
        assert controller.state()["connected"] == [1]
        silent.wait_closed()


def test_connections_per_address_and_those_that_leave_make_room() -> None:
    limits = {"connections_per_address": 2}
    # Dpids that nobody named would give way.
    with GuardedController(limits=limits, allowed_dpids=[1, 2, 3]) as controller:
        with connected_switch(controller.port, 1), connected_switch(controller.port, 2):
            # Until then they would give way.
            controller.wait_for(lambda state: state["connected"] == [1, 2], "both are in")
            third = SocketSwitch(controller.port)
            third.wait_closed()
            assert controller.refusals() == {"too_many_connections": 1}
            assert controller.state()["connected"] == [1, 2]
        controller.wait_for(lambda state: state["inside"] == 0, "both have left")
        with connected_switch(controller.port, 3) as fourth:
            fourth.echo()


def test_silent_connections_give_way_to_switches_that_shake_hands() -> None:
    limits = {"connections": 4, "handshake_seconds": 1000.0}
    with (
        GuardedController(limits=limits) as controller,
        connected_switch(controller.port, 1) as first,
    ):
        controller.wait_for(lambda state: state["connected"] == [1], "the first is in")
        silent = [SocketSwitch(controller.port) for _ in range(20)]
        for dpid in (2, 3):
            with connected_switch(controller.port, dpid) as newcomer:
                newcomer.echo()
                first.echo()
            controller.wait_for(lambda state: state["inside"] == 3, "the newcomer has left")
        assert controller.refusals() == {"made_room": 18}
        silent[0].wait_closed()
        for switch in silent:
            switch.close()


def test_invented_dpids_give_way_and_the_first_stay() -> None:
    limits = {"connections": 3, "handshake_seconds": 1000.0}
    with (
        GuardedController(limits=limits) as controller,
        connected_switch(controller.port, 1) as first,
    ):
        controller.wait_for(lambda state: state["connected"] == [1], "the first is in")
        invented = []
        for dpid in range(100, 110):
            invented.append(SocketSwitch(controller.port))
            invented[-1].shake_hands(dpid)
            controller.wait_for(lambda state, d=dpid: d in state["connected"], "it is in")
        with connected_switch(controller.port, 2) as newcomer:
            newcomer.echo()
            first.echo()
        assert controller.refusals() == {"gave_way": 9}
        for switch in invented:
            switch.close()


def test_dpids_that_are_named_by_the_operator_give_way_to_nobody() -> None:
    with (
        GuardedController(limits={"connections": 1}, allowed_dpids=[1]) as controller,
        connected_switch(controller.port, 1) as switch,
    ):
        controller.wait_for(lambda state: state["connected"] == [1], "it is in")
        SocketSwitch(controller.port).wait_closed()
        assert controller.refusals() == {"too_many_connections": 1}
        switch.echo()


def test_only_allowed_dpids() -> None:
    with (
        GuardedController(allowed_dpids=[1]) as controller,
        connected_switch(controller.port, 1) as friend,
    ):
        SocketSwitch(controller.port).shake_hands_until_closed(2)
        assert controller.refusals() == {"dpid_not_allowed": 1}
        friend.echo()


def test_a_switch_that_does_not_read_is_closed_and_costs_no_more_than_its_buffer() -> None:
    with GuardedController(limits={"output_bytes": 50_000}) as controller:
        deaf = SocketSwitch(controller.port)
        deaf.link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.shake_hands(1)
        with pytest.raises((Gone, TimeoutError)):
            _talk_without_end(deaf)
        state = controller.wait_for(lambda state: state["inside"] == 0, "it was closed")
        assert state["refusals"] == {"output_stuck": 1}
        deaf.close()


def _talk_without_end(switch: SocketSwitch) -> None:
    while True:
        switch.send(message(OF13, 2, bytes(1024)) * 50)


def test_packet_ins_are_answered_in_order_and_at_once() -> None:
    with (
        GuardedController() as controller,
        connected_switch(controller.port, 1) as switch,
    ):
        switch.send(packet_in13() * 1000)
        xids = [int.from_bytes(switch.expect(20)[4:8], "big") for _ in range(1000)]
        assert xids == list(range(1, 1001))
        switch.send(packet_in13())
        assert switch.expect(20)[4:8] == (1001).to_bytes(4, "big")


def test_messages_in_single_bytes_are_put_together() -> None:
    with (
        GuardedController() as controller,
        connected_switch(controller.port, 1, OF10) as switch,
    ):
        for byte in message(OF10, 2, b"slowly"):
            switch.send(bytes([byte]))
        assert switch.expect(3)[8:] == b"slowly"


def test_loopback_is_the_default_and_the_old_port_is_not_opened() -> None:
    with GuardedController() as controller:
        listening = _listening(controller)
    assert listening
    assert all(address.startswith("127.0.0.1:") for address in listening)
    assert not any(address.endswith(":6633") for address in listening)


def _listening(controller: GuardedController) -> list[str]:
    """Return the addresses on which the process of ``controller`` listens."""
    inodes = {
        path.readlink().name
        for path in Path(f"/proc/{controller.pid}/fd").iterdir()
        if path.is_symlink()
    }
    found = []
    for line in Path(f"/proc/{controller.pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            host, port = fields[1].split(":")
            found.append(f"{socket.inet_ntoa(bytes.fromhex(host)[::-1])}:{int(port, 16)}")
    return found


class Keys(NamedTuple):
    """Files of an authority, the controller and two switches; and what a stranger has."""

    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def fingerprint(self, name: str) -> str:
        pem = Path(self.path(f"{name}.crt")).read_text()
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def options(self) -> dict[str, Any]:
        return {
            "ctl_privkey": self.path("controller.key"),
            "ctl_cert": self.path("controller.crt"),
            "ca_certs": self.path("ca.crt"),
        }

    def connect(self, port: int, name: str | None) -> SocketSwitch:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.path("ca.crt"))
        if name is not None:
            context.load_cert_chain(self.path(f"{name}.crt"), self.path(f"{name}.key"))
        link = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        return SocketSwitch(port, context.wrap_socket(link))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Make them with openssl, as an operator would."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("keys")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for authority in ("ca", "stranger-ca"):
        files = ("-keyout", f"{authority}.key", "-out", f"{authority}.crt")
        openssl(*new, "-x509", "-days", "2", "-subj", f"/CN={authority}", *files)
    for name, authority in (
        ("controller", "ca"),
        ("switch", "ca"),
        ("other", "ca"),
        ("stranger", "stranger-ca"),
    ):
        openssl(*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signer = ("-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial")
        openssl("x509", "-req", "-in", f"{name}.csr", *signer, "-days", "2", "-out", f"{name}.crt")
    return Keys(folder)


@pytest.fixture
def secure(keys: Keys) -> Iterator[GuardedController]:
    """A controller that wants client certificates, and a certain one for dpid 1."""
    with GuardedController(
        options=keys.options(),
        certificates={"1": [keys.fingerprint("switch")]},
        limits={"handshake_seconds": SECONDS},
    ) as controller:
        yield controller


def test_2_1_070_switches_with_certificates_are_served(
    secure: GuardedController, keys: Keys
) -> None:
    switches = [keys.connect(secure.port, name) for name in ("switch", "other")]
    for dpid, switch in enumerate(switches, 1):
        switch.shake_hands(dpid)
        switch.echo()
        switch.send(packet_in13() * 3)
        for _ in range(3):
            switch.expect(20)
    assert secure.state()["connected"] == [1, 2]


@pytest.mark.parametrize("name", [None, "stranger"])
def test_2_1_071_wrong_or_no_certificate_is_refused(
    secure: GuardedController, keys: Keys, name: str | None
) -> None:
    with pytest.raises((Gone, OSError)):
        keys.connect(secure.port, name).shake_hands(1)
    secure.wait_for(lambda _: secure.refusals() == {"tls_handshake": 1}, "it was counted")


def test_2_1_072_plain_text_is_refused(secure: GuardedController) -> None:
    with pytest.raises((Gone, OSError)):
        SocketSwitch(secure.port).shake_hands(1)
    secure.wait_for(lambda _: secure.refusals() == {"tls_handshake": 1}, "it was counted")


def test_tls_handshake_that_never_comes_is_ended(keys: Keys) -> None:
    limits = {"handshake_seconds": 1.0}
    with GuardedController(options=keys.options(), limits=limits) as controller:
        SocketSwitch(controller.port).wait_closed()
        assert controller.refusals() == {"tls_handshake": 1}


def test_tls_handshakes_that_never_come_give_way(keys: Keys) -> None:
    with GuardedController(
        options=keys.options(), limits={"connections": 2, "handshake_seconds": 1000.0}
    ) as controller:
        silent = [SocketSwitch(controller.port) for _ in range(10)]
        switch = keys.connect(controller.port, "switch")
        switch.shake_hands(1)
        switch.echo()
        assert controller.refusals() == {"made_room": 9}
        for one in (*silent, switch):
            one.close()


def test_a_certificate_speaks_for_its_own_dpid_only(secure: GuardedController, keys: Keys) -> None:
    keys.connect(secure.port, "other").shake_hands_until_closed(1)
    assert secure.refusals() == {"wrong_certificate": 1}
