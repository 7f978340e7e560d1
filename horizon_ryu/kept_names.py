"""Names of switches as they are kept: in the store, and told to whoever listens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.switch_names import SwitchNames, names_from_json, names_to_json
from horizon_ryu.kept_timers import SettingStore

LOG = logging.getLogger("horizon")
NAMES_SETTING = "switches.names"

Publish = Callable[[str, Mapping[str, Any]], None]


class KeptNames:
    """The names in force; one change of them at a time."""

    def __init__(
        self, store: SettingStore, publish: Publish, changing: AbstractContextManager[Any]
    ) -> None:
        """Read what was kept; what cannot be read is passed over, and said."""
        self._store = store
        self._publish = publish
        self._changing = changing
        self._names = _kept(store)

    @property
    def names(self) -> SwitchNames:
        """The names in force; another object when they change."""
        return self._names

    def get(self, dpid: int) -> str | None:
        """Return the name of a switch; None if it has none."""
        return self._names.by_dpid.get(dpid)

    def dpid(self, name: str) -> int | None:
        """Return the switch of that name; None if there is none."""
        return self._names.dpid(name)

    def give(self, dpid: int, name: str) -> None:
        """Name a switch, now and after a restart; InvalidInput, Conflict, StoreError: it is not."""
        with self._changing:
            self._put(self._names.named(dpid, name), dpid)

    def take(self, dpid: int) -> None:
        """Take a switch's name away; NotFound, StoreError."""
        with self._changing:
            self._put(self._names.without(dpid), dpid)

    def _put(self, names: SwitchNames, dpid: int) -> None:
        """Keep the names and tell of the one that is another now, in the order of changes."""
        self._store.set_setting(NAMES_SETTING, names_to_json(names))
        self._names = names
        told = {"dpid": dpid_to_text(dpid), "name": self.get(dpid)}
        self._publish("switch_name", told)


def _kept(store: SettingStore) -> SwitchNames:
    try:
        return names_from_json(store.get_setting(NAMES_SETTING))
    except InvalidInput as error:
        LOG.warning("the names of switches cannot be read: %s", error)
        return SwitchNames()
