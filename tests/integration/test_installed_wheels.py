"""The wheels of Horizon and of xen_bridge, installed and started where no source tree is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import installed
from horizon_ryu import bundle
from tools import bridge_wheel, fork_server
from tools.bridge_process import BridgeProcess
from tools.controller_process import ControllerProcess
from xen_bridge.protocol.documents.domains import GetNode
from xen_bridge.trust.identity import Identity

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]
PACKAGES = ("horizon_client", "horizon_ryu", "xen_bridge")
TREES = ("deploy", "docs", "examples", "experiments", "tests", "tools", "topologies", "web")
"""What a source archive has besides."""
APPS = ("horizon_ryu.switches", *bundle.APPLICATIONS, "horizon_ryu.bundle")
STALE = "horizon_ryu/schema_versions/versions/0000_of_another_branch.py"
IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(module.name)
    print(package.__file__)
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone in which an older version was built before."""
    tree = installed.clone(tmp_path_factory.mktemp("clone") / "horizon")
    left = tree / "build" / "lib" / STALE
    left.parent.mkdir(parents=True)
    left.write_text("revision = 'gone'\n", encoding="utf-8")
    return tree


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed.build_wheel(clone, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bridge_wheel.build(tmp_path_factory.mktemp("bridge"), "--no-build-isolation")


@pytest.fixture(scope="module")
def ryu(wheel: Path) -> Path:
    """Return the wheel of Ryu that Horizon's wheel requires."""
    (line,) = (line for line in installed.requirements(wheel) if line.startswith("ryu"))
    return Path(unquote(urlsplit(line.partition("@")[2].strip()).path))


@pytest.fixture(scope="module")
def horizon(
    wheel: Path, ryu: Path, tmp_path_factory: pytest.TempPathFactory
) -> installed.Environment:
    return installed.Environment(tmp_path_factory.mktemp("horizon") / "at 100%", ryu, wheel)


@pytest.fixture(scope="module")
def dom0(bridge: Path, tmp_path_factory: pytest.TempPathFactory) -> installed.Environment:
    return installed.Environment(tmp_path_factory.mktemp("dom0") / "venv", bridge)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be where no source tree is."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)


# ---- what is in them


def test_the_wheel_holds_every_file_of_its_packages_and_no_other(clone: Path, wheel: Path) -> None:
    wanted = installed.files_of_packages(clone, *PACKAGES)
    assert installed.files(wheel) == wanted
    assert STALE not in wanted
    # What this is about is there at all.
    for name in (
        "horizon_client/py.typed",
        "horizon_ryu/py.typed",
        "xen_bridge/py.typed",
        "xen_bridge/protocol/schemas/xen_prototype.xsd",
        "horizon_ryu/formats/openflowstats.xsd",
        "horizon_ryu/schema_versions/env.py",
        "horizon_ryu/schema_versions/versions/0001_networks_and_settings.py",
    ):
        assert name in wanted


def test_the_wheel_of_the_bridge_holds_every_file_of_xen_bridge_and_no_other(
    clone: Path, bridge: Path
) -> None:
    assert installed.files(bridge) == installed.files_of_packages(clone, "xen_bridge")


def test_the_source_archive_holds_the_whole_project_and_makes_the_same_wheel(
    clone: Path, wheel: Path, tmp_path: Path
) -> None:
    archive = installed.build_sdist(clone, tmp_path)
    # Not every 3.11 knows of tarfile's filters.
    shutil.unpack_archive(archive, tmp_path)
    tree = tmp_path / archive.name.removesuffix(".tar.gz")
    folders = (*PACKAGES, *TREES)
    assert installed.files_of_packages(tree, *folders) == installed.files_of_packages(
        clone, *folders
    )
    for name in ("Makefile", "README.rst", "CHANGELOG.rst", "pyproject.toml", "setup.py"):
        assert (tree / name).is_file(), name
    installed.lend_ryu(tree)
    again = installed.build_wheel(tree, tmp_path / "again")
    assert installed.files(again) == installed.files(wheel)


# ---- what they do


@pytest.fixture(scope="module")
def forked(
    horizon: installed.Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """What has imported the applications that are installed; of our tree it has the tools alone."""
    tree = tmp_path_factory.mktemp("tools")
    (tree / "tools").symlink_to(installed.PROJECT / "tools")
    folder = tmp_path_factory.mktemp("fork")
    with fork_server.serving(folder, python=horizon.program("python"), tree=tree):
        yield


@pytest.mark.parametrize("app", APPS)
@pytest.mark.usefixtures("forked")
def test_an_installed_application_starts(app: str, tmp_path: Path) -> None:
    _starts(ControllerProcess(tmp_path, (app,)))


@pytest.mark.parametrize("app", [APPS[0], APPS[-1]])
def test_the_installed_program_starts_applications(
    horizon: installed.Environment, app: str, tmp_path: Path
) -> None:
    _starts(ControllerProcess(tmp_path, (app,), manager=horizon.program("ryu-manager")))


def _starts(controller: ControllerProcess) -> None:
    with controller:
        health = controller.get("/v1/health")
        assert controller.stop() == 0
    assert health["version"]
    assert "Traceback" not in controller.log()


def test_every_installed_module_can_be_imported(horizon: installed.Environment) -> None:
    printed = horizon.run("python", "-c", IMPORT_ALL, *PACKAGES)
    assert [line.startswith(str(horizon.folder)) for line in printed.splitlines()] == [True] * 3


def test_the_installed_horizonctl_explains_itself_and_writes_a_configuration(
    horizon: installed.Environment, tmp_path: Path
) -> None:
    assert "Example: horizonctl topology" in horizon.run("horizonctl", "--help")
    config = tmp_path / "horizon.conf"
    config.write_text(horizon.run("horizonctl", "sample-config"), encoding="utf-8")
    assert "fine" in horizon.run("horizonctl", "check-config", str(config))


@pytest.mark.parametrize("environment", ["horizon", "dom0"])
def test_the_installed_bridge_answers_the_controller(
    request: pytest.FixtureRequest, environment: str, tmp_path: Path
) -> None:
    made: installed.Environment = request.getfixturevalue(environment)
    directory = tmp_path / "xen-bridge"
    node_pk = made.run("xen-bridge", "keygen", "--directory", str(directory)).strip()
    assert "keygen" in made.run("xen-bridge", "--help")
    controller = Identity.load_or_create(tmp_path / "controller")
    program = (str(made.program("xen-bridge")),)
    with BridgeProcess(directory, controller, "memory:///", program=program) as bridge:
        assert bridge.identity.node_pk == node_pk
        assert bridge.client().ask(GetNode()).host
        assert bridge.stop() == 0


def test_a_domain_0_has_nothing_of_the_controller(dom0: installed.Environment) -> None:
    assert dom0.run("python", "-c", IMPORT_ALL, "xen_bridge").startswith(str(dom0.folder))
    with pytest.raises(AssertionError, match="ModuleNotFoundError"):
        dom0.run("python", "-c", "import horizon_ryu")
