"""`make learning-curve`: a district that starts from the prior, over its first outcomes → docs/learning-curve.md.

Twelve simulated districts that nothing was ever fitted on or tried on. An outcome is a matter with a settled row. What
was learned from the first 50, 200 and 1,000 is measured on the matters that opened after the thousandth was known.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.learning_curve_page import page
from service.domain.catalogue import load_catalogue
from service.domain.judging import Answer
from service.domain.levels import Level, highest
from service.domain.matters import MatterSnapshot
from service.rules.engine import evaluate
from service.rules.facts import facts_of, matter_vocabulary
from service.rules.rulebook import Rulebook, load_rulebook
from service.scoring.district import (
    BLOCKS,
    DistrictLine,
    Outcomes,
    fit_district,
    log_odds,
    out_of_fold,
    outcomes_of,
    parts,
    table_of,
)
from service.scoring.drawn import Drawn, fit_drawn, probability
from service.scoring.evaluate import MEASURES, Marks, Numbers, auc, log_loss
from service.scoring.pooling import load_pooling
from service.scoring.prior import Prior, PriorLine, Slope, load_prior
from service.scoring.replay import HORIZON_DAYS, examples
from service.scoring.simulate import simulate
from service.scoring.simulation.parameters import numbered
from service.scoring.stacking import Scored, learned_both, learned_rules, pooled
from service.scoring.train import LAST_DAY

SIZES = (50, 200, 1000)
DISTRICTS = range(200, 212)
ELSEWHERE = range(300, 306)  # six others, whose outcomes make the line that is the rival prior
SEED, DAYS = 2611, 640
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # of data only: C of its ridge on standardised columns
CONSTANT_RIDGE = (
    0.1  # of data only: about half a matter of either kind, or a district without escalations has none ever
)
RULEBOOK = Path("service/rules/rulebooks/incident.yaml")
PAGE = Path("docs/learning-curve.md")


@dataclass(frozen=True, slots=True)
class Lived:
    """A district's settled rows: `known` [n] days by which each was settled, `by_rules` [n] the rules' levels."""

    outcomes: Outcomes
    known: Numbers
    by_rules: Sequence[Level | None]

    def part(self, rows: Marks) -> Lived:
        places = np.flatnonzero(rows)
        these = self.outcomes
        outcomes = Outcomes(
            [these.rows[place] for place in places],
            these.escalated[places],
            [these.matters[place] for place in places],
            these.opened[places],
        )
        return Lived(outcomes, self.known[places], [self.by_rules[place] for place in places])

    def day_of(self, count: int) -> float:
        """When the `count`-th matter had its first settled row."""
        first: dict[str, float] = {}
        for matter, known in zip(self.outcomes.matters, self.known, strict=True):
            first[matter] = min(first.get(matter, np.inf), float(known))
        return sorted(first.values())[count - 1]

    def first(self, count: int) -> Lived:
        return self.part(self.known <= self.day_of(count))

    def test(self) -> Lived:
        return self.part(self.outcomes.opened > self.day_of(SIZES[-1]))


def main() -> int:
    began, prior = time.process_time(), load_prior()
    with threadpool_limits(1):
        elsewhere = _elsewhere(prior)
        told = [judged(_lived(number), prior, elsewhere) for number in DISTRICTS]
    about = {
        "day": datetime.now(UTC).date().isoformat(),
        "districts": len(told),
        "cpu": round(time.process_time() - began),
        "prior": prior.version,
        "matters": load_pooling().enough_matters,
        "escalated": load_pooling().enough_escalated,
    }
    PAGE.write_text(page(told, about), "utf-8")
    print(f"{PAGE}: {about['cpu']} s of CPU")
    return 0


def _lived(number: int) -> Lived:
    district = simulate(numbered(number), SEED, LAST_DAY - timedelta(days=DAYS), DAYS)
    settled = [each for each in examples(district) if each.outcome() is not None]
    late = HORIZON_DAYS + district.parameters.label.settling_days
    known = np.array([each.at.timestamp() / 86400 + late for each in settled])
    book = load_rulebook(RULEBOOK, matter_vocabulary(load_catalogue()))
    print(f"district {number}: {len(settled)} rows", flush=True)
    return Lived(outcomes_of(settled), known, [_level(book, each.snapshot) for each in settled])


def _level(book: Rulebook, snapshot: MatterSnapshot) -> Level | None:
    findings = evaluate(book, facts_of(snapshot), snapshot.area, snapshot.at.date())
    return highest(*(each.level_floor for each in findings if each.answer is Answer.HIT))


def _elsewhere(prior: Prior) -> PriorLine:
    """A line learned from the first thousand outcomes of each of six other districts, drawn towards the stated one."""
    lived = [_lived(number).first(SIZES[-1]).outcomes for number in ELSEWHERE]
    whole = Outcomes(
        [row for each in lived for row in each.rows],
        np.concatenate([each.escalated for each in lived]),
        [f"{place} {matter}" for place, each in enumerate(lived) for matter in each.matters],
        np.concatenate([each.opened for each in lived]),
    )
    return fit_district(whole, {"stated": prior.line}, prior.sure).line


def judged(lived: Lived, prior: Prior, elsewhere: PriorLine) -> dict[str, Any]:
    """Per number of outcomes: (log loss, AUC) of every way on the district's later matters, shares, and the pooling."""
    test = lived.test()
    judge = _Judge(test.outcomes)
    told: dict[str, Any] = {"rows": len(test.outcomes), "rate": float(test.outcomes.escalated.mean()), "sizes": {}}
    for size in SIZES:
        known = lived.first(size)
        own = fit_district(known.outcomes, {"stated": prior.line}, prior.sure)
        either = fit_district(known.outcomes, {"stated": prior.line, "elsewhere": elsewhere}, prior.sure)
        first = fit_district(known.outcomes, {"elsewhere": elsewhere, "stated": prior.line}, prior.sure)
        ways = {
            "prior": prior.line,
            "ours": own.line,
            "elsewhere": elsewhere,
            "either": either.line,
            "first": first.line,
        }
        figures = {name: judge.line(line) for name, line in ways.items()}
        by_strength = data_only(known.outcomes, test.outcomes, prior.line)
        figures["data"] = judge.odds(by_strength[forward(known.outcomes, prior.line)])
        hindsight = {strength: judge.odds(odds) for strength, odds in by_strength.items()}
        told["sizes"][size] = {
            "curve": figures,
            "hindsight": hindsight,
            "wrong": _wrong(known.outcomes, judge, prior),
            "share": [own.share.of(row) for row in test.outcomes.rows[::20]],
            "escalated": len({m for m, y in zip(known.outcomes.matters, known.outcomes.escalated, strict=True) if y}),
            "looser": own.chosen.looser,
            "around": either.chosen.around,
            "pooled": _pooling(known, test, own, prior),
        }
    return told


