"""chains of escalation, their policy, rosters and hand-overs, the supervising department."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("department", sa.Column("supervisor_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "department", "department", ["supervisor_id"], ["id"])
    _chains()
    _rosters()
    # Both tables grow at one end, so a few pages say where a month lies; an insert costs next to nothing.
    op.create_index("warning_event_at", "warning_event", ["at"], postgresql_using="brin")
    op.create_index("outbox_created", "outbox", ["created_at"], postgresql_using="brin")


def _chains() -> None:
    op.create_table(
        "chain",
        sa.Column("warning_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("since", _instant(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("next_at", _instant(), nullable=True),
        sa.Column("ended_at", _instant(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("warning_id", "department_id", "clock"),
    )
    op.create_index("chain_next", "chain", ["next_at"], postgresql_where=sa.text("next_at IS NOT NULL"))
    op.create_table(
        "escalation",
        sa.Column("warning_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("since", _instant(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("due_at", _instant(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("rank", sa.Text(), nullable=False),
        sa.Column("told_id", sa.Uuid(), nullable=True),
        sa.Column("endpoint_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("warning_id", "department_id", "clock", "since", "step", "told"),
    )
    op.create_index("escalation_told", "escalation", ["told_id", "at"])
    op.create_table(
        "escalation_policy",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("taken_at", _instant(), nullable=False),
        sa.Column("active_since", _instant(), nullable=True),
        sa.Column("put_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )


def _rosters() -> None:
    op.create_table(
        "shift",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("starts_at", _instant(), nullable=False),
        sa.Column("ends_at", _instant(), nullable=False),
        sa.Column("endpoint_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("shift_once", "shift", ["department_id", "role", "starts_at", "post"], unique=True)
    op.create_index("shift_ends", "shift", ["department_id", "ends_at"])
    op.create_table(
        "hand_over",
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("to_shift_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("open_warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("handed_at", _instant(), nullable=False),
        sa.Column("handed_note", sa.Text(), nullable=True),
        sa.Column("taken_at", _instant(), nullable=True),
        sa.Column("taken_note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"]),
        sa.ForeignKeyConstraint(["to_shift_id"], ["shift.id"]),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"]),
        sa.PrimaryKeyConstraint("shift_id"),
    )
    op.create_index("hand_over_to", "hand_over", ["to_shift_id"])


def downgrade() -> None:
    op.drop_index("outbox_created", "outbox")
    op.drop_index("warning_event_at", "warning_event")
    for table in ("hand_over", "shift", "escalation_policy", "escalation", "chain"):
        op.drop_table(table)
    op.drop_column("department", "supervisor_id")
