"""Where the controller's key is, and what is said when it cannot be there."""

from __future__ import annotations

from pathlib import Path

import pytest

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.xen import identity
from horizon_ryu.xen_hosts.identity_place import identity_folder


def test_the_key_is_beside_the_store_unless_told(tmp_path: Path) -> None:
    assert identity_folder(None, tmp_path) == tmp_path / "xen-identity"
    assert identity_folder("", tmp_path) == tmp_path / "xen-identity"
    assert identity_folder("/etc/horizon/key", tmp_path) == Path("/etc/horizon/key")


def test_the_key_is_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    made = identity(folder)
    assert identity(folder) == made
    assert folder.stat().st_mode & 0o777 == 0o700
    assert made.key_file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InvalidInput) as wrong:
        identity(tmp_path / "file" / "key")
    assert wrong.value.loc == ("xen", "identity")


def test_a_damaged_certificate_names_the_option(tmp_path: Path) -> None:
    made = identity(tmp_path / "key")
    made.certificate_file.write_bytes(b"damaged")
    with pytest.raises(InvalidInput) as wrong:
        identity(tmp_path / "key")
    assert wrong.value.loc == ("xen", "identity")