@dataclass(frozen=True, slots=True)
class _Judge:
    """Measures on the test rows of one district."""

    outcomes: Outcomes

    def odds(self, odds: Numbers) -> tuple[float, float]:
        """Log loss in nats, AUC."""
        truth = self.outcomes.escalated
        return log_loss(truth, probability(odds)), auc(truth, odds)

    def line(self, line: PriorLine) -> tuple[float, float]:
        return self.odds(log_odds(self.outcomes.rows, line))


def data_only(known: Outcomes, test: Outcomes, line: PriorLine) -> dict[float, Numbers]:
    """[n] log-odds by a ridge towards nothing, per strength: no prior at all (`line` only tells the columns)."""
    table, later = table_of(known.rows, line), table_of(test.rows, line)
    return {strength: later @ _ridged(table, known.escalated, strength) for strength in STRENGTHS}


def forward(known: Outcomes, line: PriorLine) -> float:
    """The strength of data only that foretells best forward in time."""
    table, part = table_of(known.rows, line), parts(known)

    def loss(strength: float) -> float:
        told = [(_ridged(table[part < k], known.escalated[part < k], strength), part == k) for k in range(1, BLOCKS)]
        return sum(log_loss(known.escalated[at], probability(table[at] @ w)) * int(at.sum()) for w, at in told)

    return min(STRENGTHS, key=loss)


def _ridged(table: Numbers, labels: Marks, strength: float) -> Numbers:
    spread = np.maximum(table.std(axis=0), 0.1)
    ridge = np.append(spread[:-1] ** 2 / strength, CONSTANT_RIDGE)
    return fit_drawn(Drawn(table, labels, 1.0, np.zeros(len(ridge)), np.diag(ridge), [0] * len(ridge)))


def _wrong(known: Outcomes, judge: _Judge, prior: Prior) -> dict[str, tuple[tuple[float, float], tuple[float, float]]]:
    """Priors that are wrong on purpose: what they say alone, and what the outcomes make of them."""
    told = {}
    for name, line in wrong_priors(prior.line).items():
        own = fit_district(known, {"stated": line}, prior.sure)
        told[name] = (judge.line(line), judge.line(own.line))
    return told


def wrong_priors(line: PriorLine) -> Mapping[str, PriorLine]:
    """A base rate of thrice the odds, all points two and a half times as many, and points dealt out at random."""
    dice, names = Random(SEED), list(line.slopes)
    pointed = [name for name in names if line.slopes[name].per_unit]
    sizes = [abs(line.slopes[name].per_unit * line.slopes[name].step) for name in pointed]
    dice.shuffle(sizes)
    dealt = {
        name: replace(s, per_unit=np.sign(s.per_unit) * size / s.step)
        for (name, s), size in zip(((name, line.slopes[name]) for name in pointed), sizes, strict=True)
    }
    many: Callable[[Slope], Slope] = lambda s: replace(s, per_unit=2.5 * s.per_unit)  # noqa: E731
    return {
        "rate": replace(line, constant=line.constant + float(np.log(3))),
        "points": replace(line, slopes={name: many(s) for name, s in line.slopes.items()}),
        "dealt": replace(line, slopes={**line.slopes, **dealt}),
    }


def _pooling(known: Lived, test: Lived, own: DistrictLine, prior: Prior) -> dict[str, Any]:
    """Rules alone, model alone, both: stated, and learned where outcomes suffice, on the district's later matters."""
    stated, these = load_pooling(), known.outcomes
    out = out_of_fold(these, prior.line, prior.sure, own.chosen)
    before = Scored(out, known.by_rules, these.escalated, these.matters)
    odds = log_odds(test.outcomes.rows, own.line)
    after = Scored(odds, test.by_rules, test.outcomes.escalated, test.outcomes.matters)
    both, rules = learned_both(before, stated), learned_rules(before, stated)
    ways = {"rules": pooled(after, rules), "model": probability(odds), "both": pooled(after, both)}
    ways["fixed"] = pooled(after, stated.both)
    measured = {
        name: {measure: of(after.escalated, said) for measure, of in MEASURES.items()} for name, said in ways.items()
    }
    return {"learned": both.learned, "measures": measured, "weights": [both.constant, both.model, *both.steps.values()]}


if __name__ == "__main__":
    sys.exit(main())
