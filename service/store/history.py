"""The history that a database holds, read to be played again: reports as received then, and what offices did."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, rows_of

REFERENCE = {
    "areas": "SELECT * FROM area ORDER BY code, valid_from",
    "departments": "SELECT * FROM department ORDER BY name",
    "responsibilities": "SELECT * FROM responsibility ORDER BY id",
    "subscriptions": "SELECT * FROM subscription ORDER BY id",
    "standing_orders": "SELECT * FROM standing_order ORDER BY id",
}


async def read_only(connection: AsyncConnection) -> None:
    """From here on this transaction sees one state of the database and can change nothing in it."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


async def reference_rows(connection: AsyncConnection) -> dict[str, tuple[Row, ...]]:
    """Areas, departments, responsibilities, subscriptions and standing orders by those names, as they are now."""
    return {name: tuple(rows_of(await connection.execute(text(statement)))) for name, statement in REFERENCE.items()}


async def revisions_since(connection: AsyncConnection, since: datetime) -> list[Row]:
    """Every revision of reports received since then; `became_known_at` is when this revision was kept."""
    return rows_of(await connection.execute(text(_REVISIONS), {"since": since}))


async def acts_since(connection: AsyncConnection, since: datetime) -> list[Row]:
    """What offices did on matters since then: kind (signed, replied, closed), at, matter_id, department, data."""
    return rows_of(await connection.execute(text(_ACTS), {"since": since}))


async def by_hand_since(connection: AsyncConnection, since: datetime) -> int:
    """How many merges, splits and reopenings there were."""
    statement = "SELECT count(*) FROM matter_entry WHERE kind IN ('merged', 'split') AND at >= :since"
    return int((await connection.execute(text(statement), {"since": since})).scalar_one())


# A later revision carries the receipt of the first; it became known when its matter was judged again, or, where nothing
# was left to judge, when its row was made.
_REVISIONS = """
SELECT i.*, CASE WHEN i.revision = 1 THEN i.received_at
  WHEN j.cause = 'correction' AND i.status <> 'withdrawn' THEN j.at
  ELSE to_timestamp(('x' || translate(left(i.id::text, 13), '-', ''))::bit(48)::bigint / 1000.0) END AS became_known_at
FROM incident i LEFT JOIN judgement j ON j.id = i.judgement_id
WHERE i.received_at >= :since ORDER BY became_known_at, i.id
"""
# A duty keeps the newest signing only, since who is asked anew signs anew; the events keep all that changed a warning.
_ACTS = """
SELECT e.kind, e.at, coalesce(m.merged_into, m.id)::text AS matter, d.name AS department, e.data
FROM matter_entry e JOIN matter m ON m.id = e.matter_id LEFT JOIN department d ON d.id = e.department_id
WHERE e.kind IN ('replied', 'closed') AND e.at >= :since
UNION
SELECT 'signed', v.at, coalesce(m.merged_into, m.id)::text, d.name, '{}'::jsonb
FROM warning_event v JOIN warning w ON w.id = v.warning_id AND w.subject_kind = 'matter'
JOIN matter m ON m.id::text = w.subject_id JOIN department d ON v.note = d.name || '已签收'
WHERE v.type = 'acknowledged' AND v.at >= :since
UNION
SELECT 'signed', u.signed_at, coalesce(m.merged_into, m.id)::text, d.name, '{}'::jsonb
FROM duty u JOIN warning w ON w.id = u.warning_id AND w.subject_kind = 'matter'
JOIN matter m ON m.id::text = w.subject_id JOIN department d ON d.id = u.department_id
WHERE u.signed_at >= :since
"""
