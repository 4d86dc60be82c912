"""集中爆发: many new matters at once in one place, or of one kind, become one warning on the place that lists them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from service.domain.judging import Reason
from service.domain.levels import Level
from service.domain.warnings import Warning, WarningEventType
from service.domain.words import SubjectKind, WarningState
from service.rules.surge import Newcomer, Surge, SurgeLimits, listed, surges
from service.store import together as store
from service.store import warnings
from service.store.engine import Row, new_id
from service.store.together import Known
from service.workflows.deciding import Move
from service.workflows.judging import MINIMUM_PEOPLE
from service.workflows.parts import Doors, Engines, Teller
from service.workflows.telling import tell

LOG = logging.getLogger(__name__)
LIMITS = ("window_hours", "area_digits", "place_matters", "kind_matters")
MEASURES = ("由综治中心统一研判，合并交办，避免多头处置", "先核实有无共同起因，再逐件答复")


async def warn_surges(doors: Doors, engines: Engines, now: datetime) -> int:
    """Tell of every surge that was not told of, and of those that grew; gives how many were told of."""
    longest = max(entry.value for entry in engines.thresholds.by_name["surge.window_hours"].entries)
    async with doors.transaction() as connection:
        rows = await store.newcomers(connection, now - timedelta(hours=longest))
    told, failed = 0, []
    for surge in await asyncio.to_thread(_surges, engines, rows, now):
        try:
            async with doors.transaction() as connection:
                teller = Teller(engines, doors, await doors.reference.get(connection), now)
                told += await _tell(connection, teller, surge)
        except Exception as error:
            LOG.error("a surge could not be told", extra={"place": surge.key})
            failed.append(error)
    if failed:
        raise ExceptionGroup("surges failed; they are tried again at the next tick", failed)
    return told


def _surges(engines: Engines, rows: Sequence[Row], now: datetime) -> list[Surge]:
    near = [
        _newcomer(engines, row, now)
        for row in rows
        if row["opened_at"] > now - timedelta(hours=_limits(engines, row["area"], now).window_hours)
    ]
    return surges(near, lambda area: _limits(engines, area, now))


def _newcomer(engines: Engines, row: Row, now: datetime) -> Newcomer:
    """A matter of a few people is told to few (decision 0004): here it is counted, not named."""
    level = Level(row["level"])
    least = engines.thresholds.value(MINIMUM_PEOPLE, row["area"], engines.day(now))
    is_small = (
        max(row["people_max"] or 0, row["present_max"] or 0, row["report_count"]) < least and level is not Level.RED
    )
    return Newcomer(str(row["id"]), row["area"], row["category"], row["first_level"], level, is_small)


def _limits(engines: Engines, area: str, now: datetime) -> SurgeLimits:
    found = [engines.thresholds.value(f"surge.{name}", area, engines.day(now)) for name in LIMITS]
    return SurgeLimits(found[0], int(found[1]), int(found[2]), int(found[3]))


async def _tell(connection: AsyncConnection, teller: Teller, surge: Surge) -> bool:
    """Under the place's lock look again at what was told."""
    known = await store.locked(connection, surge.key, teller.now)
    earlier = await warnings.locked(connection, known.warning_id) if known.warning_id else None
    joined = surge.members - known.members
    if earlier is not None and earlier.is_open:
        members, move = (
            known.members | surge.members,
            _grown(teller, earlier, surge, len(known.members | surge.members)),
        )
    else:
        members, move = surge.members, _first(teller, surge) if _is_new(teller, surge, len(joined)) else None
    if move is None:
        return False
    await store.keep(connection, surge.key, Known(members, move.warning.id), teller.now)
    await tell(connection, teller, [move])
    return True


def _is_new(teller: Teller, surge: Surge, joined: int) -> bool:
    """After a surge was settled only as many matters that were not listed make another."""
    limits = _limits(teller.engines, surge.place, teller.now)
    return joined >= (limits.kind_matters if surge.first_level else limits.place_matters)


def _first(teller: Teller, surge: Surge) -> Move:
    rank = int(teller.engines.thresholds.value("surge.level_rank", surge.place, teller.engines.day(teller.now)))
    level = Level.of_rank(rank)
    warning = Warning(
        id=new_id(), revision=1, level=level, subject_kind=SubjectKind.AREA, subject_id=surge.key, area=surge.place,
        category=surge.category, headline=_headline(teller, surge, len(surge.matters)),
        reasons=_reasons(teller, surge, level), measures=MEASURES,
        state=WarningState.ISSUED, statutory_report_required=False, restricted=False,
        opened_at=teller.now, updated_at=teller.now, issued_level=level, issued_at=teller.now,
        reports_told=len(surge.matters),
    )  # fmt: skip
    return Move(warning, WarningEventType.ISSUED, warning.headline, new_clocks=True)


def _grown(teller: Teller, earlier: Warning, surge: Surge, number: int) -> Move | None:
    """The same warning at its next revision once it lists so many times as many; one more matter is no news."""
    factor = teller.engines.thresholds.value("warning.growth_factor", surge.place, teller.engines.day(teller.now))
    if number < factor * earlier.reports_told:
        return None
    moved = replace(
        earlier, revision=earlier.revision + 1, updated_at=teller.now, headline=_headline(teller, surge, number),
        reasons=_reasons(teller, surge, earlier.level), reports_told=number,
    )  # fmt: skip
    return Move(moved, WarningEventType.UPDATED, f"由 {earlier.reports_told} 件增至 {number} 件")


def _headline(teller: Teller, surge: Surge, number: int) -> str:
    what = teller.engines.catalogue.category_name(surge.first_level) + "类事项" if surge.first_level else "事项"
    return f"{teller.reference.area_name(surge.place)}：新出现 {number} 件{what}，集中爆发"


def _reasons(teller: Teller, surge: Surge, level: Level) -> tuple[Reason, ...]:
    """How many of each kind, by what limit, then the matters themselves."""
    name = teller.engines.catalogue.category_name
    limits = _limits(teller.engines, surge.place, teller.now)
    least = limits.kind_matters if surge.first_level else limits.place_matters
    counts = Counter(name(one.first_level) for one in surge.matters)
    kinds = "、".join(
        f"{kind} {number} 件" for kind, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    said = f"{limits.window_hours:g} 小时内新出现 {len(surge.matters)} 件（达到 {least} 件）：{kinds}"
    lines = listed(surge, name, teller.reference.area_name)
    return (Reason("judge", "surge.many", said, level), *(Reason("judge", "surge.matter", line) for line in lines))
