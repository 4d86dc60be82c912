"""What people do with matters and reports: merge, split, correct, withdraw. Matters are folded again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.matters import Matter, ReportFacts
from service.domain.problems import Problem, not_found
from service.domain.words import Handling, MatterStatus, Outcome, Source
from service.store import incidents, matters, warnings
from service.store.engine import Row, insert_rows, new_id
from service.store.tables import ReceiptTable
from service.workflows.answering import Actor, Ending, close_kept_matter, locked_matter
from service.workflows.clocks import rejudge
from service.workflows.deciding import cancel
from service.workflows.parts import Doors, Engines
from service.workflows.preparing import Arrival, Prepared, errors_in, prepare
from service.workflows.report_incidents import incident_row
from service.workflows.telling import Teller, tell

MOST_REPORTS = 10_000  # reports of one matter that are folded again at once


async def merge_matters(
    doors: Doors, engines: Engines, into: UUID, others: Collection[UUID], actor: Actor, now: datetime
) -> None:
    """Move the reports of other matters into one; the others stay readable and point to it."""
    if into in others:
        raise Problem(422, "merge_into_itself", "事项不能并入自身；请从 matter_ids 中去掉目标事项。")
    async with doors.transaction() as connection:
        teller = await _teller(connection, doors, engines, now)
        kept = await _locked_matters(connection, [into, *others], actor)
        for matter in kept.values():
            _must_be_open(matter)
        await incidents.move(connection, list(others), into)
        merged = [replace(kept[other], status=MatterStatus.MERGED, merged_into=into, closed_at=now) for other in others]
        await matters.keep(connection, merged, now)
        note = f"并入事项 {into}"
        entries = [_entry(m.id, now, "merged", actor, {"into": into}) for m in merged]
        entries.append(_entry(into, now, "merged", actor, {"from": list(others)}))
        await matters.add_entries(connection, entries)
        open_warnings = await warnings.open_of_matters(connection, list(others))
        await tell(connection, teller, [cancel(warning, now, note) for warning in open_warnings.values()])
        await rejudge(connection, teller, [await _folded(connection, kept[into])], "merge")


async def split_matter(
    doors: Doors, engines: Engines, matter_id: UUID, incident_ids: Collection[UUID], actor: Actor, now: datetime
) -> UUID:
    """Move some reports of a matter into a new one; gives the new matter's id."""
    async with doors.transaction() as connection:
        teller = await _teller(connection, doors, engines, now)
        matter = (await _locked_matters(connection, [matter_id], actor))[matter_id]
        _must_be_open(matter)
        rows = [
            row for row in await incidents.of_matter(connection, matter_id, MOST_REPORTS) if row["status"] == "current"
        ]
        leaving = [row for row in rows if row["id"] in set(incident_ids)]
        if len(leaving) != len(set(incident_ids)) or len(leaving) == len(rows):
            raise Problem(
                422,
                "bad_split",
                "请给出该事项的部分报告编号（incident_ids），不能为空、不能是全部、也不能属于别的事项。",
            )
        first = min(leaving, key=lambda row: row["occurred_at"])
        fresh = replace(
            matter,
            id=new_id(),
            title=(first["title"] or first["text"])[:60],
            opened_at=now,
            sketch=bytes(first["sketch"]),
        )
        await incidents.move_some(connection, [row["id"] for row in leaving], fresh.id)
        entries = [
            _entry(matter.id, now, "split", actor, {"into": fresh.id}),
            _entry(fresh.id, now, "split", actor, {"from": matter.id}),
        ]
        await matters.add_entries(connection, entries)
        await rejudge(
            connection, teller, [await _folded(connection, matter), await _folded(connection, fresh)], "split"
        )
        return fresh.id


async def correct_incident(doors: Doors, engines: Engines, arrival: Arrival, note: str | None, now: datetime) -> UUID:
    """Keep a corrected report as a new revision; the old one stays. Gives the new revision's id."""
    async with doors.transaction() as connection:
        teller = await _teller(connection, doors, engines, now)
        errors = errors_in(arrival, engines, teller.reference, now)
        if errors:
            raise Problem(422, "invalid_report", "更正内容有误，请按 errors 逐项修改后重发。", tuple(errors))
        old, matter = await _current(connection, arrival.system, arrival.report.id)
        prepared = prepare(arrival, engines, doors.mac_key, now)
        if prepared.content_mac in {row["content_mac"] for row in await _receipts(connection, prepared.key)}:
            raise Problem(409, "nothing_corrected", "更正内容与已有版本完全相同，无需更正。")
        row = {**incident_row(prepared, old["received_at"]), **_carried(old), "status": "current", "note": note}
        await _keep_revision(connection, old, row, prepared)
        await rejudge(connection, teller, [await _folded(connection, matter)], "correction")
        return prepared.incident_id


