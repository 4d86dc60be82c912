"""From the checked parts of the methods file to the values of a preset."""

from __future__ import annotations

from service.domain.assessing import Advice, Criterion, Grade, RiskClass
from service.rules.method.cuts import Band, ClassCuts, CountRule, CountRules, Cut, GradeCuts, Number, Origin, Scale
from service.rules.method.parts import (
    AhpPart,
    CategoryPart,
    ClassesPart,
    CountsPart,
    CutPart,
    DecisionPart,
    DoubtsPart,
    EventsPart,
    GradeCutsPart,
    HundredItemPart,
    HundredPart,
    NamedPart,
    NumberPart,
    OppositionPart,
    OutcomePart,
    ScalePart,
    SourcedPart,
)
from service.rules.method.preset import (
    AhpTable,
    Category,
    Checklist,
    Decision,
    DoubtCuts,
    HundredItem,
    HundredTable,
    Item,
    Named,
    NamedTable,
    Outcome,
)
from service.rules.method.schema import MethodsPart


def origin(part: SourcedPart) -> Origin:
    return Origin(part.source, part.unverified)


def scale(part: ScalePart) -> Scale:
    return Scale(tuple(Band(b.code, b.name, b.low, b.high, b.mid) for b in part.bands), origin(part))


def classes(part: ClassesPart) -> ClassCuts:
    return ClassCuts(tuple((RiskClass(each.risk), _cut(each)) for each in part.cuts), origin(part))


def counts(part: CountsPart) -> CountRules:
    rules = (CountRule(Grade(each.grade), RiskClass(each.risk), each.least, each.note) for each in part.rules)
    return CountRules(tuple(rules), origin(part))


def grade_cuts(part: GradeCutsPart | OppositionPart) -> GradeCuts:
    return GradeCuts(_cut(part.high), _cut(part.middle), origin(part))


def events(part: EventsPart) -> NamedTable:
    return NamedTable(tuple(map(_named, part.kinds)), origin(part))


def indicators(part: OppositionPart) -> NamedTable:
    return NamedTable(tuple(map(_named, part.indicators)), origin(part))


def decision(part: DecisionPart) -> Decision:
    outcomes = {Grade.HIGH: part.high, Grade.MIDDLE: part.middle, Grade.LOW: part.low}
    return Decision({grade: _outcome(each) for grade, each in outcomes.items()}, origin(part))


def doubts(part: DoubtsPart) -> DoubtCuts:
    return DoubtCuts(_number(part.many), _number(part.identical), _number(part.coverage))


def ahp(part: AhpPart) -> AhpTable:
    return AhpTable(tuple(part.random_index), part.most_inconsistent, part.largest_ratio, origin(part))


def checklist(part: MethodsPart) -> Checklist:
    return Checklist(
        tuple(map(_category, part.categories)),
        Origin(part.checklist_source, part.checklist_unverified),
        Origin(part.weights_source, part.weights_unverified),
    )


def hundred(part: HundredPart, cuts: GradeCutsPart) -> HundredTable:
    return HundredTable(
        items=tuple(map(_hundred_item, part.items)),
        intensities={each.code: each.weight for each in part.intensities},
        cuts=grade_cuts(cuts),
        notes=tuple(part.notes),
        origin=origin(part),
    )


def _cut(part: CutPart) -> Cut:
    return Cut(part.above, False) if part.above is not None else Cut(part.from_ or 0, True)


def _named(part: NamedPart) -> Named:
    return Named(part.code, part.name, Grade(part.grade))


def _outcome(part: OutcomePart) -> Outcome:
    return Outcome(Advice(part.advice), part.text)


def _number(part: NumberPart) -> Number:
    return Number(part.value, origin(part))


def _category(part: CategoryPart) -> Category:
    own = Criterion(part.criterion)
    items = (Item(each.id, each.name, Criterion(each.criterion) if each.criterion else own) for each in part.items)
    return Category(part.id, part.name, part.weight, own, tuple(items))


def _hundred_item(part: HundredItemPart) -> HundredItem:
    criterion = Criterion(part.criterion)
    return HundredItem(part.id, criterion, part.name, part.most, dict(part.options), part.opinion)
