"""The controller as users start and end it: each application alone, bad options, signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from backstop import BACKSTOP
from tools.controller_process import ControllerProcess, wait_until
from tools.fork_server import VARIABLE, ForkedProcess
from tools.free_port import free_port, free_ports
from tools.slicing_process import SlicingProcess

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]
MANAGER = str(Path(sys.executable).with_name("ryu-manager"))


@pytest.mark.parametrize(
    ("app", "served", "absent"),
    [
        ("horizon_ryu.discovery", "/v1/topology", "/v1/spanning-tree"),
        ("horizon_ryu.spanning_tree", "/v1/spanning-tree", "/v1/nonsense"),
        ("horizon_ryu.forwarding", "/v1/spanning-tree", "/v1/nonsense"),
        ("horizon_ryu.bundle", "/v1/networks", "/v1/nonsense"),
    ],
)
def test_each_application_brings_what_it_needs(
    tmp_path: Path, app: str, served: str, absent: str
) -> None:
    with ControllerProcess(tmp_path, (app,), really_started=True) as controller:
        controller.get(served)
        with pytest.raises(urllib.error.HTTPError) as refused:
            controller.get(absent)
        assert refused.value.code == 404
        with socket.create_connection(("127.0.0.1", controller.openflow_port), BACKSTOP) as switch:
            hello = switch.recv(8)
        assert hello[1] == 0
        assert controller.stop() == 0
    assert "Traceback" not in controller.log()


class _HungUp(ControllerProcess):
    """Is sent SIGHUP again and again until it answers, from when it has loaded its event loop."""

    def _answers(self) -> bool:
        if b"greenlet" in Path(f"/proc/{self.pid}/maps").read_bytes():
            os.kill(self.pid, signal.SIGHUP)
        return super()._answers()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(tmp_path: Path, signum: int) -> None:
    """Once it runs, and those alone; a hangup never does."""
    controller = _HungUp(tmp_path, really_started=True)
    controller.start()
    assert controller.stop(signum) == 0
    assert "stopped" in controller.log()
    assert "Traceback" not in controller.log()


def test_timers_set_through_rest_outlive_a_restart(tmp_path: Path) -> None:
    controller = ControllerProcess(tmp_path)
    with controller:
        controller.request("PATCH", "/v1/spanning-tree/timers", {"port_hold_time": 7.5})
        controller.request("PATCH", "/v1/topology/timers", {"link_max_idle": 20})
    with controller:
        assert controller.get("/v1/spanning-tree/timers")["port_hold_time"] == 7.5
        assert controller.get("/v1/topology/timers")["link_max_idle"] == 20


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[discovery]\nlldp_intervall = 1\n", "discovery.lldp_intervall: no such option"),
        ("[discovery]\nlldp_interval = 0\n", "discovery.lldp_interval"),
        ("[guard]\nallowed_dpids = 0x1\n", "guard.allowed_dpids: a dpid is exactly 16"),
        ("[discovery]\nkey_file = /no/such/key\n", "discovery.key_file"),
    ],
)
def test_a_wrong_option_ends_it_with_its_name(tmp_path: Path, config: str, said: str) -> None:
    path = tmp_path / "horizon.conf"
    path.write_text(f"{config}[store]\nurl = sqlite://\n", encoding="utf-8")
    status, output = _ended(
        tmp_path, f"--config-file={path}", *_given(_ports()), really_started="key_file" in config
    )
    assert status == 2
    assert said in output
    assert "Traceback" not in output


@pytest.mark.parametrize("option", ["--ofp-tcp-listen-port", "--wsapi-port"])
def test_a_port_that_is_taken_is_named(tmp_path: Path, option: str) -> None:
    path = tmp_path / "horizon.conf"
    path.write_text("[store]\nurl = sqlite://\n", encoding="utf-8")
    ports = _ports()
    with socket.create_server(("127.0.0.1", ports[option])):
        _expect_taken(path, ports, ports[option], really_started="wsapi" in option)


def test_a_slicer_starts_beside_a_controller_which_has_the_port_of_openflow(tmp_path: Path) -> None:
    slicer = SlicingProcess(tmp_path)
    with socket.create_server(("127.0.0.1", slicer.openflow_port)), slicer:
        assert slicer.slices() == []
        assert slicer.stop() == 0


def test_one_port_for_openflow_and_rest_is_refused(tmp_path: Path) -> None:
    """Eventlet would share it between the two: each would get some of the connections."""
    path = tmp_path / "horizon.conf"
    path.write_text("[store]\nurl = sqlite://\n", encoding="utf-8")
    port = free_port()
    _expect_taken(path, {"--ofp-tcp-listen-port": port, "--wsapi-port": port}, port)


def _ports() -> dict[str, int]:
    return dict(zip(("--ofp-tcp-listen-port", "--wsapi-port"), free_ports(2), strict=True))


def _given(ports: dict[str, int]) -> list[str]:
    return [f"{name}={port}" for name, port in ports.items()]


def _ended(folder: Path, *words: str, really_started: bool = False) -> tuple[int, str]:
    """Return the status of a controller that ends by itself, and what it said.

    It is forked off, as most controllers of tests are: of each kind of mistake, one is made in a
    real start.
    """
    command = [MANAGER, "horizon_ryu.bundle", *words]
    said = folder / "said"
    with said.open("wb") as out:
        if really_started:
            process: subprocess.Popen[bytes] | ForkedProcess
            process = subprocess.Popen(command, stdout=out, stderr=out, cwd=folder)
        else:
            process = ForkedProcess(os.environ[VARIABLE], command, out, os.environ, folder)
    try:
        return process.wait(BACKSTOP), said.read_text("utf-8")
    finally:
        process.kill()


def _expect_taken(
    config: Path, ports: dict[str, int], taken: int, really_started: bool = False
) -> None:
    status, output = _ended(
        config.parent,
        f"--config-file={config}",
        *_given(ports),
        really_started=really_started,
    )
    assert status == 2
    assert str(taken) in output
    assert "Traceback" not in output


MISTAKES = [
    (("--config-file=/no/such.conf",), "/no/such.conf"),
    (("--config-file=/tmp",), "/tmp"),
    (("--pid-file=/no/such/pid",), "/no/such/pid"),
    (("--log-file=/no/such/log",), "/no/such/log"),
    (("--pid-file=/dev/full",), "/dev/full: No space"),
    (("--user-flags=/no/flags",), "/no/flags"),
    (("--ctl-cert=/no/cert", "--ctl-privkey=/no/key"), "/no/key"),
    (("--ctl-privkey=/no/key",), "ctl_cert"),
    (("--wsapi-port=99999",), "wsapi_port"),
    (("--ofp-switch-address-list=foo",), "ofp_switch_address_list"),
]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("log_config_file = /bin/true", "/bin/true"),
        ("log_file_mode = rw\nlog_file = controller.log", "log_file_mode rw"),
        ("wsapi_port = abc", "wsapi_port"),
        ("default_log_level = loud", "default_log_level"),
    ],
)
def test_a_mistake_in_ryus_own_options_is_one_line(tmp_path: Path, config: str, said: str) -> None:
    (tmp_path / "horizon.conf").write_text(f"[DEFAULT]\n{config}\n", encoding="utf-8")
    status, output = _ended(
        tmp_path, "--config-file=horizon.conf", really_started="wsapi_port" in config
    )
    lines = output.splitlines()
    assert status == 2
    assert len(lines) == 1, lines
    assert said in lines[0]


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "horizon.conf").write_bytes(b"[DEFAULT]\n# caf\xe9\n")
    status, output = _ended(tmp_path, "--config-file=horizon.conf")
    assert status == 2
    assert output == (
        f"ryu-manager: {tmp_path}/horizon.conf, line 2: byte 0xe9, the 16th of the file, "
        "is not UTF-8\n"
    )


def test_a_log_on_a_full_disk_is_told_once(tmp_path: Path) -> None:
    """The network goes on, and logging would write a traceback for each line."""
    config = "[DEFAULT]\nlog_file = /dev/full\nlog_file_mode = 666\n"
    with ControllerProcess(tmp_path, config=config) as controller:
        told = wait_until(
            lambda: [line for line in controller.log().splitlines() if "/dev/full" in line],
            60,
            "the fault is told",
        )
        assert told == [
            "ryu-manager: /dev/full: No space left on device; lines of the log are lost"
        ]
        assert "Traceback" not in controller.log()


@pytest.mark.parametrize(("arguments", "said"), MISTAKES)
def test_a_mistake_is_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    status, output = _ended(
        tmp_path, *_given(_ports()), *arguments, really_started=said == "ctl_cert"
    )
    lines = output.splitlines()
    assert status == 2
    assert len(lines) == 1, lines
    assert said in lines[0]


def test_the_log_of_a_start_says_that_it_is_ready_and_nothing_else(tmp_path: Path) -> None:
    with ControllerProcess(tmp_path, really_started=True) as controller:
        [line] = wait_until(lambda: controller.log().splitlines(), 60, "a line in the log")
        assert f"ready, listening on 127.0.0.1:{controller.openflow_port} (OpenFlow)" in line
        assert f"127.0.0.1:{controller.rest_port} (REST)" in line
    kept = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.glob("horizon.sqlite*")}
    assert set(kept.values()) == {0}


def test_sighup_puts_other_tokens_in_force(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.touch(0o600)
    tokens.write_text(f"pilot {'a' * 20}\n", encoding="utf-8")
    with ControllerProcess(tmp_path, config=f"[rest]\ntokens_file = {tokens}\n") as controller:
        assert _status_with(controller, "a" * 20) == 200
        tokens.write_text(f"pilot {'b' * 20}\n", encoding="utf-8")
        os.kill(controller.pid, signal.SIGHUP)
        wait_until(lambda: _status_with(controller, "b" * 20) == 200, 60, "the new token")
        assert _status_with(controller, "a" * 20) == 401
        tokens.write_text("nonsense\n", encoding="utf-8")
        os.kill(controller.pid, signal.SIGHUP)
        wait_until(lambda: "tokens stay as they were" in controller.log(), 60, "a line")
        assert _status_with(controller, "b" * 20) == 200
        assert any("tokens stay as they were" in told for told in _reasons(controller, "b" * 20))
        tokens.write_text(f"pilot {'c' * 20}\n", encoding="utf-8")
        os.kill(controller.pid, signal.SIGHUP)
        wait_until(lambda: _status_with(controller, "c" * 20) == 200, 60, "the last token")
        assert not any("tokens" in told for told in _reasons(controller, "c" * 20))


def _reasons(controller: ControllerProcess, token: str) -> list[str]:
    """Return why it calls itself degraded."""
    with _asked(controller, "/v1/health", token) as answer:
        return list(json.load(answer)["reasons"])


def _asked(controller: ControllerProcess, path: str, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(controller.url + path, headers=headers)
    return urllib.request.urlopen(request, timeout=BACKSTOP)


def _status_with(controller: ControllerProcess, token: str) -> int:
    try:
        with _asked(controller, "/v1/topology", token) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
