"""Silences: made, changed, agreed to by a second office, ended; departments are told of each, and see what it hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from service.delivery.labels import MEANINGS, Told
from service.delivery.matchers import Matcher, all_match
from service.delivery.message import notice_body
from service.delivery.silences import (
    Silence,
    SilenceState,
    Wish,
    expired,
    faults_of,
    made,
    revised,
)
from service.domain.areas import contains
from service.domain.levels import Level
from service.domain.problems import FieldError, Problem, not_found
from service.domain.words import SubjectKind
from service.store import held, keys
from service.store import silences as store
from service.store.engine import Row, new_id
from service.store.keys import Viewer
from service.store.reference import Reference
from service.store.views import Sight
from service.text.redaction import mask
from service.workflows.parts import Doors, Engines, silence_of
from service.workflows.telling import Work

EVERYTHING = Sight(None, None)
MOST_LOOKED_AT = 20_000  # open warnings; a district with more has other troubles
ENDED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a silence would hide now: open warnings that departments have heard. Red ones need a second office."""

    warnings: list[Row]

    @property
    def red(self) -> int:
        return sum(row["level"] == Level.RED for row in self.warnings)


async def hidden_by(
    connection: AsyncConnection, engines: Engines, asked: tuple[Sequence[Matcher], str | None], sight: Sight
) -> Hidden:
    """The open warnings in sight that matchers, within an area, speak of."""
    matchers, area = asked
    rows = await store.open_warnings(connection, sight, MOST_LOOKED_AT)
    inside = [row for row in rows if area is None or contains(area, row["area"])]
    return Hidden([row for row in inside if all_match(matchers, _labels(engines, row))])


async def put_silence(work: Work, wish: Wish, viewer: Viewer, silence_id: UUID | None = None) -> UUID:
    """Make a silence, or change one: the id it has then, another one when it could not be changed in place.

    The reason goes out to departments, so it is masked. Raises Problem 422 with every fault, 404 for an id that is not
    there.
    """
    check(wish, work.now)
    wish = replace(wish, reason=mask(wish.reason))
    async with work.doors.transaction() as connection:
        if silence_id is None:
            fresh = made(wish, new_id(), work.now)
            return await _kept(connection, work, [(fresh, None)], viewer)
        row = await _row(connection, silence_id, viewer)
        change = revised(silence_of(row), wish, new_id(), work.now)
        if change.kept.id == silence_id:
            return await _kept(connection, work, [(change.kept, row)], viewer)
        both = [(change.kept, None), *([(change.ended, row)] if change.ended else [])]
        return await _kept(connection, work, both, viewer)


async def agree(work: Work, silence_id: UUID, viewer: Viewer) -> None:
    """A second office agrees: from now on the silence hides red too. Raises Problem 404, 409."""
    async with work.doors.transaction() as connection:
        row = await _row(connection, silence_id, viewer)
        if silence_of(row).state(work.now) is SilenceState.EXPIRED:
            raise Problem(409, "silence_expired", "这条静默已经结束，请另建一条。")
        if await _is_authors(connection, row, viewer):
            raise Problem(409, "second_office_needed", "静默红色预警须由另一单位的密钥同意，建立者自己不能同意。")
        agreed = {"second": viewer.name, "second_key": viewer.key_id, "second_at": work.now, "updated_at": work.now}
        await _told(connection, work, row | agreed, "agreed")


async def _is_authors(connection: AsyncConnection, row: Row, viewer: Viewer) -> bool:
    """Whether a key is of the office that made the silence: the same key, name or department."""
    if viewer.key_id == row["author_key"] or viewer.name == row["author"]:
        return True
    own = viewer.department_id
    return own is not None and own == await keys.department_of(connection, row["author_key"])


async def end_silence(work: Work, silence_id: UUID, viewer: Viewer) -> None:
    """End a silence now; one that is over stays as it was. Raises Problem 404."""
    async with work.doors.transaction() as connection:
        row = await _row(connection, silence_id, viewer)
        if silence_of(row).state(work.now) is not SilenceState.EXPIRED:
            over = expired(silence_of(row), work.now)
            await store.keep(connection, [row | {"starts_at": over.starts_at, "ends_at": over.ends_at}])


async def tell_ended(doors: Doors, engines: Engines, now: datetime) -> int:
    """Tell departments of every silence that is over; gives how many."""
    async with doors.transaction() as connection:
        rows = await store.ended(connection, now, ENDED_AT_ONCE)
        for row in rows:
            await _told(connection, Work(doors, engines, now), row | {"end_told_at": now}, "ended")
            await held.look_again(connection, row["id"], now)
    return len(rows)


