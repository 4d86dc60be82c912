"""what the rules alone, and rules and model as one, foretold beside each forecast."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in _beside():
        op.add_column("forecast", column)  # empty for what was foretold before: nobody can say it now


def downgrade() -> None:
    for column in reversed(_beside()):
        op.drop_column("forecast", column.name)


def _beside() -> list[sa.Column[object]]:
    return [
        sa.Column("rule_level", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("by_rules", sa.Float(), nullable=True),
        sa.Column("by_both", sa.Float(), nullable=True),
    ]
