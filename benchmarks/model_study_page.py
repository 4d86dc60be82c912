"""The page of the study on simulated districts never seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

RIVALS = ("logistic_regression", "boosted_trees", "history_only", "base_rate")
MODELS = ("learner", "shipped", "of_200")
WITHIN = 0.03  # of the log loss of the learner taught by 200 other districts


def page(told: dict[str, Any]) -> str:
    """Markdown; what was measured and what follows from it, nothing else."""
    seeds = told["seeds"]
    return "\n".join([*_opening(told), *_answers(seeds), *_table(seeds), *_truth(seeds)]) + "\n"


def _opening(told: dict[str, Any]) -> Iterator[str]:
    seeds, others = told["seeds"], told["others"]
    yield "# Study: simulated districts never seen\n"
    yield "**The data are synthetic (合成数据，非真实).** Written by `make study`. Log loss in nats unless said.\n"
    yield (
        f"Each of {len(seeds)} seeds is a world of its own: three districts teach (280 days), two others are judged "
        "(200 days; the first 60 days of each give history and no rows). `learner` and the four rivals learn from the "
        f"same rows. `of_200` is the same learner taught by {others['districts']} other districts of "
        f"{others['days']} days ({others['rows']} rows); `shipped` is the model in `models/`, "
        "taught by ten districts of seed 7. Rivals: "
        "scikit-learn's logistic regression and histogram boosting with their defaults, the history of the place, the "
        "base rate.\n"
    )


def _answers(seeds: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| asked | learner | shipped |\n|---|---|---|"
    gaps = [f"{_gap(seeds, name):+.2%}" for name in ("learner", "shipped")]
    yield f"| mean log loss against `of_200` (asked: at most +{WITHIN:.0%}) | {gaps[0]} | {gaps[1]} |"
    inside = [sum(_ratio(seed, name) <= WITHIN for seed in seeds) for name in ("learner", "shipped")]
    yield f"| seeds in which it lies within {WITHIN:.0%} | {inside[0]} of {len(seeds)} | {inside[1]} of {len(seeds)} |"
    for rival in RIVALS:
        won = [sum(seed["losses"][name] < seed["losses"][rival] for seed in seeds) for name in ("learner", "shipped")]
        yield f"| seeds better than {rival} (asked: 19) | {won[0]} of {len(seeds)} | {won[1]} of {len(seeds)} |"
    yield "\n`shipped` learned from more rows than these rivals; its card has rivals of its own rows.\n"


def _table(seeds: Sequence[dict[str, Any]]) -> Iterator[str]:
    names = (*MODELS, *RIVALS)
    yield "| seed | rows taught | judged | came | " + " | ".join(names) + " |"
    yield "|---|---|---|---|" + "---|" * len(names)
    for seed in seeds:
        cells = " | ".join(f"{seed['losses'][name]:.4f}" for name in names)
        yield f"| {seed['seed']} | {seed['taught']} | {seed['judged']} | {seed['came']:.3f} | {cells} |"
    means = " | ".join(f"{_mean([seed['losses'][name] for seed in seeds]):.4f}" for name in names)
    yield f"| mean | | | | {means} |\n"


def _truth(seeds: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "Beside the true probability, on a sample of 150 rows of each seed (`distance`: mean |said - true|):\n"
    yield "| | learner | shipped | of_200 | true probability |\n|---|---|---|---|---|"
    losses = [_mean([seed["sample"][name] for seed in seeds]) for name in (*MODELS, "true")]
    yield "| log loss | " + " | ".join(f"{loss:.4f}" for loss in losses) + " |"
    distances = [_mean([seed["distance"][name] for seed in seeds]) for name in MODELS]
    yield "| distance | " + " | ".join(f"{distance:.4f}" for distance in distances) + " | 0 |"
    yield (
        "\nThe true probability sees the grievance itself, which no report tells; what lies between it and `of_200` "
        "cannot be learned from these features, what lies between `of_200` and `learner` is the want of rows."
    )


def _gap(seeds: Sequence[dict[str, Any]], name: str) -> float:
    mean, best = (_mean([seed["losses"][each] for seed in seeds]) for each in (name, "of_200"))
    return mean / best - 1


def _ratio(seed: dict[str, Any], name: str) -> float:
    return float(seed["losses"][name] / seed["losses"]["of_200"] - 1)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
