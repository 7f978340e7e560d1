"""Store of what must survive a restart: networks, settings, flows, the journal, hosts, slices."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from horizon_ryu.core.collection_pause import collection_paused
from horizon_ryu.core.discovery.virtual_network import NetworkDefinition, parse_definition
from horizon_ryu.core.errors import Conflict, InvalidInput, NotFound, StoreError
from horizon_ryu.core.given_names import NETWORK_NAME, check_name
from horizon_ryu.slices.slice_rows import SliceRows
from horizon_ryu.store_database import (
    BUSY_WAIT,
    Carry,
    Row,
    carried,
    carried_read,
    delete_rows,
)
from horizon_ryu.store_migrations import MigrationRows
from horizon_ryu.store_tables import (
    LAYOUT,
    NETWORKS,
    SETTINGS,
    SLICE_RULES,
    SLICES,
    XEN_HOSTS,
)

__all__ = ["BUSY_WAIT", "Carry", "Row", "Store", "StoreError"]

LOG = logging.getLogger("horizon.store")

_SLICES_STATE = "slices.state"


class Store(MigrationRows):
    """The tables. Every call is one short transaction, done or not at all; else StoreError.

    A call waits for its turn where ``carry`` is set: then it is for tasks, not for handlers of
    events, and others run meanwhile.
    """

    # ---- named virtual networks

    @carried_read
    def networks(self) -> Mapping[str, NetworkDefinition]:
        """Return the named networks, by name."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(NETWORKS).order_by(NETWORKS.c.name)).all()
        return {name: found for name, text in rows if (found := _definition(name, text))}

    @carried_read
    def network(self, name: str) -> NetworkDefinition:
        """Return one network; NotFound if there is none of that name."""
        query = sa.select(NETWORKS.c.definition).where(NETWORKS.c.name == name)
        with self._reading() as connection:
            found = connection.execute(query).scalar_one_or_none()
        definition = None if found is None else _definition(name, found)
        if definition is None:
            raise NotFound(f"no network named {name}")
        return definition

    @carried
    def add_network(self, name: str, definition: NetworkDefinition) -> None:
        """Keep a network; Conflict if the name is taken."""
        row = sa.insert(NETWORKS).values(name=name, definition=definition.text())
        try:
            with self._writing() as connection:
                connection.execute(row)
        except IntegrityError as error:
            raise Conflict(f"a network named {name} exists already") from error

    @carried
    def delete_network(self, name: str) -> None:
        """Forget a network; NotFound if there is none of that name."""
        with self._writing() as connection:
            gone = connection.execute(sa.delete(NETWORKS).where(NETWORKS.c.name == name))
        if not gone.rowcount:
            raise NotFound(f"no network named {name}")

    # ---- Xen hosts

    @carried_read
    def xen_hosts(self) -> tuple[Row, ...]:
        """Return every Xen host's ``name``, ``url`` and ``node_pk``, by name."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(XEN_HOSTS).order_by(XEN_HOSTS.c.name))
            return tuple(dict(row) for row in rows.mappings())

    @carried
    def add_xen_host(self, name: str, url: str, node_pk: str) -> None:
        """Keep a Xen host; Conflict if the name is taken."""
        row = sa.insert(XEN_HOSTS).values(name=name, url=url, node_pk=node_pk)
        try:
            with self._writing() as connection:
                connection.execute(row)
        except IntegrityError as error:
            raise Conflict(f"a host named {name} is registered already") from error

    @carried
    def delete_xen_host(self, name: str) -> None:
        """Forget a Xen host; NotFound if there is none of that name."""
        with self._writing() as connection:
            gone = connection.execute(sa.delete(XEN_HOSTS).where(XEN_HOSTS.c.name == name))
        if not gone.rowcount:
            raise NotFound(f"no host named {name}")

    # ---- where the nodes of the picture are drawn

    @carried_read
    def layout(self) -> tuple[Row, ...]:
        """Return every position: ``node``, ``x``, ``y`` and ``pinned``, by node."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(LAYOUT).order_by(LAYOUT.c.node))
            return tuple(dict(row) for row in rows.mappings())

    @carried
    def put_layout(self, rows: Sequence[Row], gone: Sequence[str]) -> None:
        """Keep positions in place of what was known of their nodes, and forget ``gone``."""
        with self._writing() as connection:
            delete_rows(connection, LAYOUT.c.node, [*gone, *(row["node"] for row in rows)])
            if rows:
                connection.execute(sa.insert(LAYOUT), list(rows))

    # ---- settings changed at run time

    @carried_read
    def get_setting(self, name: str) -> Any:
        """Return a setting as the JSON value it was set to; None if it was never set."""
        query = sa.select(SETTINGS.c.value).where(SETTINGS.c.name == name)
        with self._reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    @carried
    def set_setting(self, name: str, value: Any) -> None:
        """Keep a JSON value under ``name``, in place of what was there."""
        with self._writing() as connection:
            _set(connection, name, value)

    # ---- slices

    @carried_read
    def slice_rows(self) -> SliceRows:
        """Return every slice and every rule, by name and by id, and the state of them all."""
        state = sa.select(SETTINGS.c.value).where(SETTINGS.c.name == _SLICES_STATE)
        with self._reading() as connection:
            slices = connection.execute(sa.select(SLICES).order_by(SLICES.c.name)).mappings()
            rules = connection.execute(sa.select(SLICE_RULES).order_by(SLICE_RULES.c.id)).mappings()
            return SliceRows(
                connection.execute(state).scalar_one_or_none() or {},
                tuple(map(dict, slices)),
                tuple(map(dict, rules)),
            )

    @carried
    def put_slice_rows(self, rows: SliceRows) -> None:
        """Forget slices and rules that are gone, and keep others; a name or id stands once."""
        with self._writing() as connection, collection_paused():
            delete_rows(connection, SLICES.c.name, rows.gone_slices)
            delete_rows(connection, SLICE_RULES.c.id, rows.gone_rules)
            if rows.slices:
                connection.execute(sa.insert(SLICES), list(rows.slices))
            if rows.rules:
                connection.execute(sa.insert(SLICE_RULES), list(rows.rules))
            _set(connection, _SLICES_STATE, dict(rows.state))


def _definition(name: str, text: str) -> NetworkDefinition | None:
    """Return a network that is kept; None for one that cannot be read: the others are told."""
    try:
        check_name(NETWORK_NAME, name)
        return parse_definition(text)
    except InvalidInput as error:
        LOG.error("the store has a network %r that cannot be read: %s", name, error)
        return None


def _set(connection: sa.Connection, name: str, value: Any) -> None:
    """Keep a setting in place of what was there."""
    changed = connection.execute(
        sa.update(SETTINGS).where(SETTINGS.c.name == name).values(value=value)
    )
    if not changed.rowcount:
        connection.execute(sa.insert(SETTINGS).values(name=name, value=value))
