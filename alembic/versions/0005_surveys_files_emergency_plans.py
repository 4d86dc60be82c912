"""surveys, files of evidence, emergency plans."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _json() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "survey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("participation_id", sa.Uuid(), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("per_sheet", sa.Boolean(), nullable=False),
        sa.Column("sheets", sa.Integer(), nullable=False),
        sa.Column("unanswered", sa.Integer(), nullable=False),
        sa.Column("identical", sa.Integer(), nullable=True),
        sa.Column("aware", sa.Integer(), nullable=True),
        sa.Column("unaware", sa.Integer(), nullable=True),
        sa.Column("concerns", _json(), nullable=False),
        sa.Column("other_concerns", sa.Integer(), nullable=False),
        sa.Column("bands", _json(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"]),
        sa.ForeignKeyConstraint(["participation_id"], ["participation.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("survey_once", "survey", ["project_id", "sha256"], unique=True)
    op.create_table(
        "evidence_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("declared", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["evidence.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("evidence_file_project", "evidence_file", ["project_id"], unique=False)
    op.create_table(
        "evidence_content",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["evidence_file.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "emergency_plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("roles", _json(), nullable=False),
        sa.Column("steps", _json(), nullable=False),
        sa.Column("contacts", _json(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("emergency_plan_revision", "emergency_plan", ["project_id", "revision"], unique=True)


def downgrade() -> None:
    op.drop_index("emergency_plan_revision", table_name="emergency_plan")
    op.drop_table("emergency_plan")
    op.drop_table("evidence_content")
    op.drop_index("evidence_file_project", table_name="evidence_file")
    op.drop_table("evidence_file")
    op.drop_index("survey_once", table_name="survey")
    op.drop_table("survey")
