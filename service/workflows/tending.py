"""What people do with matters and reports: merge, split, correct, withdraw. Matters are folded again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import contains
from service.domain.matters import Matter, ReportFacts
from service.domain.problems import FieldError, Problem, not_found
from service.domain.words import Handling, MatterStatus, Outcome, Source
from service.store import feed, incidents, matters, warnings
from service.store.engine import Row, insert_all, new_id
from service.workflows.answering import Actor, Ending, close_kept_matter, locked_matter
from service.workflows.clocks import rejudge
from service.workflows.deciding import cancel
from service.workflows.keeping import incident_row
from service.workflows.linking import TITLE_CHARACTERS
from service.workflows.parts import Engines
from service.workflows.preparing import Arrival, Prepared, errors_in, prepare
from service.workflows.telling import Teller, Work, tell

MOST_REPORTS = 10_000  # reports of one matter that are folded again at once


@dataclass(frozen=True, slots=True)
class ReportName:
    """A report of a reporting system, as far as a key that is narrowed to `area` may touch it."""

    system: str
    client_id: str
    area: str | None


async def merge_matters(work: Work, into: UUID, others: Collection[UUID], actor: Actor) -> None:
    """Move the reports of other matters into one; the others stay readable and point to it."""
    others = list(dict.fromkeys(others))
    if into in others:
        raise Problem(422, "merge_into_itself", "事项不能并入自身；请从 matter_ids 中去掉目标事项。")
    async with work.doors.transaction() as connection:
        teller = await work.teller(connection)
        kept = await _locked_matters(connection, [into, *others], actor)
        for matter in kept.values():
            _must_be_open(matter)
        merged = [kept[other] for other in others]
        await _pass_on(connection, teller, merged, into, actor)
        await _rejudge(connection, teller, [_with_duties_of(kept[into], merged)], "merge")


async def split_matter(work: Work, matter_id: UUID, incident_ids: Collection[UUID], actor: Actor) -> UUID:
    """Move some reports of a matter into a new one; gives the new matter's id."""
    async with work.doors.transaction() as connection:
        teller = await work.teller(connection)
        matter = await locked_matter(connection, matter_id, actor.sight)
        _must_be_open(matter)
        rows = await _current_reports(connection, matter_id)
        leaving = [row for row in rows if row["id"] in set(incident_ids)]
        if len(leaving) != len(set(incident_ids)) or len(leaving) == len(rows):
            raise Problem(
                422,
                "bad_split",
                "请给出该事项的部分报告编号（incident_ids），不能为空、不能是全部、也不能属于别的事项。",
            )
        first = min(leaving, key=lambda row: row["occurred_at"])
        fresh = replace(_described_by(matter, first, work.engines), id=new_id(), opened_at=work.now)
        await matters.lock_places(connection, [matters.place_of(fresh)])
        await incidents.move_some(connection, [row["id"] for row in leaving], fresh.id)
        entries = [
            _entry(matter.id, work.now, "split", actor, {"into": fresh.id}),
            _entry(fresh.id, work.now, "split", actor, {"from": matter.id}),
        ]
        await insert_all(connection, [matters.entered(entries)])
        await _rejudge(connection, teller, [matter, fresh], "split")
        return fresh.id


async def correct_incident(work: Work, arrival: Arrival, note: str | None) -> UUID:
    """Keep a corrected report as a new revision; the old one stays. Gives the new revision's id."""
    async with work.doors.transaction() as connection:
        teller = await work.teller(connection)
        errors = errors_in(arrival, work.engines, teller.reference, work.now)
        if errors:
            raise Problem(422, "invalid_report", "更正内容有误，请按 errors 逐项修改后重发。", tuple(errors))
        old, matter = await _current(connection, ReportName(arrival.system, arrival.report.id, arrival.area))
        _must_stay(arrival.report.matter_id, matter.id)
        # Late is what was reported long after the fact, not what was corrected long after.
        prepared = prepare(arrival, work.engines, work.doors.mac_key, old["received_at"])
        if prepared.content_mac == (await _receipts(connection, prepared.key))[-1]["content_mac"]:
            raise Problem(409, "nothing_corrected", "更正内容与现有版本完全相同，无需更正。")
        row = {**incident_row(prepared, old["received_at"]), **_carried(old), "status": "current", "note": note}
        await _keep_revision(connection, old, row, prepared)
        if matter.status is MatterStatus.OPEN and len(await _current_reports(connection, matter.id)) == 1:
            matter = await _corrected(connection, teller, matter, _described_by(matter, row, work.engines))
        await _rejudge(connection, teller, [matter], "correction")
        await incidents.take_judgement(connection, prepared.incident_id)
        return prepared.incident_id


