"""Debian package of Horizon: its libraries in a virtual environment, its services, its files.

It needs of Debian no more than Python, so it is installed without a network. The environment is
made by this machine's Debian Python, for that version and processor.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from horizon_ryu import __version__
from tools.packaging.python_archives import PROJECT, Archives, Say

PYTHON = Path("/usr/bin/python3")
HOME = Path("usr/lib/horizon")
PROGRAMS = ("horizonctl", "horizon-slicer", "xen-bridge")
DEPLOY = PROJECT / "deploy"
_FILES = (
    ("debian/horizon.conf", "etc/horizon/horizon.conf", 0o644),
    ("debian/slicer.conf", "etc/horizon/slicer.conf", 0o644),
    ("debian/horizon-bridge.default", "etc/default/horizon-bridge", 0o644),
    ("debian/horizon-agent.default", "etc/default/horizon-agent", 0o644),
    ("debian/copyright", "usr/share/doc/horizon/copyright", 0o644),
    ("debian/postinst", "DEBIAN/postinst", 0o755),
    ("debian/prerm", "DEBIAN/prerm", 0o755),
    ("debian/postrm", "DEBIAN/postrm", 0o755),
)
_DOCUMENTS = ("README.rst", "CHANGELOG.rst", "SECURITY.rst", "NOTICE")
_COMPLETIONS = {
    "bash": Path("usr/share/bash-completion/completions/horizonctl"),
    "zsh": Path("usr/share/zsh/vendor-completions/_horizonctl"),
    "fish": Path("usr/share/fish/vendor_completions.d/horizonctl.fish"),
}
"""Where each shell looks for it."""


class PackageError(Exception):
    """The package cannot be built, and why."""


def obstacle() -> str:
    """Say why no package can be built here; nothing if one can."""
    for needed in ("/usr/bin/dpkg-deb", str(PYTHON)):
        if not Path(needed).exists():
            return f"there is no {needed}"
    return ""


def build(target: Path, archives: Archives, say: Say) -> Path:
    """Build the package into ``target`` and return it."""
    architecture = _output("dpkg", "--print-architecture")
    path = target / f"horizon_{__version__}_{architecture}.deb"
    with tempfile.TemporaryDirectory(prefix="horizon-deb-") as name:
        root = Path(name) / "root"
        root.mkdir(mode=0o755)
        say("Debian package: libraries")
        make_environment(root, archives)
        say("Debian package: files")
        lay_files(root)
        _describe(root, architecture)
        say(f"Debian package: {path.name}")
        # As root's, whoever builds.
        _run("dpkg-deb", "--root-owner-group", "--build", "-Zxz", "-z3", str(root), str(path))
    return path


def make_environment(root: Path, archives: Archives) -> None:
    """Make the virtual environment below ``root``, as if that were the root of a file system."""
    home = root / HOME
    _run(str(PYTHON), "-m", "venv", "--without-pip", str(home))
    python = home / "bin" / "python3"
    _run(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet",
         "--disable-pip-version-check", "--no-compile", "--no-warn-script-location",
         f"--find-links={archives.wheel.parent}", str(archives.wheel))  # fmt: skip
    # libvirt's binding is Debian's, where there is one.
    (home / "pyvenv.cfg").write_text(
        f"home = {PYTHON.parent}\ninclude-system-site-packages = true\n", encoding="utf-8"
    )
    _at_home(root, home / "bin")
    # Whatever is read is the code that was shipped: nothing writes below /usr when it runs.
    _run(str(PYTHON), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
         "-s", str(root), "-p", "/", str(home / "lib"))  # fmt: skip


def _at_home(root: Path, folder: Path) -> None:
    """Have the programs of ``folder`` name the Python of the place where they will be."""
    for path in folder.iterdir():
        if path.name.lower().startswith("activate"):
            path.unlink()
        elif not path.is_symlink():
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(f"{root}/", "/"), encoding="utf-8")


def lay_files(root: Path) -> None:
    """Put configuration, services, documents and scripts of the package into ``root``."""
    for source, place, mode in _FILES:
        _copy(DEPLOY / source, root / place, mode)
    for unit in sorted((DEPLOY / "systemd").glob("*.service")):
        _copy(unit, root / "lib/systemd/system" / unit.name)
    for folder in ("grafana", "prometheus"):
        for path in sorted((DEPLOY / folder).iterdir()):
            _copy(path, root / "usr/share/horizon" / folder / path.name)
    for name in _DOCUMENTS:
        _copy(PROJECT / name, root / "usr/share/doc/horizon" / name)
    for name in PROGRAMS:
        link = root / "usr/bin" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"/{HOME}/bin/{name}")
    for shell, completed in _COMPLETIONS.items():
        _write(root / completed, completion(shell))


def completion(shell: str) -> str:
    """Return what has a shell complete ``horizonctl``."""
    program = str(Path(sys.executable).with_name("horizonctl"))
    variables = {**os.environ, "_HORIZONCTL_COMPLETE": f"{shell}_source"}
    ended = subprocess.run([program], env=variables, capture_output=True, text=True, check=True)
    return ended.stdout


def _describe(root: Path, architecture: str) -> None:
    major, minor = map(int, _output(str(PYTHON), "-c", _VERSION).split("."))
    values = {
        "VERSION": __version__,
        "ARCHITECTURE": architecture,
        "SIZE": str(sum(path.lstat().st_size for path in root.rglob("*")) // 1024),
        "PYTHON": f"{major}.{minor}",
        "NEXT_PYTHON": f"{major}.{minor + 1}",
    }
    text = (DEPLOY / "debian" / "control").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    _write(root / "DEBIAN/control", text)
    _write(root / "DEBIAN/conffiles", "".join(f"{line}\n" for line in _configuration(root)))


def _configuration(root: Path) -> Iterable[str]:
    return (
        f"/{path.relative_to(root)}" for path in sorted(root.glob("etc/**/*")) if path.is_file()
    )


_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def _copy(source: Path, place: Path, mode: int = 0o644) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
    place.chmod(mode)


def _write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    place.chmod(0o644)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _run(*command: str) -> None:
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if ended.returncode:
        raise PackageError(f"{' '.join(command[:6])}: {ended.stdout.strip()[-3000:]}")
