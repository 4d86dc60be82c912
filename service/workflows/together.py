"""碰头叠加: projects and matters that come together in one place are told once, and again when more join."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.areas import contains, county_of
from service.domain.judging import Reason
from service.domain.levels import Level
from service.domain.projects import ProjectKind, ProjectStage
from service.domain.warnings import Warning, WarningEventType
from service.domain.words import SubjectKind, WarningState
from service.rules.together import Limits, Standing, Together, Undertaking, place_of, together
from service.store import together as store
from service.store import warnings
from service.store.engine import Row, new_id
from service.store.together import Known, MatterQuestion
from service.store.views import Sight
from service.workflows.deciding import Move
from service.workflows.parts import Doors, Engines
from service.workflows.telling import Teller, tell

LOG = logging.getLogger(__name__)
LEVEL = Level.YELLOW  # 本项目约定: leaves at once, must be signed for, and holds nothing up
LOOKED_BACK = timedelta(days=2)  # what was touched since; the tick comes every few minutes
LIMITS = ("window_days", "area_digits", "projects", "related_rank", "categories", "several_rank")


@dataclass(slots=True)
class _There:
    """Projects and open matters of one place."""

    projects: list[Undertaking] = field(default_factory=list)
    matters: list[Standing] = field(default_factory=list)


async def warn_together(doors: Doors, engines: Engines, now: datetime) -> int:
    """Tell of every place where things came together that were not told of yet; gives how many were told of."""
    async with doors.transaction() as connection:
        found = await _found(connection, engines, now)
        known = await store.known(connection, [one.place for one in found])
    fresh = [one for one in found if one.place not in known or one.members - known[one.place].members]
    return await _each(doors, engines, now, fresh)


async def _each(doors: Doors, engines: Engines, now: datetime, found: Sequence[Together]) -> int:
    """Each place in a transaction of its own: one that cannot be told must not hold up those behind it."""
    told, failed = 0, []
    for one in found:
        try:
            async with doors.transaction() as connection:
                teller = Teller(engines, doors, await doors.reference.get(connection), now)
                told += await _tell_place(connection, teller, one)
        except Exception as error:
            LOG.error("what came together could not be told", extra={"place": one.place})
            failed.append(error)
    if failed:
        raise ExceptionGroup("places failed; they are tried again at the next tick", failed)
    return told


async def coming_together_at(
    engines: Engines, connection: AsyncConnection, project: Row, sight: Sight, now: datetime
) -> Together | None:
    """What the project would meet where it is, as far as the viewer sees it: around its start, or today when that is
    not known or is past. None when nothing comes together, or the project has ended."""
    today = engines.day(now)
    if project["stage"] not in (ProjectStage.PRE_DECISION, ProjectStage.IMPLEMENTING):
        return None
    facts = project["facts"]
    own = _undertaking({**project, "start_on": facts.get("start_on") or facts.get("election_on")})
    limits, on = _limits(engines, project["area"], today), max(own.start or today, today)
    window, place = timedelta(days=limits.window_days), place_of(project["area"], limits.area_digits)
    others = await store.undertakings(connection, (on - window, on + window), sight, place)
    projects = [replace(own, asked=not own.implementing)]
    projects += [_undertaking(row) for row in others if row["id"] != project["id"]]
    question = _question(engines, [county_of(place)], now - window)
    matters = [_standing(row) for row in await store.standing(connection, question, sight)]
    here = _by_place(engines, projects, matters, today)[place]
    return together(engines.coordination, limits, (here.projects, here.matters), on, engines.catalogue.category_name)


def shown(engines: Engines, found: Together, on: date) -> dict[str, Any]:
    """What comes together, as an answer shows it, with the limits it was found by."""
    counts: dict[tuple[str, Level], int] = defaultdict(int)
    for one in found.matters:
        counts[one.first_level, one.level] += 1
    name = engines.catalogue.category_name
    entries = {limit: engines.thresholds.entry(f"together.{limit}", found.place, on) for limit in LIMITS}
    return {
        "place": found.place,
        "reasons": found.reasons,
        "measures": found.measures,
        "projects": [
            {"id": one.id, "name": one.name, "kind": one.kind, "kind_zh": one.kind.zh, "area": one.area,
             "start_on": one.start, "implementing": one.implementing}
            for one in found.projects
        ],
        "matters": [
            {"category": code, "category_zh": name(code), "level": level, "level_zh": level.zh, "number": number}
            for (code, level), number in counts.items()
        ],
        "limits": [
            {"name": limit, "value": entry.value, "source": entry.source, "unverified": entry.unverified}
            for limit, entry in entries.items()
        ],
    }  # fmt: skip


async def warning_at(connection: AsyncConnection, place: str, sight: Sight) -> UUID | None:
    """The newest warning that told of a place, if the viewer may see all of the place."""
    if sight.area is not None and not contains(sight.area, place):
        return None
    told = (await store.known(connection, [place])).get(place)
    return told.warning_id if told else None


async def _found(connection: AsyncConnection, engines: Engines, now: datetime) -> list[Together]:
    """Every place where something new may have come together: what was touched lately, or starts soon enough now."""
    today, since = engines.day(now), now - LOOKED_BACK
    window = timedelta(days=max(entry.value for entry in engines.thresholds.by_name["together.window_days"].entries))
    rows = await store.undertakings(connection, (today - window, today + window))
    fresh = {county_of(row["area"]) for row in rows if row["updated_at"] > since or _comes_near(engines, row, today)}
    question = _question(engines, (), now - window)
    counties = fresh | await store.touched_counties(connection, since, question.levels)
    if not counties:
        return []
    matters = await store.standing(connection, replace(question, counties=counties))
    near = [row for row in rows if county_of(row["area"]) in counties]
    # Twenty thousand open matters take a tenth of a second: reports are not to wait for it.
    return await asyncio.to_thread(_met, engines, (near, matters), now)


def _met(engines: Engines, rows: tuple[Sequence[Row], Sequence[Row]], now: datetime) -> list[Together]:
    on, asked = engines.day(now), (engines.coordination, engines.catalogue.category_name)
    places = _by_place(engines, map(_undertaking, rows[0]), _in_window(engines, rows[1], now), on)
    found = (
        together(asked[0], _limits(engines, place, on), (there.projects, there.matters), on, asked[1])
        for place, there in sorted(places.items())
    )
    return [one for one in found if one is not None]


def _comes_near(engines: Engines, row: Row, today: date) -> bool:
    """Whether the project's start has come within the window only now."""
    start = _undertaking(row).start
    days = engines.thresholds.value("together.window_days", row["area"], today)
    return start is not None and timedelta(0) <= today + timedelta(days=days) - start <= LOOKED_BACK


