"""Routes, silences, pushes that wait."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _versions()
    _silences()
    _groups()
    _held()
    loud = "(issued_level = 'red' OR subject_kind = 'area') AND state NOT IN ('resolved', 'cancelled')"
    op.create_index("warning_loud", "warning", ["area"], postgresql_where=sa.text(loud))


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _json() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())


def _versions() -> None:
    op.create_table(
        "routing_version",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("departments", _json(), nullable=False),
        sa.Column("put_by", sa.Text(), nullable=False),
        sa.Column("put_at", _instant(), nullable=False),
        sa.Column("active_since", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
    )
    active = sa.text("active_since IS NOT NULL")
    op.create_index("routing_active", "routing_version", ["active_since"], unique=True, postgresql_where=active)


def _silences() -> None:
    op.create_table(
        "silence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("matchers", _json(), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("starts_at", _instant(), nullable=False),
        sa.Column("ends_at", _instant(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("author_key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("second", sa.Text(), nullable=True),
        sa.Column("second_key", sa.Text(), nullable=True),
        sa.Column("second_at", _instant(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("updated_at", _instant(), nullable=False),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.Column("end_told_at", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("silence_open", "silence", ["ends_at"], postgresql_where=sa.text("end_told_at IS NULL"))
    op.create_index("silence_ends", "silence", ["ends_at", "id"])


def _groups() -> None:
    op.create_table(
        "push_group",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=True),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("labels", _json(), nullable=False),
        sa.Column("due_at", _instant(), nullable=True),
        sa.Column("asked_at", _instant(), nullable=False),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        sa.Column("last_at", _instant(), nullable=True),
        sa.Column("told_open", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("told_closed", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("push_group_due", "push_group", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))


def _held() -> None:
    op.create_table(
        "held_push",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("warning_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("held_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("silence_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("settled_at", _instant(), nullable=True),
        sa.Column("carried_by", sa.Uuid(), nullable=True),
        sa.Column("carried_revision", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("held_push_once", "held_push", ["warning_id", "revision", "department_id"], unique=True)
    waiting = sa.text("state = 'waiting'")
    op.create_index("held_push_waiting", "held_push", ["group_key"], postgresql_where=waiting)


def downgrade() -> None:
    op.drop_index("warning_loud", "warning")
    for table in ("held_push", "push_group", "silence", "routing_version"):
        op.drop_table(table)
