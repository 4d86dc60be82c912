"""Incidents and the receipts that make each report of each reporting system unique."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.engine import Insert, Row, insert_all, new_id, rows_of, run
from service.store.partitions import first_id_at, instant_of
from service.store.tables import IncidentTable, ReceiptTable

TWIN_DAYS = 92  # a report older than this is not the same one reported twice
ReportKey = tuple[str, str]  # (reporting system, the client's own id)


async def receipts_of(connection: AsyncConnection, keys: Collection[ReportKey]) -> dict[ReportKey, list[Row]]:
    """All revisions kept under these keys, oldest first."""
    if not keys:
        return {}
    rows = await connection.execute(
        text(
            "SELECT r.* FROM unnest(CAST(:systems AS text[]), CAST(:ids AS text[])) AS k(system, client_id)"
            " JOIN receipt r USING (system, client_id) ORDER BY r.revision"
        ),
        {"systems": [key[0] for key in keys], "ids": [key[1] for key in keys]},
    )
    found: dict[ReportKey, list[Row]] = {}
    for row in rows.mappings():
        found.setdefault((row["system"], row["client_id"]), []).append(dict(row))
    return found


async def keep_revision(connection: AsyncConnection, receipt: Row, row: Row) -> None:
    """Keep a later revision of a report under its own receipt."""
    await insert_all(connection, [Insert(ReceiptTable, [receipt]), kept([row])])


def kept(rows: Sequence[Row]) -> Insert:
    return Insert(IncidentTable, rows)


async def with_judgement(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Row]:
    """Incidents with the judgement each was answered with: what a repeated report is answered from."""
    if not ids:
        return {}
    rows = await connection.execute(text(_ANSWERED + _BY_ID), {"ids": list(ids)})
    return {row["id"]: row for row in rows_of(rows)}


async def revisions(connection: AsyncConnection, client_id: str, system: str | None) -> list[Row]:
    """Every revision under a client's id, newest first; several systems may use the same id."""
    rows = await connection.execute(
        text(_ANSWERED + _BY_CLIENT_ID),
        {"client_id": client_id, "system": system},
    )
    return rows_of(rows)


async def newest_sketches(
    connection: AsyncConnection, matter_ids: Collection[UUID], each: int
) -> dict[UUID, list[tuple[str, bytes]]]:
    """The newest reports of each matter as (client id, sketch): what may have been reported twice.

    Only those of the last TWIN_DAYS, so that the months before are not looked into, however many there are.
    """
    if not matter_ids:
        return {}
    since = first_id_at(instant_of(new_id()) - timedelta(days=TWIN_DAYS))
    rows = await run(connection, _NEWEST_SKETCHES, {"ids": list(matter_ids), "each": each, "since": since})
    found: dict[UUID, list[tuple[str, bytes]]] = {}
    for row in rows:
        found.setdefault(row["id"], []).append((row["client_id"], row["sketch"]))
    return found


async def of_matter(connection: AsyncConnection, matter_id: UUID, limit: int = 200) -> list[Row]:
    """The reports of one matter, newest first."""
    rows = await connection.execute(
        text("SELECT * FROM incident WHERE matter_id = :id ORDER BY received_at DESC, id DESC LIMIT :limit"),
        {"id": matter_id, "limit": limit},
    )
    return rows_of(rows)


async def supersede(connection: AsyncConnection, incident_id: UUID, status: str) -> None:
    await connection.execute(text("UPDATE incident SET status = :s WHERE id = :id"), {"s": status, "id": incident_id})


async def take_judgement(connection: AsyncConnection, incident_id: UUID) -> None:
    """Let a report be answered with the newest judgement of its matter and the warning that is open on it."""
    await connection.execute(text(_TAKE_JUDGEMENT), {"id": incident_id})


async def move(connection: AsyncConnection, matter_from: Collection[UUID], matter_to: UUID) -> None:
    await connection.execute(
        text("UPDATE incident SET matter_id = :to WHERE matter_id = ANY(:from)"),
        {"to": matter_to, "from": list(matter_from)},
    )


async def move_some(connection: AsyncConnection, incident_ids: Collection[UUID], matter_to: UUID) -> None:
    await connection.execute(
        text("UPDATE incident SET matter_id = :to WHERE id = ANY(:ids)"), {"to": matter_to, "ids": list(incident_ids)}
    )


def columns() -> frozenset[str]:
    """The columns of an incident row."""
    return frozenset(IncidentTable.model_fields)


_NEWEST_SKETCHES = """
SELECT m.id, i.client_id, i.sketch FROM unnest(CAST(%(ids)s AS uuid[])) AS m(id) CROSS JOIN LATERAL
  (SELECT client_id, sketch FROM incident WHERE matter_id = m.id AND id >= %(since)s AND status = 'current'
   ORDER BY received_at DESC LIMIT %(each)s) i
"""
_ANSWERED = """
SELECT i.*, j.level, j.rule_level, j.model_level, j.probability, j.reasons, j.score, j.needs_look, j.model_version
FROM incident i JOIN judgement j ON j.id = i.judgement_id
"""
# A join asks for each id the one partition that it lies in; "= ANY" would ask for all ids in all of them.
_BY_ID = " JOIN unnest(CAST(:ids AS uuid[])) AS k(id) ON k.id = i.id"
_TAKE_JUDGEMENT = """
UPDATE incident i SET judgement_id = m.judgement_id, warning_ids = ARRAY(
  SELECT w.id FROM warning w
  WHERE w.subject_kind = 'matter' AND w.subject_id = m.id::text AND w.state NOT IN ('resolved', 'cancelled'))
FROM matter m WHERE m.id = i.matter_id AND i.id = :id
"""
_BY_CLIENT_ID = """
WHERE i.id IN (SELECT incident_id FROM receipt
  WHERE client_id = :client_id AND (CAST(:system AS text) IS NULL OR system = :system))
ORDER BY i.revision DESC
"""
