"""What happens when nobody answers: who is told next, after which silence. Pure; the clock is an argument.

A chain belongs to one department's silence on one warning: that department's signature ends it, nobody else's does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from service.domain.levels import Level


class Rank(StrEnum):
    """Who is told at a step, seen from the department that is silent."""

    DUTY = "duty"  # 值班员
    SECOND = "second"  # 副班
    SUPERVISOR = "supervisor"  # 主管单位
    LEADER = "leader"  # 带班领导
    DIRECT_LEADER = "direct_leader"  # 协调单位的带班领导 (直接报送)

    @property
    def zh(self) -> str:
        return _ZH[self]


_ZH = {
    Rank.DUTY: "值班员",
    Rank.SECOND: "副班",
    Rank.SUPERVISOR: "主管单位",
    Rank.LEADER: "带班领导",
    Rank.DIRECT_LEADER: "带班领导（直接报送）",
}


class Clock(StrEnum):
    """What a chain waits for."""

    SIGN = "sign"  # 签收
    CONFIRM = "confirm"  # 核实, before the warning leaves the house
    DIRECT = "direct"  # 签收, while the leader on duty is told beside all others (直接报送)


@dataclass(frozen=True, slots=True)
class Step:
    """Tell `to`, wait, tell again `repeat` times with the same wait, then go on. `channel`: a kind of endpoint."""

    to: Rank
    wait: timedelta
    repeat: int = 0
    channel: str | None = None
    only_lead: bool = False  # not for the silence of a department that merely takes part


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one clock at one level. `region` '' is the whole country; both days are included."""

    level: Level
    clock: Clock
    steps: tuple[Step, ...]
    source: str
    unverified: bool
    region: str = ""
    first: date = date.min
    last: date = date.max
    idle: timedelta | None = None  # signed but not answered for so long: reminded
    only_statutory: bool = False  # only where the law asks for a report upwards

    def covers(self, area: str, on: date) -> bool:
        return area.startswith(self.region) and self.first <= on <= self.last


@dataclass(frozen=True, slots=True)
class Chain:
    """How far a chain has come: `step` was told `told` times, and something is due at `next_at` (None: ended)."""

    warning_id: UUID
    department_id: UUID
    clock: Clock
    since: datetime
    step: int
    told: int
    next_at: datetime | None
    ended_at: datetime | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What a chain looks at besides itself."""

    is_open: bool
    waits_for_confirmation: bool
    owes: bool  # the department still has its duty, and the clock of it runs
    leads: bool
    signed: bool
    quiet_until: datetime | None = None  # its pushes are held back till then: who was told nothing is not silent


@dataclass(frozen=True, slots=True)
class Telling:
    """A step that is due: whom to tell, the how-manieth time, and the chain as it stands once this is done."""

    step: Step
    number: int  # 0: the first time
    after: Chain


@dataclass(frozen=True, slots=True)
class Pause:
    """A chain that waits while pushes are held back, and is looked at again then."""

    after: Chain


@dataclass(frozen=True, slots=True)
class End:
    """A chain that ends, and why (Chinese)."""

    reason: str


def begin(chain_of: tuple[UUID, UUID], plan: Plan, now: datetime) -> Chain:
    """The chain of (warning, department) from now. The first step of 签收 is the warning's own push."""
    told = 1 if plan.clock is Clock.SIGN else 0
    due = now + plan.steps[0].wait if told else now
    return Chain(*chain_of, plan.clock, now, 0, told, due)


def due(chain: Chain, steps: Sequence[Step], situation: Situation, now: datetime) -> Telling | Pause | End | None:
    """What a chain asks for now; None: nothing yet. Who was silent while the clock stood still is not skipped over."""
    if chain.next_at is None:
        return None
    ended = _over(chain.clock, situation)
    if ended:
        return End(ended)
    if chain.next_at > now:
        return None
    if situation.quiet_until is not None and situation.quiet_until > now:
        return Pause(replace(chain, next_at=situation.quiet_until))
    place, number = (chain.step, chain.told) if _has_turns_left(chain, steps) else (chain.step + 1, 0)
    while place < len(steps) and steps[place].only_lead and not situation.leads:
        place, number = place + 1, 0
    if place >= len(steps):
        return End("已逐级报送完毕")
    step = steps[place]
    return Telling(step, number, replace(chain, step=place, told=number + 1, next_at=now + step.wait))


def passed_over(telling: Telling, now: datetime) -> Chain:
    """The chain when nobody could be reached at a step: the next step is due at once."""
    return replace(telling.after, told=telling.step.repeat + 1, next_at=now)


def ended(chain: Chain, reason: str, now: datetime) -> Chain:
    return replace(chain, next_at=None, ended_at=now, ended_by=reason)


def _has_turns_left(chain: Chain, steps: Sequence[Step]) -> bool:
    return chain.step < len(steps) and chain.told <= steps[chain.step].repeat


def _over(clock: Clock, situation: Situation) -> str | None:
    if not situation.is_open:
        return "预警已办结或撤销"
    if clock is Clock.CONFIRM:
        return None if situation.waits_for_confirmation else "已核实或已发出"
    if situation.waits_for_confirmation:
        return "级别上调，待核实后重新计时"
    if situation.signed:
        return "本单位已签收"
    return None if situation.owes else "本单位不再承办"
