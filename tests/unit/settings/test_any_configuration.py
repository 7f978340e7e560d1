"""Whatever stands in a configuration: it is taken, or refused in one line that says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.cli.main import main
from horizon_ryu.core.errors import HorizonError
from horizon_ryu.settings import Settings
from horizon_ryu.start_check import check_file

NO_NUMBERS = ("", "soon", "1 2", "1,5", "0x10", "true", "nan", "inf", "-inf", "1e999", "--", "[1]")
OUT_OF_RANGE = ("-1", "-0.5", "9" * 40, "1e30")
ODD = (
    "", " ", '"', "'", "a b", "é", "\u2028", "\x00", "\x1b[31m", "x" * 100_000, "%(x)s", "$x",
    "${x}", "$$", "/", "/no/such/file", "/bin/true", "/tmp", "/dev/null", ":", ",", ",,", "::", "-",
    "0", "18446744073709551616", "sqlite://", "sqlite:///", "http://", "https://x:99999999", "nan",
    "true",
)  # fmt: skip
FILES = (
    b"", b"\n\n", b"\xff\xfe\x00\x01", b"\x7fELF\x00\x00", b"\x00" * 100, b"[", b"[]",
    b"[discovery", b"discovery]", b"=", b"= 1", b" x", b"[discovery]\n = 1\n",
    b"[discovery]\nlldp_interval\n",
    b"\xef\xbb\xbf[discovery]\nlldp_interval = 1\n", b"[discovery]\r\nlldp_interval = 1\r\n",
    b"[discovery]\nlldp_interval = 1\n[discovery]\nlldp_interval = 2\n",
    b"[discovery]\nlldp_interval = 1\nlldp_interval = 2\n", b"[nosuch]\nx = 1\n",
    b"[discovery]\nx = 1\n",
    b"[DEFAULT]\n[DEFAULT]\n", b"[discovery]\nlldp_interval = 1\n  2\n", b"#" * 1_000_000,
    b"x" * 1_000_000, b"[" + b"x" * 10_000 + b"]\ny = 1\n",
)  # fmt: skip


def options() -> Iterator[tuple[str, str, Any]]:
    """Yield section, name and kind of every option of ours."""
    for section in fields(Settings):
        group = section.default_factory
        assert is_dataclass(group)
        hints = get_type_hints(group)
        for item in fields(group):
            kinds = [kind for kind in get_args(hints[item.name]) if kind is not type(None)]
            yield section.name, item.name, kinds[0] if kinds else hints[item.name]


SHARE = examples(4, 1)
"""Of so many options one has a wrong value: they are read by the same code."""
NUMBERS = [(section, name, kind) for section, name, kind in options() if kind in (int, float)]
OTHERS = [(section, name) for section, name, kind in options() if kind not in (int, float)]


def refusal(folder: Path, content: bytes) -> str | None:
    """Return why a configuration is refused, which is one line; None if it is taken."""
    path = folder / "horizon.conf"
    path.write_bytes(content)
    why = None
    try:
        check_file(str(path))
    except HorizonError as error:
        why = str(error)
    assert why is None or len(why.splitlines()) == 1, why
    return why


@pytest.mark.parametrize(("section", "name", "kind"), NUMBERS)
def test_what_is_no_number_of_the_kind_is_refused_by_the_name_of_its_option(
    section: str, name: str, kind: type, tmp_path: Path
) -> None:
    """Of the wrong values each option has its share, and all options have all."""
    wrong = [*NO_NUMBERS, *OUT_OF_RANGE, *(("1.5",) if kind is int else ())]
    for value in wrong[NUMBERS.index((section, name, kind)) % SHARE :: SHARE]:
        why = refusal(tmp_path, f"[{section}]\n{name} = {value}\n".encode())
        assert why is not None, value
        assert f"{section}.{name}" in why, value


@pytest.mark.parametrize(("section", "name"), OTHERS)
def test_odd_texts_are_taken_or_refused_in_one_line(
    section: str, name: str, tmp_path: Path
) -> None:
    for value in ODD:
        why = refusal(tmp_path, f"[{section}]\n{name} = {value}\n".encode())
        assert why is None or name in why or section in why, (value, why)


@pytest.mark.parametrize("content", FILES, ids=range(len(FILES)))
def test_files_that_are_odd_are_taken_or_refused_in_one_line(
    content: bytes, tmp_path: Path
) -> None:
    refusal(tmp_path, content)


def test_what_is_no_file_that_can_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing", Path("/dev/null/x")):
        with pytest.raises(HorizonError):
            check_file(str(path))


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"[discovery]\n", b"[DEFAULT]\n", b"[rest]\n"])
)
def test_any_bytes_are_taken_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, section: bytes
) -> None:
    refusal(tmp_path_factory.mktemp("any"), section + content)


@pytest.mark.parametrize("content", FILES, ids=range(len(FILES)))
def test_check_config_ends_without_a_traceback_exactly_where_a_start_refuses(
    content: bytes, tmp_path: Path
) -> None:
    why = refusal(tmp_path, content)
    result = CliRunner().invoke(main, ["check-config", str(tmp_path / "horizon.conf")])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code == (0 if why is None else 1), result.output
