"""A district's own line: it starts from a prior and moves towards its outcomes as they arrive. Never imported to serve.

Weights have a normal prior around the stated line (or around a trained one): the constant, all weights stretched
together, and each weight for itself may differ, as sure as the prior says it is. How much surer or less sure it should
be, and around which line, is chosen forward in time on the district's own outcomes, against what is stated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.scoring.definitions import FEATURES
from service.scoring.drawn import Drawn, fit_drawn, probability
from service.scoring.evaluate import Marks, Numbers, log_loss
from service.scoring.features import NAMES, Row
from service.scoring.prior import PriorLine, Sureness
from service.scoring.prior_share import PriorShare, columns
from service.scoring.replay import Example

LOOSER = (0.25, 1.0, 4.0, 16.0)  # times the stated variances
DOUBT = 1.0  # nats: what another line must bring, or variances four times as large or small as stated
BLOCKS = 5  # parts of the outcomes in order of time; all but the first are foretold from those before
FEWEST_TO_CHOOSE = 20  # matters; with fewer, the stated variances and the first line hold
SIGNS = [*(feature.sign for feature in FEATURES), *([0] * len(FEATURES)), 0]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """n settled rows of one district: `rows` as `features` makes them, `escalated` [n], `matters` [n] names, `opened`
    [n] days on any scale, when each row's matter opened."""

    rows: Sequence[Row]
    escalated: Marks
    matters: Sequence[str]
    opened: Numbers

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def evidence(self) -> float:
        """What a row counts, so that the rows of a matter count as one together."""
        return len(set(self.matters)) / len(self.rows) if self.rows else 1.0


@dataclass(frozen=True, slots=True)
class Way:
    """One way to draw: towards which line, with the stated variances times `looser`."""

    around: str
    looser: float

    def doubt(self, stated: Way) -> float:
        """Nats, a matter counting as one row, by which this way must foretell better than the stated one."""
        return DOUBT * ((log(self.looser / stated.looser) / log(4.0)) ** 2 + (self.around != stated.around))


@dataclass(frozen=True, slots=True)
class DistrictLine:
    """What is served and shown: the line, how to tell its share of prior, and how it came about.

    `losses` are those of every way (nats a row, foretold forward in time; none below FEWEST_TO_CHOOSE), `matters` how
    many outcomes it rests on.
    """

    line: PriorLine
    share: PriorShare
    chosen: Way
    losses: Mapping[Way, float]
    matters: int

    def plain(self) -> dict[str, Any]:
        """For JSON: `intercept` and `weights` as an artefact holds them, `share` for `share_from`, and how it came."""
        came = {"around": self.chosen.around, "looser": self.chosen.looser, "matters": self.matters}
        return {**self.line.plain(), "share": self.share.plain(), **came}


def outcomes_of(examples: Sequence[Example]) -> Outcomes:
    """Those of a district's examples of which it is settled what came of them."""
    settled = [(example, came) for example in examples if (came := example.outcome()) is not None]
    return Outcomes(
        rows=[example.row for example, _ in settled],
        escalated=np.array([came for _, came in settled], dtype=bool),
        matters=[example.matter for example, _ in settled],
        opened=np.array([_days(example.opened_at) for example, _ in settled], dtype=float),
    )


def fit_district(outcomes: Outcomes, around: Mapping[str, PriorLine], sure: Sureness) -> DistrictLine:
    """The line of a district. `around` are the lines it may be drawn towards, the preferred one first; all must share
    usual values and steps (`line_of` sees to that). Without outcomes the answer is the first of them.
    """
    table, matters = table_of(outcomes.rows, next(iter(around.values()))), len(set(outcomes.matters))
    ways = [Way(name, looser) for name in around for looser in LOOSER]
    enough = matters >= FEWEST_TO_CHOOSE
    losses = {way: _loss(table, outcomes, around[way.around], _looser(sure, way)) for way in ways} if enough else {}
    stated = Way(ways[0].around, 1.0)
    chosen = min(losses, key=lambda way: losses[way] * matters + way.doubt(stated), default=stated)
    sought = _sought(table, outcomes, around[chosen.around], _looser(sure, chosen))
    at = fit_drawn(sought)
    return DistrictLine(
        _line(at, around[chosen.around]), _share(sought, at, around[chosen.around]), chosen, losses, matters
    )


