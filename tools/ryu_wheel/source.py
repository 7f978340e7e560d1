"""Ryu's published source: fetched with pip, checked, unpacked."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path

from tools.ryu_wheel.errors import RyuWheelError
from tools.ryu_wheel.fixes import SDIST_NAME, SDIST_SHA256, UPSTREAM_VERSION
from tools.ryu_wheel.pip_tool import run_pip

ROOT_FOLDER = f"ryu-{UPSTREAM_VERSION}"


def fetch_sdist(folder: Path, toolbox: Path) -> Path:
    """Return the checked archive in ``folder``, downloading it unless it is there already.

    RyuWheelError when there is no network, or when the archive is not the published one; a
    wrong archive is removed, so that the next run fetches it anew.
    """
    archive = folder / SDIST_NAME
    if not archive.is_file():
        _download(folder, toolbox)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SDIST_SHA256:
        archive.unlink()
        raise RyuWheelError(
            f"{SDIST_NAME} has the sha256 {digest}, expected {SDIST_SHA256}: removed it"
        )
    return archive


def _download(folder: Path, toolbox: Path) -> None:
    # pip runs the archive's setup.py to learn its name, so pip itself must check the hash first.
    wanted = folder / "wanted.txt"
    wanted.write_text(f"ryu=={UPSTREAM_VERSION} --hash=sha256:{SDIST_SHA256}\n", encoding="utf-8")
    options = ["--no-deps", "--no-binary=ryu", "--no-build-isolation", f"--dest={folder}"]
    try:
        run_pip(
            ["download", *options, f"--requirement={wanted}"],
            toolbox,
            f"cannot download the source of Ryu {UPSTREAM_VERSION}",
        )
    except RyuWheelError as error:
        raise RyuWheelError(
            f"{error}\nWithout a network, put {SDIST_NAME} (sha256 {SDIST_SHA256}) into {folder}."
        ) from error
    if not (folder / SDIST_NAME).is_file():
        raise RyuWheelError(f"pip did not leave {SDIST_NAME} in {folder}")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack ``archive`` into the emptied ``folder`` and return the root of the source tree."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with tarfile.open(archive) as tar:
            # Debian 12's Python 3.11.2 has no filters; the hash vouches for the content.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(folder)
    except (tarfile.TarError, OSError) as error:
        raise RyuWheelError(f"{archive.name} cannot be unpacked: {error}") from error
    return folder / ROOT_FOLDER
