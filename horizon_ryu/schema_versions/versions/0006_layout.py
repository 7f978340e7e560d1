"""Where the nodes of the picture are drawn."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table; an upgrade that was cut off where DDL is no transaction has it already."""
    op.create_table(
        "layout",
        sa.Column("node", sa.String(160), primary_key=True),
        sa.Column("x", sa.Float, nullable=False),
        sa.Column("y", sa.Float, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("layout")
