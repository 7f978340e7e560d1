"""The controller as users start and end it: each application alone, bad options, signals."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest

from tools.controller_process import ControllerProcess
from tools.free_port import free_port, free_ports

pytestmark = pytest.mark.integration
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
    with ControllerProcess(tmp_path, (app,)) as controller:
        controller.get(served)
        with pytest.raises(urllib.error.HTTPError) as refused:
            controller.get(absent)
        assert refused.value.code == 404
        with socket.create_connection(("127.0.0.1", controller.openflow_port), 5) as switch:
            hello = switch.recv(8)
        assert hello[1] == 0
        assert controller.stop() == 0
    assert "Traceback" not in controller.log()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(tmp_path: Path, signum: int) -> None:
    controller = ControllerProcess(tmp_path)
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
    ended = subprocess.run(
        [MANAGER, "horizon_ryu.bundle", f"--config-file={path}",
         *(f"{name}={port}" for name, port in _ports().items())],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    output = ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert said in output
    assert "Traceback" not in output


@pytest.mark.parametrize("option", ["--ofp-tcp-listen-port", "--wsapi-port"])
def test_a_port_that_is_taken_is_named(tmp_path: Path, option: str) -> None:
    path = tmp_path / "horizon.conf"
    path.write_text("[store]\nurl = sqlite://\n", encoding="utf-8")
    ports = _ports()
    with socket.create_server(("127.0.0.1", ports[option])):
        _expect_taken(path, ports, ports[option])


def test_one_port_for_openflow_and_rest_is_refused(tmp_path: Path) -> None:
    """Eventlet would share it between the two: each would get some of the connections."""
    path = tmp_path / "horizon.conf"
    path.write_text("[store]\nurl = sqlite://\n", encoding="utf-8")
    port = free_port()
    _expect_taken(path, {"--ofp-tcp-listen-port": port, "--wsapi-port": port}, port)


def _ports() -> dict[str, int]:
    return dict(zip(("--ofp-tcp-listen-port", "--wsapi-port"), free_ports(2), strict=True))


def _expect_taken(config: Path, ports: dict[str, int], taken: int) -> None:
    ended = subprocess.run(
        [MANAGER, "horizon_ryu.bundle", f"--config-file={config}",
         *(f"{name}={port}" for name, port in ports.items())],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    output = ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert str(taken) in output
    assert "Traceback" not in output
