"""Class names: each is given once in the whole tree."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from unit.architecture.test_arrows import parsed

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("horizon_client", "horizon_ryu", "xen_bridge", "tools", "topologies")

SPECIFICATIONS = {
    "horizon_ryu/wire/ofp10.py",
    "horizon_ryu/wire/ofp13.py",
    "horizon_ryu/wire/error_codes10.py",
    "horizon_ryu/wire/error_codes13.py",
    "horizon_ryu/wire/match_codes13.py",
}
"""The enumerations of the two versions: both specifications give them the same names."""


def test_no_two_classes_of_the_tree_have_one_name() -> None:
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            where = str(path.relative_to(ROOT))
            for name in parsed(path).classes:
                if not name.startswith("_"):
                    homes[name].append(where)
    twice = {
        name: found
        for name, found in homes.items()
        if len(found) > 1 and not set(found) <= SPECIFICATIONS
    }
    assert homes
    assert twice == {}
