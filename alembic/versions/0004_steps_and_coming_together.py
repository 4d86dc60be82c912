"""steps of an assessment, and what comes together in one place."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assessment", sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("assessment", sa.Column("commission", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_table(
        "coming_together",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("members", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("warning_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("place"),
    )
    op.create_index(
        "project_starting",
        "project",
        [sa.literal_column("COALESCE(facts ->> 'start_on', facts ->> 'election_on')")],
        unique=False,
        postgresql_where=sa.text("stage = 'pre_decision'"),
    )
    op.create_index(
        "project_implementing",
        "project",
        ["area"],
        unique=False,
        postgresql_where=sa.text("stage = 'implementing'"),
    )


def downgrade() -> None:
    op.drop_index("project_implementing", table_name="project", postgresql_where=sa.text("stage = 'implementing'"))
    op.drop_index("project_starting", table_name="project", postgresql_where=sa.text("stage = 'pre_decision'"))
    op.drop_table("coming_together")
    op.drop_column("assessment", "commission")
    op.drop_column("assessment", "plan")
