"""Reasons out of libxl's log, as Xen 4.17 and libvirt 9.0 wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from xen_bridge.dom0.hypervisor.libxl_log import MAX_BYTES, LibxlLog, reasons_in
from xen_bridge.errors import HypervisorAway, HypervisorError, RequestConflict

AT = "2026-11-24 02:06:27.502+0000: "
NO_KERNEL = (
    f"{AT}xc: panic: xg_dom_core.c:205: failed to open file '/nope': No such file or directory: "
    "Internal error\n"
    f"{AT}libxl: libxl_dom.c:659:libxl__build_pv: xc_dom_ramdisk_file failed: No such file or "
    "directory\n"
    f"{AT}libxl: libxl_create.c:1640:domcreate_rebuild_done: Domain 6:cannot (re-)build domain: "
    "-3\n"
)
NO_BRIDGE = (
    f"{AT}libxl: libxl_exec.c:117:libxl_report_child_exitstatus: /etc/xen/scripts/vif-bridge "
    "online [412] exited with error status 1\n"
    f"{AT}libxl: libxl_device.c:1337:device_hotplug_child_death_cb: script: Could not find bridge "
    "device nobr\n"
)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (
            NO_KERNEL,
            "failed to open file '/nope': No such file or directory: Internal error; "
            "xc_dom_ramdisk_file failed: No such file or directory; cannot (re-)build domain: -3",
        ),
        (
            NO_BRIDGE * 2,
            "/etc/xen/scripts/vif-bridge online [412] exited with error status 1; "
            "script: Could not find bridge device nobr",
        ),
        (
            f"{AT}xc: panic: xg_dom_x86.c:1319: meminit_pv: failed to allocate 0x100000 pages\n",
            "failed to allocate 0x100000 pages",
        ),
        ("", ""),
        ("something else\n\n: : :\n", ""),
    ],
)
def test_the_cause_comes_first_and_each_once(text: str, reasons: str) -> None:
    assert reasons_in(text) == reasons


def failing(log: LibxlLog, path: Path, text: str, error: Exception) -> None:
    with log.explaining():
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
        raise error


def test_only_what_was_said_meanwhile_explains(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(NO_BRIDGE)
    with pytest.raises(HypervisorError, match=r"^no domain: failed to open file '/nope'"):
        failing(LibxlLog(path), path, NO_KERNEL, HypervisorError("no domain"))


@pytest.mark.parametrize("error", [RequestConflict("it runs"), HypervisorAway("no libvirtd")])
def test_other_errors_are_left_alone(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "log"
    with pytest.raises(type(error)) as caught:
        failing(LibxlLog(path), path, NO_KERNEL, error)
    assert caught.value is error


def test_without_a_log_the_error_is_as_it_was(tmp_path: Path) -> None:
    error = HypervisorError("no domain")
    with pytest.raises(HypervisorError) as caught, LibxlLog(tmp_path / "none").explaining():
        raise error
    assert caught.value is error


def test_a_log_without_end_is_read_for_so_long_only(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with pytest.raises(HypervisorError) as caught:
        failing(LibxlLog(path), path, "x" * MAX_BYTES + NO_KERNEL, HypervisorError("no domain"))
    assert str(caught.value) == "no domain"