async def withdraw_incident(doors: Doors, engines: Engines, key: tuple[str, str], note: str, now: datetime) -> None:
    """Withdraw a report: a last revision says so. A matter left without reports is closed, its warning cancelled."""
    async with doors.transaction() as connection:
        teller = await _teller(connection, doors, engines, now)
        old, matter = await _current(connection, *key)
        row = {name: old[name] for name in old if name in _INCIDENT_COLUMNS} | {
            "id": new_id(),
            "status": "withdrawn",
            "note": note,
        }
        await _keep_revision(connection, old, {**row, "revision": old["revision"] + 1}, None)
        folded = await _folded(connection, matter)
        if folded.report_count:
            await rejudge(connection, teller, [folded], "correction")
            return
        await close_kept_matter(connection, teller, folded, Ending(Outcome.FALSE_ALARM, now, "报告已全部撤回"), None)
        for warning in (await warnings.open_of_matters(connection, [matter.id])).values():
            await tell(connection, teller, [cancel(warning, now, "报告已全部撤回")])


async def _teller(connection: AsyncConnection, doors: Doors, engines: Engines, now: datetime) -> Teller:
    return Teller(engines, doors, await doors.reference.get(connection), now)


async def _locked_matters(connection: AsyncConnection, ids: Sequence[UUID], actor: Actor) -> dict[UUID, Matter]:
    """Several matters under all their places' locks, taken in one go."""
    seen = await matters.by_id(connection, ids)
    for matter_id in ids:
        if matter_id not in seen:
            raise not_found("事项", matter_id)
    await matters.lock_places(connection, {matters.place_of(matter) for matter in seen.values()})
    return {matter_id: await locked_matter(connection, matter_id, actor.sight) for matter_id in ids}


async def _folded(connection: AsyncConnection, matter: Matter) -> Matter:
    """The matter folded again from its current reports, oldest first."""
    rows = [row for row in await incidents.of_matter(connection, matter.id, MOST_REPORTS) if row["status"] == "current"]
    rows.reverse()
    first = min((row["occurred_at"] for row in rows), default=matter.first_occurred_at)
    empty = Matter(
        id=matter.id, area=matter.area, category=matter.category, first_level=matter.first_level, title=matter.title,
        opened_at=matter.opened_at, first_occurred_at=first, last_occurred_at=first, grid=matter.grid,
        status=matter.status, project_id=matter.project_id, replied_at=matter.replied_at,
        missed_clocks=matter.missed_clocks, sketch=matter.sketch,
    )  # fmt: skip
    for row in rows:
        empty = empty.with_report(_facts(row))
    return empty


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


async def _current(connection: AsyncConnection, system: str, client_id: str) -> tuple[Row, Matter]:
    """The current revision of a report and its matter, under the matter's lock."""
    rows = await incidents.revisions(connection, client_id, system)
    current = next((row for row in rows if row["status"] == "current"), None)
    if current is None:
        raise not_found("可更正的报告", client_id)
    matter = (await matters.by_id(connection, [current["matter_id"]]))[current["matter_id"]]
    await matters.lock_places(connection, [matters.place_of(matter)])
    again = await incidents.revisions(connection, client_id, system)
    current = next((row for row in again if row["status"] == "current"), None)
    if current is None:
        raise not_found("可更正的报告", client_id)
    return current, (await matters.by_id(connection, [current["matter_id"]]))[current["matter_id"]]


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
    await insert_rows(connection, ReceiptTable, [{**receipt, "content_mac": mac}])
    await incidents.supersede(connection, old["id"], "superseded")
    await incidents.keep(connection, [row])


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


def _entry(matter_id: UUID, now: datetime, kind: str, actor: Actor, data: dict[str, object]) -> Row:
    return {
        "matter_id": matter_id,
        "at": now,
        "kind": kind,
        "department_id": actor.department_id,
        "note": actor.name,
        "data": data,
    }


_INCIDENT_COLUMNS = incidents.columns()
