"""Years of history out of reports that the service itself took in: they are copied back in time, inside the server.

Each copy moves instants, ids and numbers by one constant, so what belongs together still does. Copied matters are
closed but for one in LEFT_OPEN. Left small in a copy: what the judge found (findings) and how the score came about; and
three matters of four lose their warning, because the simulated districts warn of nearly every matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, cast

import psycopg

from benchmarks.explaining import GROWING
from service.store import partitions
from service.store.engine import open_engine
from service.store.partitions import is_partition

HISTORY = timedelta(days=730)
LEFT_OPEN = 200  # of so many old matters one was never closed
CONNECTIONS = 2
PIECE = 10  # copies in one statement
_SAMPLED = tuple(table for table in GROWING if table != "attempt")
_WARNED = "get_byte(uuid_send({}), 15) < 64"  # one matter of four


@dataclass(frozen=True, slots=True)
class Plan:
    """How often the sample is copied, and by how much time each copy lies before the next."""

    copies: int
    step: timedelta
    numbers: int  # more than the sample's highest feed number and place number

    @property
    def span(self) -> str:
        return f"interval '{self.step.total_seconds()} seconds'"


def multiply(url: str, incidents: int) -> int:
    """Copy what a migrated database holds until it holds about so many incidents; gives how many it holds then."""
    with psycopg.connect(url, autocommit=True) as connection:
        plan = _planned(connection, incidents)
        asyncio.run(_make_months(url))
        _prepare(connection, plan)
        with _without_indexes(connection):
            _copy(url, plan)
        connection.execute(_sql(_DAYS.format(step=plan.span, copies=plan.copies)))
        _drop_samples(connection)
        for table in _leaves(connection):
            # Years of autovacuum would have been at all of them; for the months that is a second reading of most bytes.
            connection.execute(_sql(f"ANALYZE {table}" if is_partition(table) else f"VACUUM (ANALYZE) {table}"))
        return int(_one(connection, "SELECT count(*) FROM receipt"))


def indexes(url: str) -> set[tuple[Any, ...]]:
    """Every index of the growing tables as the server describes it, their months left out."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND schemaname = 'public'", (list(GROWING),)
        )
        return set(rows.fetchall())


