from __future__ import annotations

import pytest
import ryu
from ryu.base import app_manager  # noqa: F401  # Ryu's own circle of imports starts here
from ryu.controller import controller

from horizon_ryu.openflow import listener


def test_this_ryu_is_the_one() -> None:
    listener.check_ryu()


@pytest.mark.parametrize("version", ["4.33", "4.35", "5.0"])
def test_another_release_is_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(ryu, "version", version)
    with pytest.raises(listener.UnknownRyu):
        listener.check_ryu()


@pytest.mark.parametrize("method", ["_recv_loop", "serve", "set_version"])
def test_a_datapath_without_what_is_overridden_is_refused(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(controller.Datapath, method, None)
    with pytest.raises(listener.UnknownRyu):
        listener.check_ryu()


def test_a_server_loop_that_would_go_round_the_guard_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(controller.OpenFlowController, "server_loop", lambda self, tcp, tls: None)
    with pytest.raises(listener.UnknownRyu):
        listener.check_ryu()