def check(wish: Wish, now: datetime) -> None:
    """Raises Problem 422 with every fault of a wish."""
    faults = faults_of(wish, now, MEANINGS)
    if faults:
        errors = tuple(FieldError(*fault) for fault in faults)
        raise Problem(422, "invalid_request", "静默有误，请按 errors 逐项修改。", errors)


async def _row(connection: AsyncConnection, silence_id: UUID, viewer: Viewer) -> Row:
    row = await store.row(connection, silence_id)
    if row is None or not (viewer.area is None or (row["area"] and contains(viewer.area, row["area"]))):
        raise not_found("静默", silence_id)
    return row


async def _kept(
    connection: AsyncConnection, work: Work, silences: Sequence[tuple[Silence, Row | None]], viewer: Viewer
) -> UUID:
    """Keep silences, each with the row it had; the first one's id. Departments hear of what is new or was changed."""
    for silence, row in silences:
        own = {"author_key": viewer.key_id, "created_at": work.now, "notices": 0, "end_told_at": None}
        agreed = {name: row[name] if row and silence.second else None for name in ("second", "second_key", "second_at")}
        values = {
            "id": silence.id, "matchers": [[one.name, one.op, one.value] for one in silence.matchers],
            "area": silence.area, "starts_at": silence.starts_at, "ends_at": silence.ends_at,
            "author": silence.author, "reason": silence.reason, "updated_at": work.now,
        }  # fmt: skip
        kept = own | (row or {}) | agreed | values
        if silence.state(work.now) is SilenceState.EXPIRED:
            await store.keep(connection, [kept])  # the tick tells of its end
        else:
            await _told(connection, work, kept, "changed" if row else "made")
    return silences[0][0].id


async def _told(connection: AsyncConnection, work: Work, row: Row, what: str) -> None:
    """Keep a silence and tell of it whoever it concerns."""
    reference = await work.doors.reference.get(connection)
    silence, number = silence_of(row), row["notices"] + 1
    hidden = await hidden_by(connection, work.engines, (silence.matchers, silence.area), EVERYTHING)
    await store.keep(connection, [row | {"notices": number}])
    body = notice_body(f"silence.{what}", work.now.astimezone(work.engines.zone), _data(silence, hidden, what, work))
    departments = _concerned(reference, silence, hidden)
    endpoints = [one for department in sorted(departments) for one in reference.endpoints.get(department, ())]
    await store.notify(connection, [_push(silence, number, body, (endpoint, work.now)) for endpoint in endpoints])


def _concerned(reference: Reference, silence: Silence, hidden: Hidden) -> set[UUID]:
    """Who owes something on what it hides, and the offices that coordinate where it holds."""
    owing = {one for row in hidden.warnings for one in row["department_ids"]}
    area = silence.area
    coordinating = {
        one.id
        for one in reference.departments.values()
        if one.is_coordinator and one.area and (area is None or contains(one.area, area) or contains(area, one.area))
    }
    return owing | coordinating


_SAID = {"made": "新建静默", "changed": "静默已更改", "agreed": "静默经第二单位同意，包括红色", "ended": "静默已结束"}


def _data(silence: Silence, hidden: Hidden, what: str, work: Work) -> dict[str, Any]:
    zone = work.engines.zone
    until = f"{silence.ends_at.astimezone(zone):%m-%d %H:%M}"
    return {
        "id": str(silence.id),
        "headline": f"{_SAID[what]}：{silence.author}，至 {until}，{silence.reason}"[:160],
        "matchers": [str(one) for one in silence.matchers],
        "area": silence.area,
        "starts_at": silence.starts_at.astimezone(zone).isoformat(),
        "ends_at": silence.ends_at.astimezone(zone).isoformat(),
        "author": silence.author,
        "second": silence.second,
        "reason": silence.reason,
        "hides_now": len(hidden.warnings),
        "link": f"{work.doors.link_base}/v1/silences/{silence.id}",
    }


def _push(silence: Silence, number: int, body: bytes, to: tuple[UUID, datetime]) -> Row:
    endpoint_id, now = to
    return {
        "id": new_id(), "warning_id": silence.id, "revision": number, "endpoint_id": endpoint_id,
        "message_id": f"msg_{new_id().hex}", "body": body, "state": "pending", "priority": 4 - Level.BLUE.rank,
        "attempts": 0, "due_at": now, "lease_token": None, "last_status": None, "last_error": None,
        "why": f"静默 {silence.id} 的通知", "created_at": now, "done_at": None,
    }  # fmt: skip


def _labels(engines: Engines, row: Row) -> dict[str, str]:
    told = Told(
        Level(row["level"]), row["area"], row["category"], engines.catalogue.first_level(row["category"]),
        SubjectKind(row["subject_kind"]), row["subject_id"], row["restricted"], frozenset(row["sources"]),
        frozenset(row["signals"]),
    )  # fmt: skip
    return told.labels
