"""Tables of the store, as the newest version of its schema has them."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
NETWORKS = sa.Table(
    "networks",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("definition", sa.String(64), nullable=False),
)
SETTINGS = sa.Table(
    "settings",
    METADATA,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
)
FLOWS = sa.Table(
    "flows",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("data", sa.JSON, nullable=False),
)
MIGRATIONS = sa.Table(
    "migrations",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("is_final", sa.Boolean, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)
XEN_HOSTS = sa.Table(
    "xen_hosts",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("url", sa.String(300), nullable=False),
    sa.Column("node_pk", sa.String(200), nullable=False),
)
ROUTER_MIGRATIONS = sa.Table(
    "router_migrations",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)
SLICES = sa.Table(
    "slices",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("data", sa.JSON, nullable=False),
)
SLICE_RULES = sa.Table(
    "slice_rules",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("slice", sa.String(64), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)
LAYOUT = sa.Table(
    "layout",
    METADATA,
    sa.Column("node", sa.String(160), primary_key=True),
    sa.Column("x", sa.Float, nullable=False),
    sa.Column("y", sa.Float, nullable=False),
    sa.Column("pinned", sa.Boolean, nullable=False),
)
