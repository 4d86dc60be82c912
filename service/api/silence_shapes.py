"""What comes in and goes out about silences."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from service.api.shapes import Out
from service.delivery.matchers import Matcher, MatcherError, parse_matcher
from service.delivery.silences import SilenceState, Wish
from service.domain.incidents import AreaCode, Instant, Storable, Strict
from service.domain.levels import Level
from service.domain.problems import FieldError, Problem
from service.store.engine import Row
from service.workflows.parts import silence_of
from service.workflows.silencing import Hidden

MOST_SHOWN = 50
Conditions = Annotated[list[Annotated[str, Field(max_length=1200), Storable]], Field(min_length=1, max_length=20)]
_STATES = {SilenceState.PENDING: "待生效", SilenceState.ACTIVE: "生效中", SilenceState.EXPIRED: "已结束"}


class LookIn(Strict):
    """Which warnings a silence would speak of."""

    matchers: Conditions
    area: AreaCode | None = None


class SilenceIn(LookIn):
    """A silence to make, or with `id` to change. Its end must be said; left out, its beginning is now."""

    id: UUID | None = None
    starts_at: Instant | None = None
    ends_at: Instant
    reason: Annotated[str, Field(min_length=1, max_length=500), Storable]


class HiddenOut(Out):
    """One open warning that a silence would hide."""

    id: UUID
    level: Level
    headline: str
    area: str
    category: str


class LookOut(Out):
    """Open warnings that are spoken of: how many, of each level, the newest of them. Red needs a second office."""

    hides: int
    by_level: dict[Level, int]
    red_needs_second: bool
    warnings: list[HiddenOut]


class SilenceOut(Out):
    """A silence as kept. `hides_red` only when a second office agreed."""

    id: UUID
    state: SilenceState
    state_zh: str
    matchers: list[str]
    area: str | None
    starts_at: datetime
    ends_at: datetime
    author: str
    reason: str
    hides_red: bool
    second: str | None
    second_at: datetime | None
    created_at: datetime
    updated_at: datetime


class SilenceMade(SilenceOut):
    """A silence with what it hides now."""

    preview: LookOut


def matchers_of(written: list[str]) -> tuple[Matcher, ...]:
    """The matchers of a body. Raises Problem 422 with every one that cannot be read."""
    found: list[Matcher] = []
    errors = []
    for place, text in enumerate(written):
        try:
            found.append(parse_matcher(text))
        except MatcherError as error:
            errors.append(FieldError(f"matchers.{place}", "bad_matcher", f"第 {error.column} 个字符：{error}。"))
    if errors:
        raise Problem(422, "invalid_request", "匹配条件有误，请按 errors 逐项修改。", tuple(errors))
    return tuple(found)


def wish_of(silence: SilenceIn, author: str) -> Wish:
    """What the body asks for. Raises Problem 422."""
    matchers = matchers_of(silence.matchers)
    return Wish(matchers, silence.starts_at, silence.ends_at, author, silence.reason, silence.area)


def look_out(hidden: Hidden) -> LookOut:
    levels = [Level(row["level"]) for row in hidden.warnings]
    return LookOut(
        hides=len(levels), by_level={level: levels.count(level) for level in Level if level in levels},
        red_needs_second=hidden.red > 0,
        warnings=[HiddenOut.model_validate(row) for row in hidden.warnings[:MOST_SHOWN]],
    )  # fmt: skip


def silence_out(row: Row, now: datetime) -> dict[str, Any]:
    """A silence as answers show it."""
    silence = silence_of(row)
    state = silence.state(now)
    said = {"state": state, "state_zh": _STATES[state], "matchers": [str(one) for one in silence.matchers]}
    return {**row, **said, "hides_red": silence.second is not None}
