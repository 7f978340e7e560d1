"""Both programs on native threads, where neither eventlet nor greenlet nor Ryu can be imported.

The bridge does what its own tests ask of it, which are imported here; of the controller runs what
does not begin in Ryu: connections, registry, pipeline, the Flow Manager's parts, Xen hosts.
docs/changing-the-hub.rst tells what is missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backstop import BACKSTOP
from tools import bridge_process
from tools.bridge_process import BridgeProcess
from unit.architecture.test_arrows import ROOT
from unit.xen_bridge.test_service import (  # noqa: F401
    client,
    controller,
    folder,
    host,
    r1,
    test_a_domain_from_its_beginning_to_its_end,
    test_a_hypervisor_that_hangs_is_a_deadline_and_nothing_else_suffers,
    test_a_key_is_let_in_and_put_out_without_a_restart,
    test_a_key_that_is_not_in_the_list_gets_nowhere,
    test_a_message_with_a_wrong_value_names_it,
    test_an_answer_is_not_lost_to_what_is_still_on_its_way,
    test_errors_arrive_with_their_kind_and_field,
    test_it_ends_when_it_is_told_to,
    test_many_ask_at_once_and_wait_side_by_side,
    test_measures_of_the_host,
    test_no_certificate_no_answer,
    test_other_requests_are_refused,
    test_peers_that_stall_hold_nobody_up,
    test_the_common_measures,
    test_the_connection_is_used_again_and_renewed_when_it_broke,
    test_the_listing_of_the_report_is_answered_as_the_report_answers,
    test_the_proxy_reaches_the_agent_of_a_router,
)

THREADS = (sys.executable, "-W", "ignore", "-m", "on_threads.bridge")


@pytest.fixture(scope="module", autouse=True)
def on_threads() -> Iterator[None]:
    """Have every bridge of this module run on native threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bridge_process, "PROGRAM", THREADS)
        patch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT / "tests"), str(ROOT))))
        yield


def test_it_is_the_bridge_on_threads_that_is_tested_here(host) -> None:  # noqa: F811
    assert "on_threads.bridge" in Path(f"/proc/{host.pid}/cmdline").read_text()


def test_the_controller_s_parts_do_their_work_on_threads(tmp_path: Path, controller) -> None:  # noqa: F811
    with BridgeProcess(tmp_path / "bridge", controller) as bridge:
        words = (str(controller.key_file.parent), bridge.url, bridge.identity.node_pk)
        done = subprocess.run(
            (sys.executable, "-W", "ignore", "-m", "on_threads.controller", *words),
            capture_output=True,
            text=True,
            timeout=BACKSTOP,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["openflow"] == {
        "confirmed": [],
        "frames": 1600,
        "flows": {"states": ["active"], "kept": 10},
        "silent": ["SwitchDeadline 3"],
        "away": ["SwitchAway 3"],
        "violations": {},
    }
    assert told["xen"] == {"state": "connected", "event": "r1"}