def _in_window(engines: Engines, rows: Iterable[Row], now: datetime) -> list[Standing]:
    """Matters of regions with a shorter window than the longest leave those that are too old for them."""
    day, value = engines.day(now), engines.thresholds.value
    return [
        _standing(row)
        for row in rows
        if row["last_occurred_at"] >= now - timedelta(days=value("together.window_days", row["area"], day))
    ]


def _by_place(
    engines: Engines, projects: Iterable[Undertaking], matters: Iterable[Standing], on: date
) -> dict[str, _There]:
    places: dict[str, _There] = defaultdict(_There)
    for project in projects:
        places[_place(engines, project.area, on)].projects.append(project)
    for matter in matters:
        places[_place(engines, matter.area, on)].matters.append(matter)
    return places


def _place(engines: Engines, area: str, on: date) -> str:
    return place_of(area, int(engines.thresholds.value("together.area_digits", area, on)))


def _limits(engines: Engines, area: str, on: date) -> Limits:
    return Limits(*(int(engines.thresholds.value(f"together.{name}", area, on)) for name in LIMITS))


def _question(engines: Engines, counties: Sequence[str], since: datetime) -> MatterQuestion:
    """Of all categories, and the levels that count somewhere."""
    by_name = engines.thresholds.by_name
    lowest = min(entry.value for name in ("related_rank", "several_rank")
                 for entry in by_name[f"together.{name}"].entries)  # fmt: skip
    levels = [level.value for level in Level if level.rank >= lowest]
    return MatterQuestion(counties, engines.catalogue.first_levels, levels, since)


def _undertaking(row: Row) -> Undertaking:
    start = date.fromisoformat(row["start_on"]) if row["start_on"] else None
    under_way = row["stage"] == ProjectStage.IMPLEMENTING
    return Undertaking(str(row["id"]), row["area"], row["name"], ProjectKind(row["kind"]), start, under_way)


def _standing(row: Row) -> Standing:
    return Standing(str(row["id"]), row["area"], row["first_level"], Level(row["level"]))


async def _tell_place(connection: AsyncConnection, teller: Teller, found: Together) -> bool:
    """Under the place's lock look again at what was told; tell only what joined."""
    known = await store.locked(connection, found.place, teller.now)
    joined = found.members - known.members
    if not joined:
        return False
    earlier = await warnings.locked(connection, known.warning_id) if known.warning_id else None
    if earlier is not None and earlier.is_open:
        move, members = _more(teller, earlier, found, (known, joined)), known.members | found.members
    else:
        move, members = _first(teller, found), found.members
    await store.keep(connection, found.place, Known(members, move.warning.id), teller.now)
    await tell(connection, teller, [move])
    return True


def _first(teller: Teller, found: Together) -> Move:
    warning = Warning(
        id=new_id(), revision=1, level=LEVEL, subject_kind=SubjectKind.AREA, subject_id=f"{found.place}/together",
        area=found.place, category=found.category, headline=_headline(teller, found), reasons=_reasons(found),
        measures=found.measures, state=WarningState.ISSUED, statutory_report_required=False, restricted=False,
        opened_at=teller.now, updated_at=teller.now, issued_level=LEVEL, issued_at=teller.now,
    )  # fmt: skip
    return Move(warning, WarningEventType.ISSUED, warning.headline, new_clocks=True)


def _more(teller: Teller, earlier: Warning, found: Together, told: tuple[Known, frozenset[str]]) -> Move:
    """The same warning at its next revision. One more matter of a kind that was told of is no reason to push again."""
    known, joined = told
    moved = replace(
        earlier, revision=earlier.revision + 1, updated_at=teller.now, headline=_headline(teller, found),
        reasons=_reasons(found), measures=found.measures,
    )  # fmt: skip
    is_news = _sorts(joined) - _sorts(known.members)
    note = f"新增 {len(joined)} 项碰到一起"
    return Move(moved, WarningEventType.UPDATED, note, only=None if is_news else frozenset())


def _sorts(members: Iterable[str]) -> set[str]:
    """Projects one by one, matters by their category."""
    return {one if one.startswith("project/") else one.rpartition("/")[0] for one in members}


def _reasons(found: Together) -> tuple[Reason, ...]:
    return tuple(Reason("judge", f"together.{why.code}", why.text, LEVEL) for why in found.reasons)


def _headline(teller: Teller, found: Together) -> str:
    counted = ((len(found.projects), "个项目"), (len(found.matters), "件未办结事项"))
    what = "、".join(f"{number} {name}" for number, name in counted if number)
    return f"{teller.reference.area_name(found.place)}：{what}碰头叠加"
