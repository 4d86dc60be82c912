"""How a report is kept and answered: its rows, and the answer rebuilt from them when it comes again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from service.domain.areas import county_of
from service.domain.incidents import ReportResult
from service.domain.judging import Reason
from service.domain.levels import Level
from service.store.engine import Row
from service.workflows.judging import Judged
from service.workflows.linking import Link
from service.workflows.preparing import Prepared

_AS_REPORTED = (
    "area", "grid", "title", "text", "occurred_at", "captured_at", "people_present", "place_text", "project_id",
    "source", "report_stage", "handling", "action_taken",
)  # fmt: skip


def receipt_row(one: Prepared) -> Row:
    """What claims a report's id for its system."""
    return {
        "system": one.system,
        "client_id": one.report.id,
        "revision": 1,
        "incident_id": one.incident_id,
        "content_mac": one.content_mac,
    }


def incident_row(one: Prepared, received_at: datetime) -> Row:
    """Everything of a report that is known before it is linked."""
    report, place = one.report, one.report.location
    return {
        "id": one.incident_id,
        "system": one.system,
        "client_id": report.id,
        "revision": 1,
        "status": "current",
        **{name: getattr(report, name) for name in _AS_REPORTED},
        "county": county_of(report.area),
        "category": one.category,
        "category_from": one.category_from,
        "masked": one.masked,
        "received_at": received_at,
        "late": one.facts.late,
        "people_affected": one.facts.people_affected,
        "people_affected_from": one.people_from,
        "lat": place.lat if place else None,
        "lon": place.lon if place else None,
        "accuracy_m": place.accuracy_m if place else None,
        "signals": sorted(one.facts.signals),
        "text_signals": sorted(one.facts.text_signals),
        "sketch": one.sketch.to_bytes(),
        "note": None,
    }


def linked_row(link: Link, judged: Judged, warning_id: UUID | None, twins: tuple[str, ...]) -> Row:
    """The whole row of a report that joined a matter and was judged with it."""
    return {
        **incident_row(link.prepared, judged.row["at"]),
        "matter_id": link.matter_id,
        "linked_by": link.linked_by,
        "possible_duplicates": list(twins),
        "judgement_id": judged.row["id"],
        "warning_ids": [warning_id] if warning_id else [],
    }


def created(link: Link, judged: Judged, row: Row) -> ReportResult:
    """The answer to a report just kept as `row`."""
    return ReportResult(
        id=link.prepared.report.id,
        status="created",
        incident_id=link.prepared.incident_id,
        matter_id=link.matter_id,
        level=judged.judgement.level,
        probability=judged.score.probability,
        why_no_probability=judged.score.why_none,
        reasons=judged.judgement.reasons,
        warnings=tuple(row["warning_ids"]),
        possible_duplicates=tuple(row["possible_duplicates"]),
        needs_look=judged.judgement.needs_look,
        late=link.prepared.facts.late,
    )


def answer_again(row: Row) -> ReportResult:
    """The answer a kept report was given, rebuilt from what was kept."""
    return ReportResult(
        id=row["client_id"],
        status="duplicate",
        incident_id=row["id"],
        matter_id=row["matter_id"],
        level=Level(row["level"]),
        probability=row["probability"],
        why_no_probability=row["score"]["why_none"],
        reasons=tuple([Reason(**reason) for reason in row["reasons"]]),
        warnings=tuple(row["warning_ids"]),
        possible_duplicates=tuple(row["possible_duplicates"]),
        needs_look=row["needs_look"],
        late=row["late"],
        revision=row["revision"],
    )
