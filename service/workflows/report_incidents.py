"""Incidents come in: mask → categorise → link to matters → findings → score → level → keep → warn → queue.

Takes a batch, always; one report is a batch of one. One transaction; answers leave after it committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import contains
from service.domain.incidents import ReportResult
from service.domain.matters import Matter
from service.domain.problems import FieldError
from service.store import incidents, matters, reports, warnings
from service.store.engine import Row
from service.store.reference import Reference
from service.store.reports import Reported
from service.text.likeness import Comparable, Sketch
from service.workflows.judging import by_matter, judge
from service.workflows.keeping import answer_again, created, linked_row, receipt_row
from service.workflows.linking import Link, Linker, LinkingRule, earliest
from service.workflows.parts import Doors, Engines
from service.workflows.preparing import Arrival, Prepared, errors_in, prepare
from service.workflows.surroundings import surroundings
from service.workflows.telling import Teller, tell
from service.workflows.warning_matters import moves_for

SKETCHES_COMPARED = 20  # newest reports of a matter that a new one is compared with, to say "possibly reported twice"


@dataclass(frozen=True, slots=True)
class Mode:
    """`commit` False only says what would happen; `all_or_nothing` keeps nothing when one report cannot be kept."""

    commit: bool = True
    all_or_nothing: bool = False


class _Rollback(Exception):
    """Ends a transaction that must keep nothing, with the answers it gave."""

    def __init__(self, results: list[ReportResult]) -> None:
        super().__init__()
        self.results = results


class _Outdated(Exception):
    """The reference data changed since the reports were prepared with it: they are prepared anew."""


async def report_incidents(
    doors: Doors, engines: Engines, arrivals: Sequence[Arrival], now: datetime, mode: Mode | None = None
) -> list[ReportResult]:
    """Answers in the order of the arrivals. Reports that cannot be kept are answered invalid or conflict."""
    while True:
        group = _Group(doors, engines, arrivals, now, mode or Mode())
        reference = await doors.reference.known(doors.engine)
        prepared = _prepare(group, reference)  # most of the work on a text, and no lock waits for it
        try:
            async with doors.transaction() as connection:
                results = await _report(connection, group, reference, prepared)
        except _Rollback as ended:
            return ended.results
        except _Outdated:
            continue
        doors.memory.learn(group.changed, group.held)
        return results


@dataclass(slots=True)
class _Group:
    """One batch on its way through; `answers` fills up by index, `twins` are repeats within the batch."""

    doors: Doors
    engines: Engines
    arrivals: Sequence[Arrival]
    now: datetime
    mode: Mode
    answers: dict[int, ReportResult] = field(default_factory=dict)
    twins: dict[int, int] = field(default_factory=dict)
    held: dict[matters.Place, int] = field(default_factory=dict)  # places locked, with their numbers
    changed: list[Matter] = field(default_factory=list)

    def refuse(self, index: int, *errors: FieldError, status: str = "invalid") -> None:
        self.answers[index] = ReportResult(self.arrivals[index].report.id, status, errors=errors)

    def in_order(self) -> list[ReportResult]:
        for index, first in self.twins.items():
            self.answers[index] = replace(self.answers[first], status="duplicate")
        return [self.answers[index] for index in range(len(self.arrivals))]


async def _report(
    connection: AsyncConnection, group: _Group, reference: Reference, prepared: dict[int, Prepared]
) -> list[ReportResult]:
    named = await _named_matters(connection, group, prepared)
    fresh = await _only_new(connection, group, reference, prepared)
    _stop_here_if_asked(group, fresh)
    if fresh:
        await _keep_new(connection, group, reference, fresh, named)
    return group.in_order()


async def _named_matters(connection: AsyncConnection, group: _Group, prepared: dict[int, Prepared]) -> set[UUID]:
    """The matters that reports name; a report naming one that is not there, or not in its area, is invalid."""
    found = await matters.by_id(connection, {a.report.matter_id for a in group.arrivals if a.report.matter_id})
    for index, arrival in enumerate(group.arrivals):
        if arrival.report.matter_id is None:
            continue
        matter = found.get(arrival.report.matter_id)
        if matter is None or (arrival.area is not None and not contains(arrival.area, matter.area)):
            detail = "没有这个事项，或不在本密钥的区域内；不指明事项则由系统归并。"
            more = group.answers[index].errors if index in group.answers else ()
            group.refuse(index, FieldError("matter_id", "unknown_matter", detail), *more)
            prepared.pop(index, None)
    return set(found)


def _prepare(group: _Group, reference: Reference) -> dict[int, Prepared]:
    prepared = {}
    for index, arrival in enumerate(group.arrivals):
        errors = errors_in(arrival, group.engines, reference, group.now)
        if errors:
            group.refuse(index, *errors)
        else:
            prepared[index] = prepare(arrival, group.engines, group.doors.mac_key, group.now)
    return prepared


async def _only_new(
    connection: AsyncConnection, group: _Group, reference: Reference, prepared: dict[int, Prepared]
) -> dict[int, Prepared]:
    """Claim the reports that are new and lock their places; answer the others, also those repeated in the batch."""
    first = {prepared[index].key: index for index in reversed(prepared)}
    claiming = [prepared[index] for index in first.values()]
    # A report that names a matter locks that matter's place too: all of them at once, in one order, see _link.
    free = {} if any(one.report.matter_id for one in claiming) else {one.incident_id: one.place for one in claiming}
    claimed = await reports.claim(connection, [receipt_row(one) for one in claiming], free)
    if claimed.reference_version != reference.version:
        await group.doors.reference.get(connection)
        raise _Outdated
    group.held = claimed.held
    fresh = {index: one for index, one in prepared.items() if one.incident_id in claimed.incident_ids}
    if len(fresh) < len(prepared):
        await _answer_again(connection, group, {i: one for i, one in prepared.items() if i not in fresh}, first)
    return fresh


async def _answer_again(
    connection: AsyncConnection, group: _Group, again: dict[int, Prepared], first: dict[tuple[str, str], int]
) -> None:
    """Reports whose id is taken: a duplicate when they say the same, a conflict when they do not."""
    kept = await incidents.receipts_of(connection, {one.key for one in again.values()})
    same = {
        index: row["incident_id"]
        for index, one in again.items()
        for row in kept[one.key]
        if row["content_mac"] == one.content_mac
    }
    answered = await incidents.with_judgement(connection, set(same.values()))
    for index, one in again.items():
        if index not in same:
            detail = "同一编号已用于另一份内容；更正请用 POST /v1/incidents/{id}/revisions，新报告请换编号。"
            group.refuse(index, FieldError("id", "id_reused", detail), status="conflict")
        elif same[index] in answered:
            group.answers[index] = answer_again(answered[same[index]])
        else:
            group.twins[index] = first[one.key]


def _stop_here_if_asked(group: _Group, fresh: dict[int, Prepared]) -> None:
    refused = any(answer.status in ("invalid", "conflict") for answer in group.answers.values())
    if group.mode.commit and not (group.mode.all_or_nothing and refused):
        return
    for index, one in fresh.items():
        group.answers[index] = ReportResult(one.report.id, "created", late=one.facts.late)
    raise _Rollback(group.in_order())


async def _keep_new(
    connection: AsyncConnection,
    group: _Group,
    reference: Reference,
    fresh: dict[int, Prepared],
    named: set[UUID],
) -> None:
    linker, links = await _link(connection, group, list(fresh.values()), named)
    touched = list(linker.touched.values())
    counts = _day_counts(group, linker, links)
    among = await surroundings(connection, group.engines, touched, group.now, counts)
    judged = judge(group.engines, touched, among, group.now, "report")
    teller = Teller(group.engines, group.doors, reference, group.now)
    fresh_matters = _fresh_matters(links)
    current = await warnings.open_of_matters(connection, linker.touched.keys() - linker.opened)
    moves = moves_for(teller, [one for one in judged if one.matter.id in fresh_matters], current)
    twins = await _possible_duplicates(connection, group, links, linker)
    kept = by_matter(judged)
    told = {matter_id: warning.id for matter_id, warning in current.items()}
    told |= {matter_id: move.warning.id for matter_id, move in moves.items()}
    rows = [
        linked_row(link, kept[link.matter_id], told.get(link.matter_id), twins[link.prepared.incident_id])
        for link in links
    ]
    group.changed = [one.matter for one in judged]
    await reports.keep(
        connection,
        Reported(rows, group.changed, [one.row for one in judged], _entries(group, linker), counts),
        group.now,
    )
    await tell(connection, teller, list(moves.values()))
    for (index, _), link, row in zip(fresh.items(), links, rows, strict=True):
        group.answers[index] = created(link, kept[link.matter_id], row)


async def _link(
    connection: AsyncConnection, group: _Group, fresh: list[Prepared], named: set[UUID]
) -> tuple[Linker, list[Link]]:
    """Link under the places' locks, so that two new reports of one new matter open one."""
    day, value = group.engines.day(group.now), group.engines.thresholds.value
    area = fresh[0].report.area
    rule = LinkingRule(value("linking.likeness", area, day), timedelta(days=value("linking.window_days", area, day)))
    known: dict[UUID, Matter] = {}
    if not group.held:
        known, group.held = await matters.locked(connection, named, *{one.place for one in fresh})
    remembered = await group.doors.memory.recall(connection, group.held, earliest(fresh, rule))
    linker = Linker(remembered, known, rule)
    return linker, [linker.link(one, group.now) for one in fresh]


