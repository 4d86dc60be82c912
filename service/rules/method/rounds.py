"""Whether the rounds of asking the public that were recorded are those a form of 稳评 asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from service.rules.method.procedure import RoundNeed


@dataclass(frozen=True, slots=True)
class Round:
    """One recorded round. `affected` and `reached` in households or people, None when not told."""

    form: str
    began_on: date
    ended_on: date | None
    affected: int | None
    reached: int | None

    @property
    def days(self) -> int:
        """Days without the first, as in the Civil Code: 1 to 31 May are thirty."""
        return (self.ended_on - self.began_on).days if self.ended_on else 0

    @property
    def coverage(self) -> float | None:
        """The share of those concerned who were reached; None when it is not known, or more than all were reached."""
        if not self.affected or self.reached is None or self.reached > self.affected:
            return None
        return self.reached / self.affected

    def lies_in(self, first: date, last: date) -> bool:
        """Ended, and whole within these days."""
        return self.ended_on is not None and first <= self.began_on <= self.ended_on <= last


def lacking_rounds(
    need: RoundNeed, rounds: Sequence[Round], span: tuple[date, date] | None
) -> Iterator[tuple[str, str]]:
    """What lacks of one round, as (code, Chinese); nothing when one round fulfils all of it.

    Only rounds that lie whole within `span`, the days of the plan that have passed, count: an older survey asked
    about something else. None: there is no plan yet.
    """
    counted = [one for one in rounds if span and one.form in need.forms and one.lies_in(*span)]
    if any(_is_enough(need, one) for one in counted):
        return
    if not counted:
        yield "missing", f"缺一轮{need.name}：评估方案的起止日期之内还没有已结束的这一轮；请用 participation 登记"
        return
    faults = [*_days_lacking(need, counted), *_coverage_lacking(need, counted)]
    yield from faults or [("not_together", f"{need.name}没有一轮同时达到天数和覆盖的要求")]


def _is_enough(need: RoundNeed, one: Round) -> bool:
    if one.days < need.least_days:
        return False
    return need.least_coverage is None or (one.coverage is not None and one.coverage >= need.least_coverage)


def _days_lacking(need: RoundNeed, counted: Sequence[Round]) -> Iterator[tuple[str, str]]:
    longest = max(one.days for one in counted)
    if longest < need.least_days:
        yield "too_short", f"{need.name}最长的一轮 {longest} 天，至少要 {need.least_days} 天（首日不计）"


def _coverage_lacking(need: RoundNeed, counted: Sequence[Round]) -> Iterator[tuple[str, str]]:
    known, least = [one.coverage for one in counted if one.coverage is not None], need.least_coverage
    if least is None:
        return
    if not known:
        text = f"{need.name}的涉及（affected）和覆盖（reached）数量没有填写或互相矛盾，无法判断是否达到 {least:.0%}"
        yield "coverage_unknown", text
    elif max(known) < least:
        yield "coverage_low", f"{need.name}覆盖 {max(known):.1%}，至少要 {least:.0%}"
