"""Slices in YAML files: what ``horizonctl slices export`` writes, read again as strictly as JSON.

Only what JSON has too is read: a MAC address or a dpid without quotes stays a text, and no alias
makes a small file a large one.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, ClassVar

import yaml

from horizon_ryu.cli.asking import Failed

_TEXT = "tag:yaml.org,2002:str"
_MAX_BYTES = 64 << 20
_SAME_END = 60.0
"""Seconds between two ends that are the same to a person."""


class _JsonLoader(yaml.SafeLoader):
    """Reads the values that JSON has; everything else is text, or refused."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse an alias; else as always."""
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("an alias (*) is not taken: write it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Refuse a key that stands twice, or is no text; else as always."""
        for key, _value in node.value:
            if key.tag != _TEXT:
                raise yaml.YAMLError(f"{key.value!r} is no text, and so no name of a field")
        for name, count in Counter(key.value for key, _value in node.value).items():
            if count > 1:
                raise yaml.YAMLError(f"{name!r} stands twice in one place")
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", "null|~|", "n~"),
    ("bool", "true|false", "tf"),
    ("int", "-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?", "-0123456789"),
):
    _JsonLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), [*_first, ""]
    )


def yaml_of(slices: Iterable[Mapping[str, Any]]) -> str:
    """Return slices as YAML, in the order in which they come."""
    data = {"slices": [dict(one) for one in slices]}
    return str(yaml.dump(data, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True))


class _PlainDumper(yaml.SafeDumper):
    """Writes no aliases, and lists of plain values on one line."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Write everything out."""
        return True


def _list(dumper: yaml.SafeDumper, data: list[Any]) -> yaml.Node:
    flat = all(not isinstance(one, (dict, list)) for one in data)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=flat)


_PlainDumper.add_representer(list, _list)


def slices_in(file: IO[bytes]) -> list[dict[str, Any]]:
    """Return the slices of a file, a list of them or ``slices: [...]``; Failed."""
    data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise Failed(f"{file.name} is larger than {_MAX_BYTES} bytes")
    try:
        found = yaml.load(data, _JsonLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Failed(f"{file.name} is not YAML as slices are written: {error}") from error
    if isinstance(found, dict):
        found = found.get("slices")
    if not isinstance(found, list) or not all(_is_named(one) for one in found):
        raise Failed(f"{file.name} is no list of slices with names")
    return found


def _is_named(found: Any) -> bool:
    return isinstance(found, dict) and isinstance(found.get("name"), str)


def changes(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """Yield the lines in which slices differ, as diff(1) tells them; none if they do not."""
    old = {_name(one): one for one in before}
    new = [_settled(one, old.get(_name(one), {})) for one in after]
    was, will = (yaml_of(sorted(some, key=_name)).splitlines() for some in (old.values(), new))
    yield from difflib.unified_diff(was, will, "as it is", "as it will be", lineterm="")


def _settled(new: Mapping[str, Any], old: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a slice with the end that it had, if only the time has passed since."""
    end, was = new.get("expires_s"), old.get("expires_s")
    if end is None or was is None or abs(end - was) > _SAME_END:
        return new
    return {**new, "expires_s": was}


def _name(document: Mapping[str, Any]) -> str:
    return str(document["name"])
