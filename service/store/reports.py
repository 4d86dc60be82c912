"""What a group of new reports asks of the database at once: their ids and places, then room for all that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.matters import Matter
from service.store import incidents, matters, warnings
from service.store.engine import Row, insert_all, rows_json, run
from service.store.matters import Place
from service.store.tables import ReceiptTable


@dataclass(frozen=True, slots=True)
class Claimed:
    """The incident ids that are new, the places locked for them with their numbers, and the reference's version."""

    incident_ids: set[UUID]
    held: dict[Place, int]
    reference_version: int | None


async def claim(connection: AsyncConnection, receipts: Sequence[Row], places: Mapping[UUID, Place]) -> Claimed:
    """Claim first revisions and lock the places of those that are new, in one trip and in one order for everybody.

    Waits for whoever is writing the same id or holds the same place just now. `places` names the place of an incident;
    what it leaves out is claimed without a lock.
    """
    ordered = sorted(receipts, key=lambda row: (row["system"], row["client_id"]))
    given = {
        "rows": rows_json(ReceiptTable, ordered),
        "ids": list(places),
        "counties": [place[0] for place in places.values()],
        "firsts": [place[1] for place in places.values()],
    }
    rows = await run(connection, _CLAIM, given)
    return Claimed(
        incident_ids={row["incident_id"] for row in rows if row["incident_id"] is not None},
        held={(row["county"], row["first_level"]): row["seq"] for row in rows if row["seq"] is not None},
        reference_version=next((int(row["version"]) for row in rows), None),
    )


@dataclass(frozen=True, slots=True)
class Reported:
    """Everything that a group of reports changed, but for the warnings."""

    incidents: Sequence[Row]
    matters: Sequence[Matter]
    judgements: Sequence[Row]
    entries: Sequence[Row]
    counts: Mapping[tuple[Place, date], Mapping[str, int]]


async def keep(connection: AsyncConnection, reported: Reported, now: datetime) -> None:
    """Keep it all; the places of the matters are locked."""
    parts = [
        incidents.kept(reported.incidents),
        matters.kept(reported.matters, now),
        warnings.judgements(reported.judgements),
        matters.entered(reported.entries),
        matters.counted(reported.counts),
    ]
    await insert_all(connection, parts)


# The places are read from the claimed rows, so that they are locked after the claim, as everybody does it.
_CLAIM = """
WITH claimed AS (
  INSERT INTO receipt (system, client_id, revision, incident_id, content_mac)
  SELECT system, client_id, revision, incident_id, content_mac
  FROM jsonb_populate_recordset(NULL::receipt, CAST(%(rows)s AS jsonb))
  ON CONFLICT DO NOTHING RETURNING incident_id
), named AS (
  SELECT * FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(counties)s AS text[]), CAST(%(firsts)s AS text[]))
    AS n(incident_id, county, first_level)
), locked AS (
  INSERT INTO place (county, first_level, seq)
  SELECT DISTINCT n.county COLLATE "C", n.first_level COLLATE "C", 1 FROM claimed JOIN named n USING (incident_id)
  ORDER BY 1, 2
  ON CONFLICT (county, first_level) DO UPDATE SET seq = place.seq + 1
  RETURNING county, first_level, seq
)
SELECT r.version, c.incident_id, l.county, l.first_level, l.seq
FROM reference_version r
LEFT JOIN claimed c ON true
LEFT JOIN named n USING (incident_id)
LEFT JOIN locked l USING (county, first_level)
WHERE r.id = 1
"""
