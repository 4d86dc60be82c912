"""Features, score and reasons of one matter, in groups of 64, of 100,000; beside predict_proba of the same line."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.learned import examples, fitted
from benchmarks.results import ROOT, Row, middle
from service.scoring.artefact import load_model

ROUNDS = 7
GROUP = 64
MANY = 100_000


def measure() -> list[Row]:
    """Rounds in turn; every call scores other matters than the one before."""
    known = examples()
    learned, scorer = fitted(known), load_model(ROOT / "models")
    snapshots = [example.snapshot for example in known]
    groups = [snapshots[start : start + GROUP] for start in range(0, len(snapshots) - GROUP + 1, GROUP)]
    ones = snapshots[:2000]
    took: dict[str, list[float]] = {name: [] for name in ("ours", "theirs", "ours in 64", "theirs in 64", "many")}
    many = [groups[place % len(groups)] for place in range(MANY // GROUP)]
    for _ in range(ROUNDS):
        took["ours"].append(_each([lambda s=s: scorer.score([s]) for s in ones]))
        took["theirs"].append(_each([lambda s=s: learned.probability(s) for s in ones[:100]]))
        took["ours in 64"].append(_each([lambda g=g: scorer.score(g) for g in groups]) / GROUP)
        took["theirs in 64"].append(_each([lambda g=g: learned.probabilities(g) for g in groups]) / GROUP)
        took["many"].append(_each([lambda: [one.probability for group in many for one in scorer.score(group)]]))
    micro = {name: middle([1e6 * one for one in seconds]) for name, seconds in took.items()}
    return [
        Row("one score with reasons", micro["ours"], 50, "µs, at most", {"predict_proba_us": micro["theirs"]}),
        Row(
            "one of 64 scores with reasons", micro["ours in 64"], 10, "µs, at most",
            {"predict_proba_us": micro["theirs in 64"]},
        ),
        Row("100,000 features and scores in groups", micro["many"] / 1e6, 2, "s, at most", {"group": GROUP}),
    ]  # fmt: skip


def _each(calls: list[Callable[[], object]]) -> float:
    """Seconds a call."""
    began = time.perf_counter()
    for call in calls:
        call()
    return (time.perf_counter() - began) / len(calls)
