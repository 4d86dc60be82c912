"""Silences (静默): for a while, what matches is not pushed. Pure; Alertmanager's states and rules of editing.

A silence hides messages only: feed, clocks and the upward report go on. It never hides red before a second office has
agreed. Its end is part of it: there is no silence for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from service.delivery.matchers import Labels, Matcher, all_match
from service.domain.areas import contains
from service.domain.levels import Level

LONGEST = timedelta(days=90)  # 本项目约定: what is to be quiet for longer is a change of the routes


class SilenceState(StrEnum):
    """Where a silence stands: its time is to come (待生效), is now (生效中), or is over (已结束)."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


class Fault(NamedTuple):
    """What is wrong with a silence: which field, a stable code, a Chinese sentence that says what would be right."""

    field: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A silence as somebody asks for it; `starts_at` None means now. `area` bounds it (None: everywhere)."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime | None
    ends_at: datetime
    author: str
    reason: str
    area: str | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence as kept. `author` and `second` are names of keys: offices or systems, never people."""

    id: UUID
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    author: str
    reason: str
    area: str | None = None
    second: str | None = None  # who else agreed, so that it hides red too

    def state(self, now: datetime) -> SilenceState:
        """By the clock; the end itself is already over."""
        if now < self.starts_at:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if now < self.ends_at else SilenceState.EXPIRED

    def covers(self, labels: Labels) -> bool:
        """Whether it speaks of this at all, now or later, red or not."""
        return (self.area is None or contains(self.area, labels.get("area", ""))) and all_match(self.matchers, labels)

    def hides(self, labels: Labels, now: datetime) -> bool:
        """Whether a push is held back by it now: red only when a second office agreed."""
        if self.state(now) is not SilenceState.ACTIVE or not self.covers(labels):
            return False
        return self.second is not None or labels.get("level") != Level.RED

    @property
    def may_meet_red(self) -> bool:
        """Whether its matchers let red through, so that a second office would be needed to hide it."""
        about = [one for one in self.matchers if one.name in ("level", "级别")]
        red = {"level": Level.RED.value, "级别": Level.RED.zh}
        return all_match(about, red)


@dataclass(frozen=True, slots=True)
class Revised:
    """What an edit leads to: the silence to keep, and the one that ends by it (None: it was changed in place)."""

    kept: Silence
    ended: Silence | None = None


def faults_of(wish: Wish, now: datetime, known: Iterable[str] | None = None) -> list[Fault]:
    """Everything wrong with a wish, empty when it may be kept. `known`: the labels there are (None: any)."""
    starts = wish.starts_at or now
    found = []
    if not wish.matchers:
        found.append(Fault("matchers", "missing", "至少要有一个匹配条件。"))
    elif all(one.matches_empty for one in wish.matchers):
        said = '至少一个条件不能匹配空值，否则会静默一切；例如 area=~"3601.*"。'
        found.append(Fault("matchers", "matches_everything", said))
    names = None if known is None else set(known)
    for place, one in enumerate(wish.matchers):
        if names is not None and one.name not in names:
            found.append(
                Fault(f"matchers.{place}", "unknown_label", f"没有标签“{one.name}”；可用：{'、'.join(sorted(names))}。")
            )
    if not wish.reason.strip():
        found.append(Fault("reason", "missing", "请写明静默的理由。"))
    if wish.ends_at <= starts:
        found.append(Fault("ends_at", "before_starts_at", "结束时间应晚于开始时间。"))
    elif wish.ends_at <= now:
        found.append(Fault("ends_at", "past", "结束时间已经过去。"))
    elif wish.ends_at - starts > LONGEST:
        found.append(Fault("ends_at", "too_long", f"静默最长 {LONGEST.days} 天；需要更久的请修改路由。"))
    return found


def made(wish: Wish, silence_id: UUID, now: datetime) -> Silence:
    """A new silence. One that should have begun earlier begins now: the past was not quiet."""
    starts = max(wish.starts_at or now, now)
    return Silence(silence_id, wish.matchers, starts, wish.ends_at, wish.author, wish.reason, wish.area)


def revised(old: Silence, wish: Wish, fresh_id: UUID, now: datetime) -> Revised:
    """An edit. The same matchers and a change of time that is allowed: in place; else a new one, and the old one ends.

    Whoever agreed to hide red agreed to that silence: a later end, an earlier start or another reason is agreed anew.
    """
    if not _may_stay(old, wish, now):
        ended = None if old.state(now) is SilenceState.EXPIRED else expired(old, now)
        return Revised(made(wish, fresh_id, now), ended)
    starts = wish.starts_at or old.starts_at
    wider = wish.ends_at > old.ends_at or starts < old.starts_at or wish.reason != old.reason
    second = None if wider else old.second
    kept = replace(old, starts_at=starts, ends_at=wish.ends_at, author=wish.author, reason=wish.reason, second=second)
    return Revised(kept)


def expired(silence: Silence, now: datetime) -> Silence:
    """The same, over now. One that had not begun never was; one that is over stays as it was."""
    state = silence.state(now)
    if state is SilenceState.EXPIRED:
        return silence
    starts = now if state is SilenceState.PENDING else silence.starts_at
    return replace(silence, starts_at=starts, ends_at=now)


def hiding(silences: Sequence[Silence], labels: Labels, now: datetime) -> Silence | None:
    """The silence by which a push is held back now, the one that ends last; None: it may go."""
    found = [one for one in silences if one.hides(labels, now)]
    return max(found, key=lambda one: (one.ends_at, one.id.int), default=None)


def _may_stay(old: Silence, wish: Wish, now: datetime) -> bool:
    if wish.matchers != old.matchers or wish.area != old.area:
        return False
    starts, state = wish.starts_at or old.starts_at, old.state(now)
    if state is SilenceState.ACTIVE:
        return int(starts.timestamp()) == int(old.starts_at.timestamp()) and wish.ends_at >= now
    return state is SilenceState.PENDING and starts >= now