async def withdraw_incident(work: Work, name: ReportName, note: str) -> None:
    """Withdraw a report: a last revision says so. A matter left without reports is closed, its warning cancelled."""
    async with work.doors.transaction() as connection:
        teller = await work.teller(connection)
        old, matter = await _current(connection, name)
        row = {name: old[name] for name in old if name in _INCIDENT_COLUMNS} | {
            "id": new_id(),
            "status": "withdrawn",
            "note": note,
        }
        await _keep_revision(connection, old, {**row, "revision": old["revision"] + 1}, None)
        if matter.status is not MatterStatus.OPEN or await _current_reports(connection, matter.id):
            await _rejudge(connection, teller, [matter], "correction")
            return
        empty = _folded(matter, [])
        await close_kept_matter(
            connection, teller, empty, Ending(Outcome.FALSE_ALARM, work.now, "报告已全部撤回"), None
        )
        for warning in (await warnings.open_of_matters(connection, [matter.id])).values():
            await tell(connection, teller, [cancel(warning, work.now, "报告已全部撤回")])


async def _pass_on(
    connection: AsyncConnection, teller: Teller, gone: Collection[Matter], into: UUID, actor: Actor | None
) -> None:
    """The reports of matters go on in another; what is left of them points there, their warnings are cancelled."""
    now, ids = teller.now, [matter.id for matter in gone]
    await incidents.move(connection, ids, into)
    await matters.point_to(connection, into, ids)
    merged = [replace(matter, status=MatterStatus.MERGED, merged_into=into, closed_at=now) for matter in gone]
    entries = [_entry(matter_id, now, "merged", actor, {"into": into}) for matter_id in ids]
    entries.append(_entry(into, now, "merged", actor, {"from": ids}))
    await insert_all(connection, [matters.kept(merged, now), matters.entered(entries)])
    # Both sides' are locked before anything is told: whoever signs for one waits with it for the counter telling holds.
    open_warnings = await warnings.open_of_matters(connection, [into, *ids])
    await tell(connection, teller, [cancel(w, now, f"并入事项 {into}") for m, w in open_warnings.items() if m != into])


async def _corrected(connection: AsyncConnection, teller: Teller, matter: Matter, described: Matter) -> Matter:
    """A matter as its one report now describes it. Another place is another matter: whoever was asked wrongly hears
    that it is cancelled, and a matter never leaves the place under whose lock it is kept."""
    if matters.place_of(described) == matters.place_of(matter):
        return described
    fresh = replace(described, id=new_id())
    await matters.lock_places(connection, [matters.place_of(fresh)])
    await _pass_on(connection, teller, [matter], fresh.id, None)
    return fresh


async def _locked_matters(connection: AsyncConnection, ids: Collection[UUID], actor: Actor) -> dict[UUID, Matter]:
    """Several matters under all their places' locks, taken in one go."""
    kept, _ = await matters.locked(connection, ids)
    for matter_id in ids:
        if await feed.matter_in_sight(connection, matter_id, actor.sight) is None:
            raise not_found("事项", matter_id)
    return {matter_id: kept[matter_id] for matter_id in ids}


async def _current_reports(connection: AsyncConnection, matter_id: UUID) -> list[Row]:
    """The reports that count, in the order they were received."""
    rows = await incidents.of_matter(connection, matter_id, MOST_REPORTS)
    return [row for row in reversed(rows) if row["status"] == "current"]


async def _rejudge(connection: AsyncConnection, teller: Teller, changed: Collection[Matter], cause: str) -> None:
    """Fold matters again from their reports and judge them; one known from late reports only opens no warning."""
    reports = {matter.id: await _current_reports(connection, matter.id) for matter in changed}
    stale = {matter_id for matter_id, rows in reports.items() if all(row["late"] for row in rows)}
    folded = [_folded(matter, reports[matter.id]) for matter in changed]
    await rejudge(connection, teller, folded, cause, stale)


