"""What can be proved of a department's duty in a span of time: what it was owed, how it went, whether it signed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Row, rows_of
from service.store.views import WARNINGS_IN_SIGHT, Sight

Span = tuple[datetime, datetime]  # from, up to but without

# By their keys and not by reading all of years, whatever the planner thinks of a month.
_DUTY = """CROSS JOIN LATERAL
  (SELECT * FROM duty WHERE warning_id = w.id AND department_id = :id OFFSET 0) d"""
_WARNING = "CROSS JOIN LATERAL (SELECT * FROM warning WHERE id = {}.warning_id OFFSET 0) w"
_PUSHES = f"""
SELECT count(*) AS owed, count(*) FILTER (WHERE o.state = 'delivered') AS delivered,
  count(*) FILTER (WHERE o.state = 'pending') AS pending, count(*) FILTER (WHERE o.state = 'given_up') AS given_up,
  count(*) FILTER (WHERE o.state = 'cancelled') AS cancelled, coalesce(sum(o.attempts), 0) AS attempts,
  percentile_cont(ARRAY[0.5, 0.9, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM a.first - o.created_at)) AS tried_s,
  percentile_cont(ARRAY[0.5, 0.9, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM o.done_at - o.created_at))
    FILTER (WHERE o.state = 'delivered') AS delivered_s
FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id AND e.department_id = :id JOIN warning w ON w.id = o.warning_id
CROSS JOIN LATERAL (SELECT min(started_at) AS first FROM attempt WHERE outbox_id = o.id) a
WHERE o.created_at >= :begin AND o.created_at < :end AND {WARNINGS_IN_SIGHT}
"""  # noqa: S608
_DUTIES = f"""
SELECT w.id AS warning_id, w.headline, w.level, w.state, d.role, i.issued_at, d.sign_due_at, d.signed_at,
  d.answer_due_at, d.answered_at, d.reminders,
  (SELECT count(*) FROM escalation x WHERE x.warning_id = w.id AND x.department_id = :id AND x.told_id IS NOT NULL)
    AS escalations
FROM (SELECT warning_id, min(at) AS issued_at FROM warning_event
    WHERE at >= :begin AND at < :end AND type = 'issued' GROUP BY warning_id) i
{_WARNING.format("i")} {_DUTY}
WHERE d.role IN ('lead', 'participant') AND {WARNINGS_IN_SIGHT} ORDER BY i.issued_at, w.id
"""  # noqa: S608
_OF_DEPARTMENT = f"""
SELECT v.at, v.type, v.note, w.id AS warning_id, w.level, w.headline, d.role
FROM warning_event v {_WARNING.format("v")} {_DUTY}
WHERE v.at >= :begin AND v.at < :end AND {WARNINGS_IN_SIGHT} ORDER BY v.seq
"""  # noqa: S608


async def pushes(connection: AsyncConnection, department_id: UUID, span: Span, sight: Sight) -> Row:
    """How the pushes owed to a department in a span went; `tried_s` and `delivered_s` are median, p90 and longest."""
    return (await _run(connection, _PUSHES, department_id, span, sight))[0]


async def duties(connection: AsyncConnection, department_id: UUID, span: Span, sight: Sight) -> list[Row]:
    """What a department led or took part in of the warnings that left in a span, each with its clocks as they stand."""
    return await _run(connection, _DUTIES, department_id, span, sight)


async def changes(connection: AsyncConnection, department_id: UUID, span: Span, sight: Sight) -> list[Row]:
    """What happened in a span on the warnings on which a department has a duty, in order."""
    return await _run(connection, _OF_DEPARTMENT, department_id, span, sight)


async def _run(connection: AsyncConnection, statement: str, department_id: UUID, span: Span, sight: Sight) -> list[Row]:
    given = {"id": department_id, "begin": span[0], "end": span[1], **sight.parameters}
    return rows_of(await connection.execute(text(statement), given))