def _planned(connection: psycopg.Connection[Any], incidents: int) -> Plan:
    held = int(_one(connection, "SELECT count(*) FROM incident"))
    copies = max(incidents // held - 1, 1)
    highest = "SELECT greatest((SELECT seq FROM feed_counter), (SELECT max(seq) FROM place)) + 1"
    return Plan(copies, HISTORY / copies, int(_one(connection, highest)))


async def _make_months(url: str) -> None:
    this, engine = partitions.month_of(datetime.now(UTC)), open_engine(url, 1)
    for table in partitions.PARTITIONED:
        for back in range(HISTORY.days // 30 + 2):
            async with engine.begin() as connection:
                await partitions.make_month(connection, table, partitions.later(this, -back))
    await engine.dispose()


def _prepare(connection: psycopg.Connection[Any], plan: Plan) -> None:
    """Set the sample aside, and give what is there the highest numbers: copies come before it."""
    connection.execute(_sql(_FUNCTIONS))
    for table in _SAMPLED:
        connection.execute(_sql(f"CREATE UNLOGGED TABLE sample_{table} AS SELECT * FROM {table}"))
    ahead = plan.copies * plan.numbers
    for statement in (
        f"UPDATE feed_counter SET seq = seq + {ahead}",
        f"UPDATE warning SET seq = seq + {ahead}",
        f"UPDATE warning_event SET seq = seq + {ahead}",
        f"UPDATE place SET seq = seq + {ahead}",
        f"UPDATE matter SET place_seq = place_seq + {ahead}",
    ):
        connection.execute(_sql(statement))


def _copy(url: str, plan: Plan) -> None:
    """The oldest copies first, so that indexes on ids grow at their end; tables side by side."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in [pool.submit(_copy_table, url, table, plan) for table in _COPIES]:
            done.result()


def _copy_table(url: str, table: str, plan: Plan) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        statement = _COPIES[table].format(step=plan.span, copies=plan.copies, numbers=plan.numbers)
        for newest in range(plan.copies, 0, -PIECE):
            connection.execute(_sql(statement), {"newest": newest, "oldest": max(newest - PIECE + 1, 1)})
        print(f"  {datetime.now(UTC):%H:%M:%S} {table} copied", flush=True)


@contextmanager
def _without_indexes(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Building an index once is several times faster than growing it at random places. The primary keys of tables
    with partitions stay: those grow at their end."""
    constraints = connection.execute(_CONSTRAINTS, (list(GROWING),)).fetchall()
    plain = connection.execute(_PLAIN_INDEXES, (list(GROWING),)).fetchall()
    for name, _ in plain:
        connection.execute(_sql(f"DROP INDEX {name}"))
    for table, name, _ in constraints:
        connection.execute(_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    yield
    connection.execute("SET maintenance_work_mem = '1GB'")
    connection.execute("SET max_parallel_maintenance_workers = 1")
    for table, name, definition in constraints:
        connection.execute(_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
    for name, definition in plain:
        connection.execute(_sql(definition.replace(" ON ONLY ", " ON ")))
        print(f"  {datetime.now(UTC):%H:%M:%S} {name} built", flush=True)


def _drop_samples(connection: psycopg.Connection[Any]) -> None:
    for table in _SAMPLED:
        connection.execute(_sql(f"DROP TABLE sample_{table}"))
    connection.execute("DROP FUNCTION copy_id")


def _leaves(connection: psycopg.Connection[Any]) -> Sequence[str]:
    """Tables that hold rows. A parent of months is not analysed: autovacuum never does it either."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    return [row[0] for row in rows]


def _one(connection: psycopg.Connection[Any], statement: str) -> Any:
    found = connection.execute(_sql(statement)).fetchone()
    assert found is not None
    return found[0]


def _sql(statement: str) -> LiteralString:
    """Built from the texts of this module alone."""
    return cast(LiteralString, statement)


_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(c.oid) FROM pg_constraint c
JOIN pg_class t ON t.oid = conrelid WHERE contype IN ('p', 'u') AND relkind = 'r' AND relname = ANY(%s)
"""
_PLAIN_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes i WHERE tablename = ANY(%s) AND schemaname = 'public'
AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = i.indexname)
"""
# Inlined by the planner. The first 48 bits of an id are its milliseconds; the rest stays and keeps ids apart.
_FUNCTIONS = """
CREATE FUNCTION copy_id(id uuid, back interval) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
SELECT (lpad(to_hex(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint
  - (extract(epoch FROM back) * 1000)::bigint), 12, '0') || substr(replace(id::text, '-', ''), 13))::uuid $$
"""
_COPIES_OF = "FROM (SELECT n, n * {step} AS back FROM generate_series(%(newest)s, %(oldest)s, -1) n) k CROSS JOIN"
_COPIES = {
    "judgement": f"""
INSERT INTO judgement SELECT copy_id(id, back), copy_id(matter_id, back), at - back, cause, level, rule_level,
  model_level, needs_look, life_danger, statutory_report_required, probability, model_version, feature_hash, rulebook,
  rulebook_hash, thresholds_version, reasons, measures, '[]', jsonb_build_object('why_none', score->'why_none')
{_COPIES_OF} sample_judgement""",
    "incident": f"""
INSERT INTO incident (id, system, client_id, revision, status, area, county, grid, category, category_from, title, text,
  masked, occurred_at, captured_at, received_at, late, people_affected, people_affected_from, people_present,
  place_text, lat, lon, accuracy_m, project_id, signals, text_signals, source, report_stage, handling,
  action_taken, sketch,
  matter_id, linked_by, possible_duplicates, judgement_id, warning_ids, note)
SELECT copy_id(id, back), system, client_id || '-' || n, revision, status, area, county, grid, category, category_from,
  title, text, masked, occurred_at - back, captured_at - back, received_at - back, late, people_affected,
  people_affected_from, people_present, place_text, lat, lon, accuracy_m, project_id, signals, text_signals, source,
  report_stage, handling, action_taken, sketch, copy_id(matter_id, back), linked_by, possible_duplicates,
  copy_id(judgement_id, back), CASE WHEN {_WARNED.format("matter_id")}
    THEN ARRAY(SELECT copy_id(w, back) FROM unnest(warning_ids) w) ELSE ARRAY[]::uuid[] END, note
{_COPIES_OF} sample_incident""",
    "receipt": f"""
INSERT INTO receipt (client_id, system, revision, incident_id, content_mac)
SELECT client_id || '-' || n, system, revision, copy_id(incident_id, back), content_mac {_COPIES_OF} sample_receipt""",
    "matter": f"""
INSERT INTO matter (id, area, county, grid, category, first_level, title, status, project_id, opened_at,
  first_occurred_at, last_occurred_at, updated_at, report_count, settled_on_spot_count, people_first, people_max,
  people_latest, present_max, signals, text_signals, sources, recent, replied_at, reports_after_reply, missed_clocks,
  sketch, level, probability, judgement_id, closed_at, outcome, merged_into, place_seq)
SELECT copy_id(id, back), area, county, grid, category, first_level, title,
  CASE WHEN left_open THEN 'open' ELSE 'closed' END, project_id, opened_at - back, first_occurred_at - back,
  last_occurred_at - back, updated_at - back, report_count,
  settled_on_spot_count, people_first, people_max, people_latest, present_max, signals, text_signals, sources, recent,
  replied_at - back, reports_after_reply, missed_clocks, sketch, level, probability, copy_id(judgement_id, back),
  CASE WHEN left_open THEN NULL ELSE updated_at - back + interval '3 days' END,
  CASE WHEN left_open THEN NULL ELSE 'settled' END, NULL, place_seq + ({{copies}} - n) * {{numbers}}
{_COPIES_OF} sample_matter
CROSS JOIN LATERAL (SELECT hashtext(id::text || n) %% {LEFT_OPEN} = 0 AS left_open) o""",
    "matter_entry": f"""
INSERT INTO matter_entry SELECT copy_id(id, back), copy_id(matter_id, back), at - back, kind, department_id, note, data
{_COPIES_OF} sample_matter_entry""",
    "warning": f"""
INSERT INTO warning (id, seq, revision, level, issued_level, subject_kind, subject_id, area, category, headline,
  reasons, measures, state, statutory_report_required, unverified, restricted, department_ids, judgement_id,
  reports_told,
  people_told, opened_at, updated_at, issued_at, confirm_due_at, confirmed_by, resolved_at, outcome, outcome_at,
  outcome_note)
SELECT copy_id(id, back), seq + ({{copies}} - n) * {{numbers}}, revision, level, issued_level, subject_kind,
  copy_id(subject_id::uuid, back)::text, area, category, headline, reasons, measures, 'resolved',
  statutory_report_required, unverified, restricted, department_ids, copy_id(judgement_id, back), reports_told,
  people_told, opened_at - back, updated_at - back, issued_at - back, confirm_due_at - back, confirmed_by,
  updated_at - back + interval '3 days', 'settled', updated_at - back, outcome_note
{_COPIES_OF} sample_warning WHERE {_WARNED.format("subject_id::uuid")}""",
    "duty": f"""
INSERT INTO duty SELECT copy_id(warning_id, back), department_id, role, reason, sign_due_at - back, sign_due_at - back,
  sign_note, answer_due_at - back, answer_due_at - back, NULL, reminders, missed
{_COPIES_OF} sample_duty WHERE warning_id IN (SELECT id FROM sample_warning WHERE {_WARNED.format("subject_id::uuid")})
""",
    "warning_event": f"""
INSERT INTO warning_event SELECT seq + ({{copies}} - n) * {{numbers}}, copy_id(warning_id, back), revision, type,
  at - back, area, restricted, department_ids, note, body
{_COPIES_OF} sample_warning_event
WHERE warning_id IN (SELECT id FROM sample_warning WHERE {_WARNED.format("subject_id::uuid")})""",
    "outbox": f"""
INSERT INTO outbox (id, warning_id, revision, endpoint_id, message_id, body, state, priority, attempts, due_at,
  lease_token, last_status, last_error, why, created_at, done_at)
SELECT copy_id(id, back), copy_id(warning_id, back), revision, endpoint_id, message_id || '-' || n, body, 'delivered',
  priority, 1, due_at - back, NULL, 200, NULL, why, created_at - back, created_at - back
{_COPIES_OF} sample_outbox
WHERE warning_id IN (SELECT id FROM sample_warning WHERE {_WARNED.format("subject_id::uuid")})""",
    "attempt": f"""
INSERT INTO attempt SELECT copy_id(id, back - interval '1 second'), copy_id(id, back), 1, created_at - back, 12, 200,
  NULL, NULL
{_COPIES_OF} sample_outbox
WHERE warning_id IN (SELECT id FROM sample_warning WHERE {_WARNED.format("subject_id::uuid")})""",
}
_DAYS = """
INSERT INTO place_day (county, first_level, day, reports, opened, closed, escalated)
SELECT county, first_level, (day - n * {step})::date, sum(reports), sum(opened), sum(opened), count(*) / 2
FROM sample_place_day CROSS JOIN generate_series(1, {copies}) n GROUP BY 1, 2, 3
ON CONFLICT (county, first_level, day) DO NOTHING
"""