def _folded(matter: Matter, rows: Collection[Row]) -> Matter:
    """The matter folded again from these reports: what reports say is counted anew, what offices did stays."""
    first = min((row["occurred_at"] for row in rows), default=matter.first_occurred_at)
    bare = Matter(
        id=matter.id, area=matter.area, category=matter.category, first_level=matter.first_level, title=matter.title,
        opened_at=matter.opened_at, first_occurred_at=first, last_occurred_at=first, grid=matter.grid,
        status=matter.status, project_id=matter.project_id, replied_at=matter.replied_at,
        missed_clocks=matter.missed_clocks, sketch=matter.sketch, closed_at=matter.closed_at, outcome=matter.outcome,
        merged_into=matter.merged_into,
    )  # fmt: skip
    for row in rows:
        bare = bare.with_report(_facts(row))
    return bare


def _with_duties_of(matter: Matter, merged: Collection[Matter]) -> Matter:
    """What offices did and left undone on the merged matters belongs to the one that goes on."""
    replies = [one.replied_at for one in (matter, *merged) if one.replied_at is not None]
    return replace(
        matter,
        replied_at=max(replies, default=None),
        missed_clocks=matter.missed_clocks + sum(one.missed_clocks for one in merged),
        project_id=next((one.project_id for one in (matter, *merged) if one.project_id), None),
    )


def _described_by(matter: Matter, row: Row, engines: Engines) -> Matter:
    """A matter is where and what its one report, or the first of those split off, says it is."""
    return replace(
        matter,
        area=row["area"],
        grid=row["grid"],
        category=row["category"],
        first_level=engines.catalogue.first_level(row["category"]),
        title=(row["title"] or row["text"])[:TITLE_CHARACTERS],
        sketch=bytes(row["sketch"]),
    )


def _facts(row: Row) -> ReportFacts:
    return ReportFacts(
        occurred_at=row["occurred_at"],
        source=Source(row["source"]),
        handling=Handling(row["handling"]),
        people_affected=row["people_affected"],
        people_present=row["people_present"],
        signals=frozenset(row["signals"]),
        text_signals=frozenset(row["text_signals"]),
        late=row["late"],
    )


async def _current(connection: AsyncConnection, name: ReportName) -> tuple[Row, Matter]:
    """The current revision of a report and its matter, under the matter's lock. What lies outside the key's area,
    or is not there, is not found."""
    seen = await _newest(connection, name)
    await matters.locked(connection, [seen["matter_id"]])
    current = await _newest(connection, name)  # it may have been corrected or moved while we waited
    return current, (await matters.locked(connection, [current["matter_id"]]))[0][current["matter_id"]]


async def _newest(connection: AsyncConnection, name: ReportName) -> Row:
    for row in await incidents.revisions(connection, name.client_id, name.system):
        if row["status"] == "current" and (name.area is None or contains(name.area, row["area"])):
            return row
    raise not_found("可更正的报告", name.client_id)


def _must_stay(named: UUID | None, matter_id: UUID) -> None:
    if named not in (None, matter_id):
        detail = f"更正沿用原事项 {matter_id}；要移到别的事项请用合并或拆分。"
        error = FieldError("matter_id", "matter_differs", detail)
        raise Problem(422, "invalid_report", "更正不能改变报告所属的事项。", (error,))


async def _receipts(connection: AsyncConnection, key: tuple[str, str]) -> list[Row]:
    return (await incidents.receipts_of(connection, [key])).get(key, [])


async def _keep_revision(connection: AsyncConnection, old: Row, row: Row, prepared: Prepared | None) -> None:
    mac = prepared.content_mac if prepared else b"withdrawn"
    receipt = {
        "system": old["system"],
        "client_id": old["client_id"],
        "revision": row["revision"],
        "incident_id": row["id"],
    }
    await incidents.supersede(connection, old["id"], "superseded")
    await incidents.keep_revision(connection, {**receipt, "content_mac": mac}, row)


def _carried(old: Row) -> Row:
    names = ("matter_id", "judgement_id", "warning_ids", "possible_duplicates")
    return {
        **{name: old[name] for name in names},
        "revision": old["revision"] + 1,
        "linked_by": {"by": "revision", "text": "更正沿用原事项"},
    }


def _must_be_open(matter: Matter) -> None:
    if matter.status is not MatterStatus.OPEN:
        raise Problem(409, "matter_not_open", f"事项 {matter.id} 已办结或已并入其他事项，不能再合并或拆分。")


def _entry(matter_id: UUID, now: datetime, kind: str, actor: Actor | None, data: dict[str, object]) -> Row:
    """`actor` None: by a correction."""
    return {
        "matter_id": matter_id,
        "at": now,
        "kind": kind,
        "department_id": actor.department_id if actor else None,
        "note": actor.name if actor else "更正",
        "data": data,
    }


_INCIDENT_COLUMNS = incidents.columns()
