"""first schema."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


MONTHS = 4  # this one and three ahead; from then on a tick of the service makes them (store.partitions)
# Rows that are written again and again. Those of which no indexed column changes find room for the new version on their
# page (HOT); the others leave dead rows in large tables, where the usual fifth of the table is too long to wait.
ROOM = {
    "place": "fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02",
    "place_day": "fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02",
    "matter": "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02",
    "warning": "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02",
    "duty": "autovacuum_vacuum_scale_factor = 0.02",
    "outbox": "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02",
}


def _partition(table: str) -> None:
    """A partition for whatever has no month of its own, and those of the first months."""
    op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    today = datetime.now(UTC).date()
    starts = [date(*_year_and_month(today.year * 12 + today.month - 1 + n), 1) for n in range(MONTHS + 1)]
    for start, end in pairwise(starts):
        bounds = f"FROM ('{_first_id(start)}') TO ('{_first_id(end)}')"
        op.execute(f"CREATE TABLE {table}_{start:%Y_%m} PARTITION OF {table} FOR VALUES {bounds}")


def _year_and_month(number: int) -> tuple[int, int]:
    """Year and month of a month counted from year 0."""
    year, month = divmod(number, 12)
    return year, month + 1


def _first_id(day: date) -> UUID:
    """No UUIDv7 of that day (UTC) or later is smaller: its first 48 bits are the milliseconds since 1970."""
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return UUID(int=int(instant.timestamp() * 1000) << 80)


def _leave_room() -> None:
    for table, settings in ROOM.items():
        op.execute(f"ALTER TABLE {table} SET ({settings})")


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("code", "valid_from"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("outbox_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("response_head", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("attempt_outbox", "attempt", ["outbox_id"], unique=False)
    op.create_table(
        "department",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_coordinator", sa.Boolean(), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "duty",
        sa.Column("warning_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sign_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sign_note", sa.Text(), nullable=True),
        sa.Column("answer_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("warning_id", "department_id"),
    )
    op.create_index(
        "duty_next_check",
        "duty",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_table(
        "feed_counter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("grid", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("category_from", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("masked", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("people_affected", sa.Integer(), nullable=True),
        sa.Column("people_affected_from", sa.Text(), nullable=True),
        sa.Column("people_present", sa.Integer(), nullable=True),
        sa.Column("place_text", sa.Text(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=True),
        sa.Column("lon", sa.Float(), nullable=True),
        sa.Column("accuracy_m", sa.Float(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("signals", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("text_signals", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("report_stage", sa.Text(), nullable=False),
        sa.Column("handling", sa.Text(), nullable=False),
        sa.Column("action_taken", sa.Text(), nullable=True),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("linked_by", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("possible_duplicates", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("judgement_id", sa.Uuid(), nullable=False),
        sa.Column("warning_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("incident_matter", "incident", ["matter_id", "received_at"], unique=False)
    op.create_table(
        "judgement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("rule_level", sa.Text(), nullable=True),
        sa.Column("model_level", sa.Text(), nullable=True),
        sa.Column("needs_look", sa.Boolean(), nullable=False),
        sa.Column("life_danger", sa.Boolean(), nullable=False),
        sa.Column("statutory_report_required", sa.Boolean(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.Column("feature_hash", sa.Text(), nullable=True),
        sa.Column("rulebook", sa.Text(), nullable=False),
        sa.Column("rulebook_hash", sa.Text(), nullable=False),
        sa.Column("thresholds_version", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("measures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("score", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("judgement_matter", "judgement", ["matter_id", "at"], unique=False)
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "matter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("grid", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("first_level", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report_count", sa.Integer(), nullable=False),
        sa.Column("settled_on_spot_count", sa.Integer(), nullable=False),
        sa.Column("people_first", sa.Integer(), nullable=True),
        sa.Column("people_max", sa.Integer(), nullable=True),
        sa.Column("people_latest", sa.Integer(), nullable=True),
        sa.Column("present_max", sa.Integer(), nullable=True),
        sa.Column("signals", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("text_signals", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("sources", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("recent", sa.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reports_after_reply", sa.Integer(), nullable=False),
        sa.Column("missed_clocks", sa.Integer(), nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("judgement_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("place_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "matter_open_place",
        "matter",
        ["county", "first_level", "last_occurred_at"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "matter_merged_into",
        "matter",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_index("matter_place_seq", "matter", ["county", "first_level", "place_seq"], unique=False)
    op.create_index("matter_updated", "matter", ["updated_at", "id"], unique=False)
    op.create_table(
        "matter_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("matter_entry_matter", "matter_entry", ["matter_id", "at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("warning_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index(
        "outbox_due",
        "outbox",
        ["endpoint_id", "priority", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "outbox_given_up", "outbox", ["done_at"], unique=False, postgresql_where=sa.text("state = 'given_up'")
    )
    op.create_index("outbox_once", "outbox", ["warning_id", "revision", "endpoint_id"], unique=True)
    op.create_table(
        "place",
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("first_level", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("county", "first_level"),
    )
    op.create_table(
        "place_day",
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("first_level", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("escalated", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("county", "first_level", "day"),
    )
    op.create_index(
        "place_day_closed",
        "place_day",
        ["county", "first_level", "day"],
        unique=False,
        postgresql_include=["closed", "escalated"],
        postgresql_where=sa.text("closed > 0"),
    )
    op.create_table(
        "receipt",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("content_mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "system", "revision"),
    )
    op.create_table(
        "reference_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "rulebook",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("put_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "service_secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "standing_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("levels", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "warning",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("issued_level", sa.Text(), nullable=True),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("measures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("statutory_report_required", sa.Boolean(), nullable=False),
        sa.Column("unverified", sa.Boolean(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("department_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("judgement_id", sa.Uuid(), nullable=True),
        sa.Column("reports_told", sa.Integer(), nullable=False),
        sa.Column("people_told", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirm_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome_note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "warning_confirm_due",
        "warning",
        ["confirm_due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending_confirmation'"),
    )
    op.create_index(
        "warning_open_subject",
        "warning",
        ["subject_kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("state NOT IN ('resolved', 'cancelled')"),
    )
    op.create_index("warning_subject", "warning", ["subject_id", "opened_at"], unique=False)
    op.create_index("warning_seq", "warning", ["seq"], unique=True)
    op.create_table(
        "warning_event",
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("warning_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("department_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("warning_event_revision", "warning_event", ["warning_id", "revision"], unique=True)
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["department.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "endpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["department.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("endpoint_department", "endpoint", ["department_id"], unique=False)
    op.create_table(
        "responsibility",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("participant_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lead_id"],
            ["department.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "responsibility_key", "responsibility", ["area", "category"], unique=True, postgresql_nulls_not_distinct=True
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("categories", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("minimum_level", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["department.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    _partition("incident")
    _partition("judgement")
    _leave_room()
    op.execute("INSERT INTO feed_counter (id, seq) VALUES (1, 0)")
    op.execute("INSERT INTO reference_version (id, version) VALUES (1, 1)")
    # Two random UUIDs hold 244 random bits from the server's strong generator.
    op.execute(
        "INSERT INTO service_secret (name, value) VALUES"
        " ('content_mac', sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))"
    )


def downgrade() -> None:
    op.drop_table("subscription")
    op.drop_index("responsibility_key", table_name="responsibility", postgresql_nulls_not_distinct=True)
    op.drop_table("responsibility")
    op.drop_index("endpoint_department", table_name="endpoint")
    op.drop_table("endpoint")
    op.drop_table("api_key")
    op.drop_index("warning_event_revision", table_name="warning_event")
    op.drop_table("warning_event")
    op.drop_index("warning_subject", table_name="warning")
    op.drop_index("warning_seq", table_name="warning")
    op.drop_index(
        "warning_open_subject", table_name="warning", postgresql_where=sa.text("state NOT IN ('resolved', 'cancelled')")
    )
    op.drop_index(
        "warning_confirm_due", table_name="warning", postgresql_where=sa.text("state = 'pending_confirmation'")
    )
    op.drop_table("warning")
    op.drop_table("standing_order")
    op.drop_table("service_secret")
    op.drop_table("rulebook")
    op.drop_table("reference_version")
    op.drop_table("receipt")
    op.drop_index(
        "place_day_closed",
        table_name="place_day",
        postgresql_include=["closed", "escalated"],
        postgresql_where=sa.text("closed > 0"),
    )
    op.drop_table("place_day")
    op.drop_table("place")
    op.drop_index("outbox_once", table_name="outbox")
    op.drop_index("outbox_given_up", table_name="outbox", postgresql_where=sa.text("state = 'given_up'"))
    op.drop_index("outbox_due", table_name="outbox", postgresql_where=sa.text("state = 'pending'"))
    op.drop_table("outbox")
    op.drop_index("matter_entry_matter", table_name="matter_entry")
    op.drop_table("matter_entry")
    op.drop_index("matter_updated", table_name="matter")
    op.drop_index("matter_place_seq", table_name="matter")
    op.drop_index("matter_merged_into", table_name="matter", postgresql_where=sa.text("merged_into IS NOT NULL"))
    op.drop_index("matter_open_place", table_name="matter", postgresql_where=sa.text("status = 'open'"))
    op.drop_table("matter")
    op.drop_table("lease")
    op.drop_index("judgement_matter", table_name="judgement")
    op.drop_table("judgement")
    op.drop_index("incident_matter", table_name="incident")
    op.drop_table("incident")
    op.drop_table("feed_counter")
    op.drop_index("duty_next_check", table_name="duty", postgresql_where=sa.text("next_check_at IS NOT NULL"))
    op.drop_table("duty")
    op.drop_table("department")
    op.drop_index("attempt_outbox", table_name="attempt")
    op.drop_table("attempt")
    op.drop_table("area")
