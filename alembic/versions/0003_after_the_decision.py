"""after the decision: conditions, reception days, reopenings, and what is tied to a project."""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OF_PROJECT = "project_id IS NOT NULL"
_UNWARNED = "state = 'open' AND warned_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "decision_condition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessment.id"]),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"]),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("decision_condition_project", "decision_condition", ["project_id"], unique=False)
    op.create_index(
        "decision_condition_due", "decision_condition", ["due_on"], unique=False, postgresql_where=sa.text(_UNWARNED)
    )
    op.create_table(
        "reception",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("place_text", sa.Text(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("households", sa.Integer(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("matters_raised", sa.Integer(), nullable=False),
        sa.Column("settled_on_spot", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reception_project", "reception", ["project_id", "held_on"], unique=False)
    op.create_table(
        "reopening",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("draft_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessment.id"]),
        sa.ForeignKeyConstraint(["draft_id"], ["assessment.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reopening_project", "reopening", ["project_id"], unique=False)
    op.create_index("reopening_once", "reopening", ["assessment_id"], unique=True)
    op.create_index("matter_project", "matter", ["project_id"], unique=False, postgresql_where=sa.text(_OF_PROJECT))
    op.create_index("incident_project", "incident", ["project_id"], unique=False, postgresql_where=sa.text(_OF_PROJECT))


def downgrade() -> None:
    op.drop_index("incident_project", table_name="incident", postgresql_where=sa.text(_OF_PROJECT))
    op.drop_index("matter_project", table_name="matter", postgresql_where=sa.text(_OF_PROJECT))
    op.drop_table("reopening")
    op.drop_table("reception")
    op.drop_table("decision_condition")
