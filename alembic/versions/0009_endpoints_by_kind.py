"""endpoints of several kinds, their standing, attempts by endpoint."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _json() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in _of_endpoint():
        op.add_column("endpoint", column)
    op.execute("UPDATE endpoint SET verified_at = created_at")  # they have been pushed to all along
    op.add_column("outbox", sa.Column("chosen", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column("outbox", sa.Column("forgiven", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("touched_at", _instant(), nullable=True))
    pending = sa.text("state = 'pending'")
    op.create_index("outbox_touched", "outbox", ["touched_at"], postgresql_where=pending)
    op.create_index("outbox_endpoint", "outbox", ["endpoint_id", "id"])
    op.add_column("attempt", sa.Column("endpoint_id", sa.Uuid(), nullable=True))
    op.execute("UPDATE attempt SET endpoint_id = outbox.endpoint_id FROM outbox WHERE outbox.id = attempt.outbox_id")
    op.create_index("attempt_endpoint", "attempt", ["endpoint_id", "started_at"])


def _of_endpoint() -> list[sa.Column[object]]:
    return [
        sa.Column("kind", sa.Text(), nullable=False, server_default="webhook"),
        sa.Column("options", _json(), nullable=False, server_default="{}"),
        sa.Column("more_secrets", _json(), nullable=False, server_default="[]"),
        sa.Column("standby", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("at_once", sa.Integer(), nullable=True),
        sa.Column("per_minute", sa.Integer(), nullable=True),
        sa.Column("paced_to", _instant(), nullable=True),
        sa.Column("verified_at", _instant(), nullable=True),
        sa.Column("challenge", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("failing_since", _instant(), nullable=True),
        sa.Column("paused_until", _instant(), nullable=True),
    ]


def downgrade() -> None:
    op.drop_index("attempt_endpoint", "attempt")
    op.drop_column("attempt", "endpoint_id")
    op.drop_index("outbox_endpoint", "outbox")
    op.drop_index("outbox_touched", "outbox")
    op.drop_column("outbox", "touched_at")
    op.drop_column("outbox", "forgiven")
    op.drop_column("outbox", "chosen")
    for column in reversed(_of_endpoint()):
        op.drop_column("endpoint", column.name)
