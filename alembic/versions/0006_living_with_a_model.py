"""registry of models, drift, forecasts."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _json() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    _registry()
    _drift()
    _forecasts()


def _registry() -> None:
    op.create_table(
        "model_version",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("feature_schema", sa.Text(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("artefact", sa.LargeBinary(), nullable=False),
        sa.Column("card", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("role_since", _instant(), nullable=False),
        sa.Column("taken_at", _instant(), nullable=False),
        sa.Column("taken_by", sa.Text(), nullable=False),
        sa.Column("promoted_by", sa.Text(), nullable=True),
        sa.Column("champion_before", sa.Text(), nullable=True),
        sa.Column("handed_over_because", sa.Text(), nullable=True),
        sa.Column("accepted", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("reference", _json(), nullable=True),
        sa.Column("sample", _json(), nullable=True),
        sa.PrimaryKeyConstraint("version"),
    )
    for role in ("champion", "challenger"):
        only = sa.text(f"role = '{role}'")
        op.create_index(f"model_version_{role}", "model_version", ["role"], unique=True, postgresql_where=only)
    op.create_table(
        "model_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("body", _json(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _drift() -> None:
    op.create_table(
        "model_fold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("read_to", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO model_fold (id, read_to) VALUES (1, '00000000-0000-0000-0000-000000000000')")
    op.create_table(
        "model_tally",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("scores", sa.Integer(), nullable=False),
        sa.Column("counts", _json(), nullable=False),
        sa.PrimaryKeyConstraint("day", "version"),
    )
    op.create_table(
        "model_drift",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("found", _json(), nullable=False),
        sa.PrimaryKeyConstraint("day", "version"),
    )


def _forecasts() -> None:
    op.create_table(
        "forecast",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("judged", sa.Boolean(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("model_level", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.Column("check_at", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("month", "matter_id", "version"),
    )
    op.create_index("forecast_place", "forecast", ["month", "area"])
    awaited, settled = sa.text("check_at IS NOT NULL"), sa.text("check_at IS NULL")
    op.create_index("forecast_check", "forecast", ["check_at"], postgresql_where=awaited)
    op.create_index("forecast_settled", "forecast", ["version", "at"], postgresql_where=settled)


def downgrade() -> None:
    for table in ("forecast", "model_drift", "model_tally", "model_fold", "model_event", "model_version"):
        op.drop_table(table)
