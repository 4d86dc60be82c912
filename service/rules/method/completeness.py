"""What nobody answered yet, and whether the answer could change the grade."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from service.domain.assessing import Grade, LegalFinding
from service.domain.judging import Answer
from service.rules.method.columns import NAMES, columns_of
from service.rules.method.cuts import worst
from service.rules.method.factors import factor_table
from service.rules.method.given import FactorGiven, Given, HundredGiven, OpinionShare, Survey
from service.rules.method.grading import legal_blocks
from service.rules.method.hundred import hundred_points
from service.rules.method.preset import HundredTable, MethodPreset, NamedTable

Change = Callable[[Given], Given]


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing missing. `best` and `worst`: the grade if it alone were answered so; `decisive`: they differ from
    today's grade. A missing legal fact changes the advice, not the grade."""

    code: str
    name: str
    best: Grade
    worst: Grade
    decisive: bool


@dataclass(frozen=True, slots=True)
class Completeness:
    """All that is missing; `best` and `worst`: the grade if everything missing were answered so."""

    lacks: tuple[Lack, ...]
    legal: tuple[str, ...]  # facts that blocking legal checks wait for
    best: Grade
    worst: Grade


@dataclass(frozen=True, slots=True)
class _Gap:
    code: str
    name: str
    best: Change
    worst: Change


def completeness(preset: MethodPreset, given: Given) -> Completeness:
    """Raises MethodError. The best and worst answers are those of the preset's own tables."""
    today = _grade(preset, given)
    gaps = list(_gaps(preset, given))
    return Completeness(
        lacks=tuple(_lack(preset, given, gap, today) for gap in gaps),
        legal=_waiting(legal_blocks(given.legal)),
        best=_grade(preset, _all(given, [gap.best for gap in gaps])) if gaps else today,
        worst=_grade(preset, _all(given, [gap.worst for gap in gaps])) if gaps else today,
    )


def _grade(preset: MethodPreset, given: Given) -> Grade:
    return worst(column.floor for column in columns_of(preset, given, factor_table(preset, given)))


def _all(given: Given, changes: Sequence[Change]) -> Given:
    for change in changes:
        given = change(given)
    return given


def _lack(preset: MethodPreset, given: Given, gap: _Gap, today: Grade) -> Lack:
    best, worst_ = _grade(preset, gap.best(given)), _grade(preset, gap.worst(given))
    return Lack(gap.code, gap.name, best, worst_, decisive=best is not today or worst_ is not today)


def _waiting(findings: Sequence[LegalFinding]) -> tuple[str, ...]:
    waiting = [each for each in findings if each.answer is Answer.NOT_EVALUATED]
    return tuple(dict.fromkeys(fact for each in waiting for fact in each.missing or (each.check_id,)))


def _gaps(preset: MethodPreset, given: Given) -> Iterator[_Gap]:
    for factor in given.factors:
        if factor.p is None or factor.q is None:
            yield _factor_gap(preset, factor)
    for code, gap in _column_gaps(preset, given):
        if code in (*preset.columns, "factors"):
            yield gap
    if preset.hundred and (given.hundred or "hundred" in preset.columns):
        yield from _hundred_gaps(preset.hundred, given)


def _factor_gap(preset: MethodPreset, factor: FactorGiven) -> _Gap:
    def filled(place: int) -> Change:
        p = preset.probability.bands[place].mid if factor.p is None else factor.p
        q = preset.impact.bands[place].mid if factor.q is None else factor.q
        return _with_factor(replace(factor, p=p, q=q))

    return _Gap(f"factor:{factor.factor_id}", f"{factor.name}的概率或影响", filled(0), filled(-1))


def _with_factor(known: FactorGiven) -> Change:
    def change(given: Given) -> Given:
        factors = (known if each.factor_id == known.factor_id else each for each in given.factors)
        return replace(given, factors=tuple(factors))

    return change


def _column_gaps(preset: MethodPreset, given: Given) -> Iterator[tuple[str, _Gap]]:
    if given.expected.events is None:
        yield "event", _coded("event", preset.events, _with_events)
    if given.expected.participants is None:
        most = int(preset.participants.high.value) + 1
        yield "participants", _gap("participants", (_with_participants(0), _with_participants(most)))
    if given.survey is None or not given.survey.answered:
        yield "opposition", _gap("opposition", (_with_survey(0), _with_survey(1)))
    if given.indicators is None:
        yield "veto", _coded("veto", preset.indicators, _with_indicators)
    if not given.factors and {"index", "count"} & set(preset.columns):
        yield "factors", _no_factors(preset)


def _gap(code: str, changes: tuple[Change, Change]) -> _Gap:
    return _Gap(code, NAMES[code], *changes)


def _coded(code: str, table: NamedTable, change: Callable[[tuple[str, ...]], Change]) -> _Gap:
    gravest = max(table.kinds, key=lambda kind: kind.grade.rank, default=None)
    return _gap(code, (change(()), change((gravest.code,) if gravest else ())))


def _with_events(codes: tuple[str, ...]) -> Change:
    return lambda given: replace(given, expected=replace(given.expected, events=codes))


def _with_indicators(codes: tuple[str, ...]) -> Change:
    return lambda given: replace(given, indicators=codes)


def _with_participants(number: int) -> Change:
    return lambda given: replace(given, expected=replace(given.expected, participants=number))


def _with_survey(opposed: int) -> Change:
    return lambda given: replace(given, survey=Survey(asked=1, answered=1, opposed=opposed))


def _no_factors(preset: MethodPreset) -> _Gap:
    """A table nobody began: two factors in the lowest or the highest bands stand for it."""
    category = preset.checklist.categories[0]
    p, q = preset.probability.bands, preset.impact.bands

    def filled(place: int) -> Change:
        made = tuple(
            FactorGiven(item.item_id, category.category_id, item.name, p[place].mid, q[place].mid)
            for item in category.items[:2]
        )
        return lambda given: replace(given, factors=made, comparisons=())

    return _Gap("factors", "风险因素表", filled(0), filled(-1))


def _hundred_gaps(table: HundredTable, given: Given) -> Iterator[_Gap]:
    known = given.hundred or HundredGiven()
    for name in hundred_points(table, known).missing:
        item = next(each for each in table.items if each.item_id == name)
        options = sorted(item.options, key=lambda option: item.options[option])
        if item.opinion:
            yield _Gap(f"hundred:{name}", item.name, _with_opinion(()), _with_opinion(_all_oppose(table)))
        else:
            yield _Gap(f"hundred:{name}", item.name, _with_option(name, options[0]), _with_option(name, options[-1]))


def _all_oppose(table: HundredTable) -> tuple[OpinionShare, ...]:
    strongest = max(table.intensities, key=lambda code: table.intensities[code])
    return (OpinionShare(1.0, strongest),)


def _with_option(item: str, option: str) -> Change:
    def change(given: Given) -> Given:
        known = given.hundred or HundredGiven()
        return replace(given, hundred=replace(known, options={**known.options, item: option}))

    return change


def _with_opinion(rows: tuple[OpinionShare, ...]) -> Change:
    return lambda given: replace(given, hundred=replace(given.hundred or HundredGiven(), opinion=rows))
