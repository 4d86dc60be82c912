"""One whole assessment of 60 factors with 80 legal findings, and the cheapest of 25 measures with the frontier."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import date

from benchmarks.results import Row, middle
from service.domain.assessing import LegalFinding, Severity
from service.domain.judging import Answer
from service.rules.method.assessment import assess
from service.rules.method.cheapest import cheapest
from service.rules.method.given import Expected, FactorGiven, Given, MeasureGiven, Survey
from service.rules.method.loading import load_methods
from service.rules.method.plan import Lowering, MeasureOption
from service.rules.method.preset import MethodPreset

FACTORS, FINDINGS, MEASURES = 60, 80, 25
SEVERAL = 8  # of the measures lower two or three factors each
IN_PLAY = 12  # factors that measures lower
CASES = 15


def measure() -> list[Row]:
    """Every call meets another case; the slowest case of the search is told beside the median."""
    preset = load_methods().preset("990101000000", date(2026, 11, 18))
    whole = [_milliseconds(lambda case=case: assess(preset, case)) for case in _cases(preset, FACTORS)]
    searches = [_case_of_measures(preset, seed) for seed in range(CASES)]
    sought = [_milliseconds(lambda s=search: cheapest(preset, *s)) for search in searches]
    tangled = [_case_of_measures(preset, seed, several=MEASURES) for seed in range(3)]
    worst = [_milliseconds(lambda s=search: cheapest(preset, *s)) for search in tangled]
    return [
        Row(f"one assessment, {FACTORS} factors, {FINDINGS} rules' findings given", middle(whole), 5, "ms, at most"),
        Row(
            f"cheapest measures of {MEASURES}", middle(sought), 200, "ms, at most",
            {"slowest_ms": round(max(sought), 1), "every_measure_against_several_factors_ms": middle(worst)},
        ),
    ]  # fmt: skip


def _milliseconds(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return 1000 * (time.process_time() - began)


def _cases(preset: MethodPreset, factors: int) -> list[Given]:
    return [_given(preset, random.Random(seed), factors) for seed in range(CASES)]


def _given(preset: MethodPreset, dice: random.Random, factors: int) -> Given:
    """After-values of a third of the factors, with evidence for half of those."""
    categories = [category.category_id for category in preset.checklist.categories]
    rows = tuple(
        FactorGiven(
            f"f{n}", dice.choice(categories), f"因素{n}", dice.choice("NLMHS"), dice.choice("NLMHS"),
            p_after="N" if n % 3 == 0 else None,
        )
        for n in range(factors)
    )  # fmt: skip
    return Given(
        factors=rows,
        measures=tuple(MeasureGiven(f"m{n}", (f"f{n}",), n % 2 == 0) for n in range(0, factors, 3)),
        survey=Survey(asked=400, answered=380, opposed=12, identical=5),
        expected=Expected((), 10),
        legal=tuple(_finding(n) for n in range(FINDINGS)),
    )


def _finding(number: int) -> LegalFinding:
    answer = (Answer.CLEAR, Answer.CLEAR, Answer.HIT, Answer.NOT_EVALUATED)[number % 4]
    severity = (Severity.WARN, Severity.BLOCK, Severity.CLOCK)[number % 3]
    return LegalFinding(f"L{number:02}", "检查", answer, severity, ("条例第一条",), False, "补办", missing=("fact",))


def _case_of_measures(preset: MethodPreset, seed: int, several: int = SEVERAL) -> tuple[Given, list[MeasureOption]]:
    dice = random.Random(seed)
    options = []
    for number in range(MEASURES):
        places = dice.sample(range(IN_PLAY), dice.choice((2, 3)) if number < several else 1)
        lowers = tuple(Lowering(f"f{n}", dice.choice((0, 1, 2)), dice.choice((0, 1, 2))) for n in places)
        options.append(MeasureOption(f"m{number}", "措施", dice.randint(1, 500), lowers))
    return _given(preset, dice, IN_PLAY), options
