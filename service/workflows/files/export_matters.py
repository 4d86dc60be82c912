"""Matters as a CSV that Excel opens: states and numbers, no text and no title, for both come from reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from service.domain.catalogue import Catalogue
from service.domain.levels import Level
from service.store.engine import Row
from service.store.export import ExportQuestion, matters_by_id, newest_warnings
from service.store.reference import Reference
from service.store.views import Sight
from service.workflows.files.table_out import csv_out
from service.workflows.parts import Doors, Engines

PAGE = 1000  # matters in memory at once
AS_KEPT = ("report_count", "people_max", "people_latest", "missed_clocks", "outcome")
INSTANTS = ("opened_at", "first_occurred_at", "last_occurred_at", "replied_at", "closed_at")
HEADER = (
    "id", "area", "area_name", "category", "category_name", "status", "level", "level_zh", "probability", "opened_at",
    "first_occurred_at", "last_occurred_at", "report_count", "people_max", "people_latest", "replied_at",
    "missed_clocks", "outcome", "closed_at", "warning_id", "warning_state", "warning_issued_at",
)  # fmt: skip


async def export_matters(doors: Doors, engines: Engines, out: Path, sight: Sight, since: datetime | None = None) -> int:
    """Write the matters in sight, those changed at or after `since`, and give how many. `out` is written whole or not
    at all; raises FileRefused when it cannot be. Times are in the service's zone with offset, unknown is empty.
    """
    count = 0
    with csv_out(out, HEADER) as table:
        async for row in _rows(doors, engines, sight, since):
            table.row([row[name] for name in HEADER])
            count += 1
    return count


async def _rows(doors: Doors, engines: Engines, sight: Sight, since: datetime | None) -> AsyncIterator[dict[str, Any]]:
    after = None
    while True:
        async with doors.engine.connect() as connection:
            reference = await doors.reference.get(connection)
            page = await matters_by_id(connection, ExportQuestion(PAGE, after, since), sight)
            warnings = await newest_warnings(connection, [matter["id"] for matter in page], sight)
        for matter in page:
            yield _row(matter, warnings.get(matter["id"], {}), (engines.catalogue, reference, engines.zone))
        if len(page) < PAGE:
            return
        after = page[-1]["id"]


def _row(matter: Row, warning: Row, known: tuple[Catalogue, Reference, ZoneInfo]) -> dict[str, Any]:
    catalogue, reference, zone = known
    level = Level(matter["level"]) if matter["level"] else None
    return {
        **{name: matter[name] for name in ("id", "area", "category", "status", "level", "probability", *AS_KEPT)},
        **{name: _local(matter[name], zone) for name in INSTANTS},
        "area_name": reference.area_name(matter["area"]),
        "category_name": catalogue.category_name(matter["category"]),
        "level_zh": level.zh if level else None,
        "warning_id": warning.get("id"),
        "warning_state": warning.get("state"),
        "warning_issued_at": _local(warning.get("issued_at"), zone),
    }


def _local(instant: datetime | None, zone: ZoneInfo) -> str | None:
    return instant.astimezone(zone).isoformat(timespec="seconds") if instant else None