def out_of_fold(outcomes: Outcomes, line: PriorLine, sure: Sureness, way: Way) -> Numbers:
    """[n] log-odds of each outcome from all matters of the other parts of time: what combining is learned from.

    Not from those before alone: such lines are weaker than the one that is served, and combining would learn to
    distrust it. `line` is the one `way` names.
    """
    table, part = table_of(outcomes.rows, line), parts(outcomes)
    sought = _sought(table, outcomes, line, _looser(sure, way))
    told = np.zeros(len(outcomes))
    for block in range(BLOCKS):
        told[part == block] = table[part == block] @ fit_drawn(_only(sought, part != block))
    return told


def log_odds(rows: Sequence[Row], line: PriorLine) -> Numbers:
    """[n] of rows."""
    return np.array([line.log_odds(row) for row in rows], dtype=float)


def table_of(rows: Sequence[Row], line: PriorLine) -> Numbers:
    """[n, 2 · features + 1]: what the weights are multiplied with, as `prior_share.columns` says."""
    usual, steps = line.usual, line.steps
    told = np.array([columns(row, usual, steps) for row in rows], dtype=float)
    return told.reshape(len(rows), len(SIGNS))


def parts(outcomes: Outcomes) -> NDArray[np.intp]:
    """[n] 0 … BLOCKS - 1: which part of time each row's matter opened in, as many matters in each."""
    _, first, belongs = np.unique(np.array(outcomes.matters), return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(outcomes.opened[first], kind="stable"), kind="stable")
    told: NDArray[np.intp] = rank[belongs] * BLOCKS // len(first)
    return told


def _loss(table: Numbers, outcomes: Outcomes, line: PriorLine, sure: Sureness) -> float:
    """Log loss a row of all parts but the first, each foretold from those before it.

    The days a label looks ahead are not kept clear between the parts, or fifty outcomes could choose nothing; what is
    chosen is one number of a few, and no figure that is told is measured this way.
    """
    later = parts(outcomes) > 0
    told = _foretold(table, outcomes, line, sure)
    return log_loss(outcomes.escalated[later], probability(told[later]))


def _foretold(table: Numbers, outcomes: Outcomes, line: PriorLine, sure: Sureness) -> Numbers:
    part = parts(outcomes)
    told: Numbers = table @ _centre(line)
    for block in range(1, BLOCKS):
        sought = _sought(table, outcomes, line, sure)
        told[part == block] = table[part == block] @ fit_drawn(_only(sought, part < block))
    return told


def _only(sought: Drawn, rows: Marks) -> Drawn:
    return replace(sought, table=sought.table[rows], labels=sought.labels[rows])


def _sought(table: Numbers, outcomes: Outcomes, line: PriorLine, sure: Sureness) -> Drawn:
    centre = _centre(line)
    return Drawn(table, outcomes.escalated, outcomes.evidence, centre, _precision(centre, sure), SIGNS)


def _centre(line: PriorLine) -> Numbers:
    slopes = [line.slopes[name] for name in NAMES]
    steps, missing = [slope.per_unit * slope.step for slope in slopes], [slope.when_missing for slope in slopes]
    return np.array([*steps, *missing, line.constant], dtype=float)


def _precision(centre: Numbers, sure: Sureness) -> Numbers:
    """[p, p] inverse of the prior's covariance: each weight for itself, the constant, and all weights together."""
    weights = np.append(centre[:-1], 0.0)
    each = np.append(np.full(len(centre) - 1, sure.feature**2), sure.constant**2)
    covariance: Numbers = np.diag(each) + sure.stretch**2 * np.outer(weights, weights)
    return np.linalg.inv(covariance).astype(float)


def _looser(sure: Sureness, way: Way) -> Sureness:
    by = way.looser**0.5
    return Sureness(by * sure.constant, by * sure.stretch, by * sure.feature)


def _line(at: Numbers, like: PriorLine) -> PriorLine:
    many = len(NAMES)
    slopes = {
        name: replace(
            like.slopes[name], per_unit=float(at[place]) / like.slopes[name].step, when_missing=float(missing)
        )
        for place, (name, missing) in enumerate(zip(NAMES, at[many:-1], strict=True))
    }
    return PriorLine(float(at[-1]), slopes)


def _share(sought: Drawn, at: Numbers, line: PriorLine) -> PriorShare:
    """Directions in which prior and outcomes are independent of each other: both matrices made diagonal at once."""
    whole = np.linalg.cholesky(sought.precision + sought.information(at))
    inverse = np.linalg.inv(whole)
    shares, turned = np.linalg.eigh(inverse @ sought.precision @ inverse.T)
    directions = inverse.T @ turned
    return PriorShare(np.clip(shares, 0.0, 1.0).tolist(), directions.tolist(), line.usual, line.steps)


def _days(at: datetime) -> float:
    return at.timestamp() / 86400.0
