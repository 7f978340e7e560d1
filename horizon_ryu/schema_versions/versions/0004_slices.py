"""Slices, and the rules of their flowspace."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "slices",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_table(
        "slice_rules",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("slice", sa.String(64), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("slice_rules")
    op.drop_table("slices")
