"""The service's own database as a history. It is read in one read-only transaction; nothing is ever written to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from service.domain.incidents import IncidentReport
from service.domain.words import Outcome
from service.store import history as stored
from service.store.engine import Row, open_engine
from service.workflows.backtest.history import (
    WARM_UP,
    Answered,
    Corrected,
    Ended,
    Event,
    Furniture,
    History,
    Received,
    Signed,
    Withdrawn,
    in_order,
)

LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_AS_KEPT = (
    "area", "grid", "title", "text", "occurred_at", "captured_at", "people_present", "place_text", "project_id",
    "signals", "source", "report_stage", "handling", "action_taken",
)  # fmt: skip
_NOTES = (
    "报告文字按入库时的脱敏文本回放。",
    "区划、单位、责任清单、订阅和即发令按现在的内容；人工核实不回放，到时按“未核实”发出。",
)


async def read_own(url: str, start: datetime | None, now: datetime) -> History:
    """What the database knows at `now`, from a year before `start`."""
    since = start - WARM_UP if start else LONG_AGO
    engine = open_engine(url, 1)
    try:
        async with engine.connect() as connection:
            await stored.read_only(connection)
            furniture = Furniture(**await stored.reference_rows(connection))
            revisions = await stored.revisions_since(connection, since)
            acts = await stored.acts_since(connection, since)
            by_hand = await stored.by_hand_since(connection, since)
    finally:
        await engine.dispose()
    events = in_order([*(_revision(row, now) for row in revisions), *(act for row in acts if (act := _act(row)))])
    return History(
        source="本服务的数据库",
        synthetic=False,
        end=now,
        events=events,
        furniture=furniture,
        outcomes=any(isinstance(event, Ended) for event in events),
        signs=True,
        notes=(*_NOTES, *([f"{by_hand} 次人工并案、拆分未回放，报告按系统的归并。"] if by_hand else [])),
    )


def _revision(row: Row, now: datetime) -> Event:
    """What is known now was known by now, whatever the clock said that made a row's id."""
    at, system = min(row["became_known_at"], now), row["system"]
    if row["status"] == "withdrawn":
        return Withdrawn(at, row["client_id"], system)
    report = _report(row)
    if row["revision"] > 1:
        return Corrected(at, report, system)
    return Received(at, report, system, str(row["matter_id"]), row["linked_by"].get("by") == "named")


def _report(row: Row) -> IncidentReport:
    """The report as it was kept; what the service itself read from the text is left for it to read again."""
    body: dict[str, Any] = {name: row[name] for name in _AS_KEPT} | {"id": row["client_id"]}
    body["category"] = row["category"] if row["category_from"] == "reported" else None
    body["people_affected"] = row["people_affected"] if row["people_affected_from"] == "reported" else None
    if row["lat"] is not None:
        body["location"] = {"lat": row["lat"], "lon": row["lon"], "accuracy_m": row["accuracy_m"]}
    for name in ("occurred_at", "captured_at"):
        body[name] = body[name] and body[name].isoformat()
    return IncidentReport.model_validate(body)


def _act(row: Row) -> Event | None:
    """None for what nobody's name stands under and that ends nothing."""
    at, matter, department = row["at"], row["matter"], row["department"]
    if row["kind"] == "closed":
        said = row["data"]
        return Ended(at, matter, Outcome(said["outcome"]), datetime.fromisoformat(said["outcome_at"]))
    if department is None:
        return None
    return Signed(at, matter, department) if row["kind"] == "signed" else Answered(at, matter, department)
