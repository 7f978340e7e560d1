"""``xen-bridge`` as an operator runs it: what is refused says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from xen_bridge.command import main


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