def _fresh_matters(links: Sequence[Link]) -> set[UUID]:
    """Matters that a report in time touched: one that only late reports touched raises no stale warning."""
    return {link.matter_id for link in links if not link.prepared.facts.late}


async def _possible_duplicates(
    connection: AsyncConnection, group: _Group, links: Sequence[Link], linker: Linker
) -> dict[UUID, tuple[str, ...]]:
    """For each report the ids of those in its matter that say nearly the same."""
    seen = await incidents.newest_sketches(connection, linker.touched.keys() - linker.opened, SKETCHES_COMPARED)
    area, day = links[0].prepared.report.area, group.engines.day(group.now)
    least = group.engines.thresholds.value("duplicates.likeness", area, day)
    said = {
        matter_id: [(client_id, _LaidOut(Sketch.from_bytes(raw))) for client_id, raw in reversed(rows)]
        for matter_id, rows in seen.items()
    }
    twins: dict[UUID, tuple[str, ...]] = {}
    for link in links:
        others = said.setdefault(link.matter_id, [])
        newest, mine = others[-SKETCHES_COMPARED:], _LaidOut(link.prepared.sketch)
        twins[link.prepared.incident_id] = tuple(
            [client_id for client_id, other in newest if mine().likeness(other()) >= least]
        )
        others.append((link.prepared.report.id, mine))
    return twins


