"""How well each predictor tells moments apart, and whether what the model says is what comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from service.scoring.backtest.known import Moment, Subject
from service.scoring.backtest.measures import INTERVAL, SEED, Json, quantile, rounded
from service.scoring.backtest.predictors import PREDICTORS, Rank

BINS = 10
DRAWS = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """A moment of which it is settled whether its matter escalated within the horizon."""

    moment: Moment
    came: bool


def seen(subject: Subject) -> list[Seen]:
    """The settled moments of one matter, in order."""
    known = ((moment, subject.came(moment.at)) for moment in subject.moments)
    return [Seen(moment, came) for moment, came in known if came is not None]


def separation(groups: Sequence[Sequence[Seen]]) -> Json:
    """For each predictor the chance that a moment before an escalation ranks above another (AUC, ties half).

    Only moments that every predictor of them all speaks of are compared. `groups` holds the moments of each matter;
    the 90 % interval draws whole matters.
    """
    ranks = {name: one.rank for name, one in PREDICTORS.items() if _speaks(one.rank, groups)}
    compared = [
        [one for one in group if all(rank(one.moment) is not None for rank in ranks.values())] for group in groups
    ]
    full = [group for group in compared if group]
    return {
        "moments": sum(map(len, full)),
        "escalating": sum(one.came for group in full for one in group),
        "auc": {name: _auc_of(full, rank) for name, rank in ranks.items()},
    }


def calibration(groups: Sequence[Sequence[Seen]]) -> Json:
    """Ten bins of equal size by what the model said: mean said, share that came; Brier score and expected error."""
    scored = sorted(
        (one.moment.probability, one.came) for group in groups for one in group if one.moment.probability is not None
    )
    if not scored:
        return {"bins": [], "brier": None, "ece": None}
    ends = [round(len(scored) * n / BINS) for n in range(BINS + 1)]
    bins = [_bin(scored[low:high]) for low, high in pairwise(ends) if high > low]
    ece = sum(one["moments"] * abs(one["said"] - one["came"]) for one in bins) / len(scored)
    brier = sum((said - came) ** 2 for said, came in scored) / len(scored)
    return {"bins": bins, **rounded({"brier": brier, "ece": ece})}


def _speaks(rank: Callable[[Moment], Rank | None], groups: Sequence[Sequence[Seen]]) -> bool:
    return any(rank(one.moment) is not None for group in groups for one in group)


def _bin(scored: Sequence[tuple[float, bool]]) -> Json:
    said = sum(one[0] for one in scored) / len(scored)
    came = sum(one[1] for one in scored) / len(scored)
    return {"moments": len(scored), **rounded({"from": scored[0][0], "to": scored[-1][0], "said": said, "came": came})}


def _auc_of(groups: Sequence[Sequence[Seen]], rank: Callable[[Moment], Rank | None]) -> Json:
    ranked = [[(rank(one.moment) or (0.0, 0.0), one.came) for one in group] for group in groups]
    dice = Random(SEED)
    draws = (
        [auc([one for group in dice.choices(ranked, k=len(ranked)) for one in group]) for _ in range(DRAWS)]
        if ranked
        else []
    )
    known = sorted(draw for draw in draws if draw is not None)
    low, high = (quantile(known, q) if known else None for q in INTERVAL)
    return rounded({"value": auc([one for group in ranked for one in group]), "low": low, "high": high})


def auc(ranked: Sequence[tuple[Rank, bool]]) -> float | None:
    """None unless both kinds are there."""
    positives = sum(came for _, came in ranked)
    negatives = len(ranked) - positives
    if not positives or not negatives:
        return None
    order: dict[Rank, list[int]] = {}
    for rank, came in ranked:
        order.setdefault(rank, [0, 0])[came] += 1
    below, above = 0, 0.0
    for rank in sorted(order):
        no, yes = order[rank]
        above += yes * (below + no / 2)
        below += no
    return above / (positives * negatives)
