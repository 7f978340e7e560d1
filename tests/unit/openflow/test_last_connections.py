"""Switches that connect while the controller ends: closed, and nothing of it is an error."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from horizon_ryu.openflow.listener import connection_factory


class Socket:
    """One that was accepted a moment before the end."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is used of it")


def test_who_comes_when_ryus_application_is_closed_is_let_go(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ryu.base.app_manager.SERVICE_BRICKS", {})
    socket, nobody = Socket(), object()
    with caplog.at_level(logging.DEBUG):
        connection_factory(nobody, nobody, nobody)(socket, ("192.0.2.1", 1), nobody)  # type: ignore[arg-type]
    assert socket.is_closed
    assert caplog.records == []
