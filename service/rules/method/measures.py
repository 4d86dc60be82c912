"""What is expected after the measures. A lower value counts only when the evidence of its measures is filed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from service.domain.assessing import Graded
from service.rules.method.columns import NAMES
from service.rules.method.cuts import MethodError, Scale, worst
from service.rules.method.given import Expected, FactorGiven, Given, HundredGiven, Rating
from service.rules.method.grading import grade
from service.rules.method.hundred import item_points
from service.rules.method.preset import HundredItem, HundredTable, MethodPreset


@dataclass(frozen=True, slots=True)
class HeldBack:
    """An after-value that does not count yet; `target` is what its measures are against."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Both grades, and which lower after-values were kept at their before-values."""

    before: Graded
    after: Graded
    held_back: tuple[HeldBack, ...]


def before_and_after(preset: MethodPreset, given: Given) -> BeforeAfter:
    """Raises MethodError."""
    lowered, held_back = after_measures(preset, given)
    return BeforeAfter(grade(preset, given), grade(preset, lowered), held_back)


def after_measures(preset: MethodPreset, given: Given) -> tuple[Given, tuple[HeldBack, ...]]:
    """What is given with its after-values in place, as far as they count, and those that do not.

    A higher value always counts. A lower one needs at least one measure against the target, and the evidence of every
    one of them: what is expected rests on all. Raises MethodError.
    """
    evidence = _Evidence(given)
    factors = tuple(_factor(preset, factor, evidence) for factor in given.factors)
    expected = _expected(preset, given, evidence)
    hundred = _hundred(preset, given, evidence)
    return replace(given, factors=factors, expected=expected, hundred=hundred), evidence.held_back


class _Evidence:
    """Asked once per target whether a lower value may count; remembers what it held back."""

    def __init__(self, given: Given) -> None:
        self._filed: dict[str, list[bool]] = {}
        self._held: dict[str, HeldBack] = {}
        for measure in given.measures:
            for target in measure.targets:
                self._filed.setdefault(target, []).append(measure.evidence_filed)

    @property
    def held_back(self) -> tuple[HeldBack, ...]:
        return tuple(self._held.values())

    def allows(self, target: str, name: str) -> bool:
        filed = self._filed.get(target, [])
        if filed and all(filed):
            return True
        why = f"{filed.count(False)} 项措施尚无完成证据" if filed else "没有对应的措施"
        self._held[target] = HeldBack(target, f"{name}：{why}，措施后仍按措施前计")
        return False


def _factor(preset: MethodPreset, factor: FactorGiven, evidence: _Evidence) -> FactorGiven:
    where = f"factors.{factor.factor_id}"
    p = _rating(preset.probability, (factor.p, factor.p_after), f"{where}.p_after")
    q = _rating(preset.impact, (factor.q, factor.q_after), f"{where}.q_after")
    if (p.lower or q.lower) and not evidence.allows(factor.factor_id, factor.name):
        p, q = p.without(), q.without()
    return replace(factor, p=p.after, q=q.after)


@dataclass(frozen=True, slots=True)
class _Change:
    before: Rating
    after: Rating
    lower: bool

    def without(self) -> _Change:
        return replace(self, after=self.before) if self.lower else self


def _rating(scale: Scale, told: tuple[Rating, Rating], where: str) -> _Change:
    """From nothing known to a number counts as lower: the unknown might have been anything."""
    before, after = told
    if after is None:
        return _Change(before, before, lower=False)
    known = scale.value(after, where)
    lower = before is None or known < scale.value(before, where)
    return _Change(before, after, lower)


def _expected(preset: MethodPreset, given: Given, evidence: _Evidence) -> Expected:
    before, after = given.expected, given.expected_after
    events, participants = before.events, before.participants
    if after.events is not None:
        lower = events is None or _event_rank(preset, after.events) < _event_rank(preset, events)
        events = after.events if not lower or evidence.allows("event", NAMES["event"]) else events
    if after.participants is not None:
        fewer = participants is None or after.participants < participants
        counts = not fewer or evidence.allows("participants", NAMES["participants"])
        participants = after.participants if counts else participants
    return Expected(events, participants)


def _event_rank(preset: MethodPreset, events: tuple[str, ...]) -> int:
    known = {kind.code: kind.grade for kind in preset.events.kinds}
    strange = [code for code in events if code not in known]
    if strange:
        raise MethodError("event", f"没有 ‘{'、'.join(strange)}’，可用 {'、'.join(known)}")
    return worst(known[code] for code in events).rank


def _hundred(preset: MethodPreset, given: Given, evidence: _Evidence) -> HundredGiven | None:
    table, before, after = preset.hundred, given.hundred, given.hundred_after
    if after is None:
        return before
    if table is None:
        raise MethodError("hundred_after", f"方法 {preset.name} 没有百分表")
    before = before or HundredGiven()
    counting = {
        item.item_id
        for item in table.items
        if _points_count(table, item, (before, after)) or evidence.allows(item.item_id, item.name)
    }
    return _merged(table, (before, after), counting)


def _points_count(table: HundredTable, item: HundredItem, told: tuple[HundredGiven, HundredGiven]) -> bool:
    """Whether an item's after-points count without evidence: unanswered after, or not fewer than before."""
    before, after = (item_points(table, item, given) for given in told)
    return after is None or (before is not None and after >= before)


def _merged(table: HundredTable, told: tuple[HundredGiven, HundredGiven], counting: set[str]) -> HundredGiven:
    before, after = told
    later: Mapping[str, str] = {item: option for item, option in after.options.items() if item in counting}
    opinion_ids = {item.item_id for item in table.items if item.opinion}
    changed = after.opinion is not None and opinion_ids <= counting
    return HundredGiven({**before.options, **later}, after.opinion if changed else before.opinion)
