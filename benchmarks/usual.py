"""The usual design, as a rival: a synchronous route, a session per request, a row at a time, scikit-learn in each.

It does the same: key check, masking, category, linking by likeness, rules, score, level, warning with duties, event and
queued pushes, into the same tables. It is spared what would only slow it down: no lock per place, so two first reports
of one matter may open two; numbers of events from a sequence, so commit order is not reading order; counts of a place
by query instead of a shared counter row.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Engine, create_engine, func, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel, col, select

from benchmarks.bare import run
from benchmarks.learned import examples, fitted
from service.api.shapes import ReportOut, report_out
from service.delivery.message import Envelope, body
from service.delivery.routing import Directory, warnings_for
from service.domain.areas import county_of
from service.domain.incidents import IncidentReport
from service.domain.levels import Level
from service.domain.matters import PlaceHistory, Weeks
from service.domain.warnings import Department, Duty, Responsibility, Subscription, Warning, WarningSubject
from service.main import load_engines
from service.scoring.holder import InUse, ModelHolder
from service.settings import Settings
from service.store import tables as t
from service.store import tables_service as ts
from service.store.engine import Row, driver_url, dump_json, new_id
from service.store.keys import digest_of
from service.store.matters import matter_of, row_of
from service.store.reference import Reference
from service.store.warnings import warning_of
from service.workflows.deciding import Case, Move, decide
from service.workflows.judging import Judged, judge
from service.workflows.keeping import created, linked_row, receipt_row
from service.workflows.linking import Link, Linker, LinkingRule
from service.workflows.parts import Engines
from service.workflows.place_memory import PlaceIndex
from service.workflows.preparing import Arrival, Prepared, prepare
from service.workflows.surroundings import Surroundings
from service.workflows.telling import deadlines, snapshot
from service.workflows.warning_matters import headline, policy_for

MAC_KEY = b"bench"
BEARER = HTTPBearer()


@dataclass(slots=True)
class Parts:
    """What a request needs; the directory is read once, which a usual service would cache too."""

    engine: Engine
    engines: Engines
    reference: Reference
    directory: Directory


@contextlib.asynccontextmanager
async def _life(served: FastAPI) -> AsyncIterator[None]:
    engine = create_engine(
        driver_url(os.environ["BENCH_DATABASE"]), pool_size=40, max_overflow=20, json_serializer=dump_json
    )
    with engine.begin() as connection:
        connection.execute(text("CREATE SEQUENCE IF NOT EXISTS usual_seq"))
    learned: Any = fitted(examples())
    served.state.parts = Parts(
        engine, replace(load_engines(Settings()), models=ModelHolder(InUse(learned))), *_reference(engine)
    )
    yield
    engine.dispose()


app = FastAPI(lifespan=_life, docs_url=None, redoc_url=None, openapi_url=None)


@app.exception_handler(DBAPIError)
def lost_race(_: Request, __: Exception) -> JSONResponse:
    """Two reports of one matter opened its warning at once, or waited for each other: the client may try again."""
    return JSONResponse({}, 503)


def session_of(request: Request) -> Any:
    with Session(request.app.state.parts.engine) as session:
        yield session


Db = Annotated[Session, Depends(session_of)]


def system_of(given: Annotated[HTTPAuthorizationCredentials, Depends(BEARER)], session: Db) -> str:
    key = session.get(ts.ApiKeyTable, given.credentials.split("_", 2)[1])
    if key is None or key.digest != digest_of(given.credentials.split("_", 2)[2]) or "report" not in key.scopes:
        raise HTTPException(401)
    return key.system


@app.post("/v1/incidents", status_code=201)
def post_incident(
    report: IncidentReport, system: Annotated[str, Depends(system_of)], session: Db, request: Request
) -> ReportOut:
    parts, now = request.app.state.parts, datetime.now(UTC)
    if session.get(ts.AreaTable, (report.area, parts.reference.areas[report.area][0].valid_from)) is None:
        raise HTTPException(422)
    if session.get(t.ReceiptTable, (system, report.id, 1)) is not None:
        raise HTTPException(409)
    prepared = prepare(Arrival(report, system), parts.engines, MAC_KEY, now)
    linker, link = _linked(session, parts.engines, prepared, now)
    matter = linker.touched[link.matter_id]
    history = {(county_of(matter.area), matter.first_level): _history(session, prepared, now)}
    around = Surroundings(Weeks.until(now, parts.engines.zone), history)
    judged = judge(parts.engines, [matter], around, now, "report")[0]
    known = _open_warning(session, judged)
    move = _move(parts, judged, known, now)
    warning = move.warning if move else known
    row = linked_row(link, judged, warning.id if warning else None, ())
    _add(session, (linker, judged, row, prepared), now)
    if move:
        _tell(session, parts, move, now)
    session.commit()
    session.refresh(session.get_one(t.IncidentTable, prepared.incident_id))
    return report_out(created(link, judged, row), parts.engines.scorer)


def _linked(session: Session, engines: Engines, prepared: Prepared, now: datetime) -> tuple[Linker, Link]:
    """The same likeness over the open matters of the same village and kind, which keeps the reading short."""
    area, day, value = prepared.report.area, engines.day(now), engines.thresholds.value
    rule = LinkingRule(value("linking.likeness", area, day), timedelta(days=value("linking.window_days", area, day)))
    since = prepared.report.occurred_at - rule.window
    m = t.MatterTable
    asked = select(m).where(
        m.status == "open", m.county == county_of(area), m.first_level == prepared.first_level,
        m.area == area, m.last_occurred_at >= since,
    )  # fmt: skip
    index = PlaceIndex(since)
    index.take(matter_of(dict(found)) for found in session.exec(asked).all())
    linker = Linker({prepared.place: index}, {}, rule)
    return linker, linker.link(prepared, now)


def _history(session: Session, prepared: Prepared, now: datetime) -> PlaceHistory:
    county, kind = prepared.place
    i, m = t.IncidentTable, t.MatterTable

    def count(*where: Any) -> int:
        return session.exec(select(func.count()).where(*where)).one()

    here = (i.county == county, col(i.category).startswith(kind))
    matters = (m.county == county, m.first_level == kind)
    week, month = now - timedelta(days=7), now - timedelta(days=35)
    return PlaceHistory(
        reports_7d=count(*here, i.occurred_at > week),
        reports_28d_before=count(*here, i.occurred_at <= week, i.occurred_at > month),
        open_matters=count(*matters, m.status == "open"),
        closed_365d=count(*matters, m.status == "closed"),
        escalated_365d=count(*matters, m.outcome == "escalated"),
    )


def _open_warning(session: Session, judged: Judged) -> Warning | None:
    w = t.WarningTable
    asked = select(w).where(w.subject_id == str(judged.matter.id), col(w.state).not_in(["resolved", "cancelled"]))
    found = session.exec(asked).first()
    return warning_of(dict(found)) if found else None


def _move(parts: Parts, judged: Judged, known: Warning | None, now: datetime) -> Move | None:
    case = Case(
        matter=judged.matter,
        judgement=judged.judgement,
        judgement_id=judged.row["id"],
        headline=headline(parts.engines, parts.reference, judged.matter),
        order=None,
        now=now,
    )
    return decide(case, known, new_id(), policy_for(parts.engines, judged.matter.area, now))


def _add(session: Session, made: tuple[Linker, Judged, Row, Prepared], now: datetime) -> None:
    linker, judged, row, prepared = made
    session.add(t.ReceiptTable(**receipt_row(prepared)))
    session.add(t.IncidentTable(**row))
    session.merge(t.MatterTable(**_plain(row_of(judged.matter, now)), place_seq=0))
    session.add(t.JudgementTable(**judged.row))
    if linker.opened:
        matter_id = judged.matter.id
        entry = t.MatterEntryTable(
            id=new_id(), matter_id=matter_id, at=now, kind="opened", department_id=None, note=None, data={}
        )
        session.add(entry)


def _tell(session: Session, parts: Parts, move: Move, now: datetime) -> None:
    seq = session.exec(select(func.nextval("usual_seq"))).one()
    first_level = parts.engines.catalogue.first_level(move.warning.category)
    about = move.warning
    subject = WarningSubject(about.area, about.category, first_level, about.level, about.restricted)
    routed = warnings_for(subject, parts.directory)
    warning = replace(about, seq=seq, department_ids=tuple(duty.department_id for duty in routed.duties))
    session.merge(t.WarningTable(**{f.name: getattr(warning, f.name) for f in fields(Warning)}))
    for duty in routed.duties:
        session.merge(_duty(parts, warning, duty, now))
    session.add(_event(warning, move))
    if warning.issued_level:
        wanted = [push.department_id for push in routed.pushes]
        for endpoint in session.exec(select(ts.EndpointTable).where(col(ts.EndpointTable.department_id).in_(wanted))):
            session.add(_push(parts, move, endpoint.id, now))


def _duty(parts: Parts, warning: Warning, duty: Duty, now: datetime) -> SQLModel:
    sign, answer = deadlines(parts.engines, warning.level, warning.area, now)
    return t.DutyTable(
        warning_id=warning.id, department_id=duty.department_id, role=duty.role, reason=duty.reason, sign_due_at=sign,
        signed_at=None, sign_note=None, answer_due_at=answer, answered_at=None, next_check_at=sign, reminders=0,
        missed=0,
    )  # fmt: skip


def _event(warning: Warning, move: Move) -> SQLModel:
    return t.WarningEventTable(
        seq=warning.seq, warning_id=warning.id, revision=warning.revision, type=move.type, at=warning.updated_at,
        area=warning.area, restricted=warning.restricted, department_ids=list(warning.department_ids), note=move.note,
        body=snapshot(warning),
    )  # fmt: skip


def _push(parts: Parts, move: Move, endpoint_id: Any, now: datetime) -> SQLModel:
    warning, catalogue = move.warning, parts.engines.catalogue
    envelope = Envelope(
        area_name=parts.reference.area_name(warning.area),
        category_name=catalogue.category_name(warning.category),
        link=f"http://127.0.0.1/v1/warnings/{warning.id}",
        role=None,
        sign_due_at=None,
    )
    return ts.OutboxTable(
        id=new_id(), warning_id=warning.id, revision=warning.revision, endpoint_id=endpoint_id,
        message_id=f"msg_{new_id().hex}", body=body(move.type, now, warning, envelope), state="pending",
        priority=4 - warning.level.rank, attempts=0, due_at=now, lease_token=None, last_status=None, last_error=None,
        why=move.note, created_at=now, done_at=None, chosen=False, forgiven=0, touched_at=now,
    )  # fmt: skip


def _plain(row: Row) -> Row:
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in row.items()}


def _reference(engine: Engine) -> tuple[Reference, Directory]:
    with Session(engine) as session:
        areas: dict[str, list[Any]] = {}
        for area in session.exec(select(ts.AreaTable)):
            areas.setdefault(area.code, []).append(area)
        departments = [
            Department(d.id, d.name, d.is_coordinator, d.area) for d in session.exec(select(ts.DepartmentTable))
        ]
        duties = [
            Responsibility(r.area, r.category, r.lead_id, tuple(r.participant_ids))
            for r in session.exec(select(ts.ResponsibilityTable))
        ]
        hears = [
            Subscription(
                s.id, s.department_id, s.area, tuple(s.categories) if s.categories else None, Level(s.minimum_level)
            )
            for s in session.exec(select(ts.SubscriptionTable))
        ]
        session.expunge_all()
    reference = Reference(1, areas, {d.id: d for d in departments}, tuple(duties), tuple(hears), (), {})
    return reference, Directory(departments, duties, hears)


if __name__ == "__main__":
    run(app)
