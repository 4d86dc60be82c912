"""Valid things by default; a test shows the one difference."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

from service.domain.assessing import LegalFinding, Severity
from service.domain.judging import Answer
from service.rules.method.given import Expected, FactorGiven, Given, Rating, Survey
from service.rules.method.loading import load_methods
from service.rules.method.plan import Lowering, MeasureOption
from service.rules.method.preset import MethodPreset

ON = date(2026, 11, 18)
METHODS = load_methods()
ELSEWHERE = "990101000000"


def preset(name: str = "GENERAL") -> MethodPreset:
    return METHODS.preset(ELSEWHERE, ON, name)


def factor(factor_id: str = "f1", p: Rating = "N", q: Rating = "N", **changes: Any) -> FactorGiven:
    return FactorGiven(factor_id, changes.pop("category", "society"), changes.pop("name", factor_id), p, q, **changes)


def given(*factors: FactorGiven, **changes: Any) -> Given:
    """Everything answered and 低, unless changed."""
    answered: dict[str, Any] = {
        "factors": factors or (factor(),),
        "survey": Survey(asked=100, answered=100, opposed=2),
        "expected": Expected(events=(), participants=0),
        "indicators": (),
    }
    return Given(**(answered | changes))


def legal(answer: Answer, severity: Severity = Severity.BLOCK, **changes: Any) -> LegalFinding:
    told = {
        "check_id": "D03",
        "name": "风险评估",
        "basis": ("条例第二十二条",),
        "unverified": False,
        "remedy": "补做评估",
    }
    return LegalFinding(answer=answer, severity=severity, **(told | changes))


def random_case(seed: int, factors: int, measures: int, several: int) -> tuple[Given, list[MeasureOption]]:
    """Random factors and measures; the first `several` measures lower two or three factors each."""
    dice = random.Random(seed)
    categories = [category.category_id for category in preset().checklist.categories]
    rows = [
        factor(
            f"f{n}", dice.choice("NLLMHS"), dice.choice(["N", "L", 0.44, "H", 0.95]), category=dice.choice(categories)
        )
        for n in range(factors)
    ]
    options = [_option(dice, n, factors, dice.choice((2, 3)) if n < several else 1) for n in range(measures)]
    return given(*rows), options


def _option(dice: random.Random, number: int, factors: int, touched: int) -> MeasureOption:
    places = dice.sample(range(factors), min(touched, factors))
    lowers = tuple(Lowering(f"f{place}", dice.choice((0, 1, 1, 2)), dice.choice((0, 1, 1, 2, 4))) for place in places)
    return MeasureOption(f"m{number}", f"措施{number}", dice.randint(0, 12), lowers)