class _LaidOut:
    """A sketch that is laid out when first compared: most reports are the only one of their matter."""

    __slots__ = ("_comparable", "_sketch")

    def __init__(self, sketch: Sketch) -> None:
        self._sketch = sketch
        self._comparable: Comparable | None = None

    def __call__(self) -> Comparable:
        if self._comparable is None:
            self._comparable = Comparable.of(self._sketch)
        return self._comparable


def _entries(group: _Group, linker: Linker) -> list[Row]:
    entries = [{"matter_id": m, "at": group.now, "kind": "opened"} for m in sorted(linker.opened)]
    return entries + [{"matter_id": m, "at": group.now, "kind": "reopened"} for m in sorted(linker.reopened)]


def _day_counts(
    group: _Group, linker: Linker, links: Sequence[Link]
) -> dict[tuple[matters.Place, date], dict[str, int]]:
    counts: dict[tuple[matters.Place, date], dict[str, int]] = {}
    for link in links:
        place = matters.place_of(linker.touched[link.matter_id])
        on = counts.setdefault((place, group.engines.day(link.prepared.facts.occurred_at)), {"reports": 0})
        on["reports"] += 1
    for matter_id in linker.opened:
        on = counts.setdefault((matters.place_of(linker.touched[matter_id]), group.engines.day(group.now)), {})
        on["opened"] = on.get("opened", 0) + 1
    return counts
