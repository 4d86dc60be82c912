"""The page of the learning curve from its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

DRAWS = 2000
Told = Sequence[dict[str, Any]]
HEAD = """# Learning curve: a district that starts from the prior

**All of it is simulated.** {districts} districts that nothing was fitted on; how real districts differ from what we
wrote down beforehand, nobody here knows. Made by `make learning-curve` on {day} with prior {prior}, {cpu} s of
processor time.

An outcome is a matter of which it is known whether it escalated within 30 days. The first 50, 200 and 1,000 of a
district are learned from, rows counted only once their window and the days for late reports are over. Everything is
measured on the same later rows of the district: of matters that opened after its thousandth outcome was known.

*Prior* is `service/scoring/prior.yaml` alone. *Data* is a ridge towards nothing, its strength chosen forward in time;
*in hindsight* with the one strength that turned out best on these very rows, which nobody could have chosen. *Ours* is
`service/scoring/district.py`. Means over districts, 90 % intervals by drawing districts.

How sure the prior is, and which numbers choose, was settled on twelve other simulated districts. How rules and model
combine was changed once after a first run of this page had been seen (learned combining was then worse than the model
alone), and settled on those other districts too. The prior was written down before any of these fits, by somebody who
had seen some weights of the shipped model.
"""
WRONG = {"rate": "thrice the odds", "points": "points 2.5 times as many", "dealt": "points dealt out at random"}
MEASURES = ("log_loss", "auc", "average_precision", "ece")
POOLED = {"rules": "rules alone", "model": "model alone", "both": "both", "fixed": "both, never learned"}
CURVE = """## Against prior only and data only

| outcomes (escalated) | measure | prior | data | data, in hindsight | ours |
|---|---|---|---|---|---|"""
AGAINST = """Log loss of ours minus that of each, district by district; below zero ours is better.

| outcomes | prior | data | data, in hindsight | ours better than prior and data in hindsight |
|---|---|---|---|---|"""
SHARES = """## How much of a score is prior

Quantiles over rows of all districts; without outcomes it is 100 % for every row.

| outcomes | 5 % | median | 95 % |
|---|---|---|---|"""
WRONG_HEAD = """## Priors that are wrong on purpose

Log loss of the prior alone, and of ours started from it.

| prior | alone | """
ELSEWHERE = """## A line learned in other districts as prior

From six other simulated districts, so it knows the simulator: an advantage no real district has. The district's own
outcomes choose between that line and the stated one; one of them holds until the other foretells better.
Both are held to be as sure as the stated prior says of itself, which is too unsure for a line of thousands of outcomes:
where such a line fits, few outcomes of its own make a district's scores worse than that line alone.

| outcomes | that line alone | ours, stated only | ours, chosen, stated first | ours, chosen, from elsewhere first |
|---|---|---|---|---|"""
POOLING = """## Rules alone, model alone, both

Both are pooled as stated until {matters} outcomes are there, {escalated} of them escalated; then as learned from scores
made without them. ECE over ten bins of equal size. In the simulator rules read nothing that the row does not hold, so
nothing can be gained over the model; what counts is that a wrong model is held up at first, and nothing lost later.

| outcomes (districts that learned) | | log loss | AUC | average precision | ECE |
|---|---|---|---|---|---|"""


def page(told: Told, about: dict[str, Any]) -> str:
    """`told`: per district what `judged` of learning_curve gives; `about` fills the headings."""
    parts = (_curve(told), _against(told), _shares(told), _wrong(told), _elsewhere(told), _pooling(told, about))
    return "\n".join([HEAD.format(**about), *("\n".join(part) + "\n" for part in parts)]).rstrip() + "\n"


def _curve(told: Told) -> Iterator[str]:
    yield CURVE
    for size in _sizes(told):
        first = f"{size:,} ({_values(told, size, 'escalated').mean():.0f})"
        for place, measure in enumerate(("log loss", "AUC")):
            prior, data, ours = (_values(told, size, "curve", way, place) for way in ("prior", "data", "ours"))
            yield _line(first if not place else "", measure, prior, data, _hindsight(told, size)[:, place], ours)


def _against(told: Told) -> Iterator[str]:
    yield AGAINST
    for size in _sizes(told):
        prior, data, ours = (_values(told, size, "curve", way, 0) for way in ("prior", "data", "ours"))
        hindsight = _hindsight(told, size)[:, 0]
        wins = int(((ours < prior) & (ours < hindsight)).sum())
        yield _line(f"{size:,}", ours - prior, ours - data, ours - hindsight, f"{wins} of {len(told)} districts")


def _shares(told: Told) -> Iterator[str]:
    yield SHARES
    for size in _sizes(told):
        shares = np.concatenate([district["sizes"][size]["share"] for district in told])
        yield _line(f"{size:,}", *(f"{share:.0%}" for share in np.quantile(shares, (0.05, 0.5, 0.95))))


def _wrong(told: Told) -> Iterator[str]:
    sizes = _sizes(told)
    yield WRONG_HEAD + " | ".join(f"ours at {size:,}" for size in sizes) + " |\n|---|---|" + "---|" * len(sizes)
    for name, title in WRONG.items():
        alone = _values(told, sizes[0], "wrong", name, 0, 0)
        yield _line(title, alone, *(_values(told, size, "wrong", name, 1, 0) for size in sizes))


def _elsewhere(told: Told) -> Iterator[str]:
    yield ELSEWHERE
    for size in _sizes(told):
        ways = ("elsewhere", "ours", "either", "first")
        yield _line(f"{size:,}", *(_values(told, size, "curve", way, 0) for way in ways))


def _pooling(told: Told, about: dict[str, Any]) -> Iterator[str]:
    yield POOLING.format(**about)
    for size in _sizes(told):
        learned = sum(district["sizes"][size]["pooled"]["learned"] for district in told)
        for way, title in POOLED.items():
            values = (_values(told, size, "pooled", "measures", way, measure) for measure in MEASURES)
            yield _line(f"{size:,} ({learned})" if way == "rules" else "", title, *values)


def _line(*cells: str | np.ndarray) -> str:
    return "| " + " | ".join(cell if isinstance(cell, str) else _interval(cell) for cell in cells) + " |"


def _sizes(told: Told) -> list[int]:
    return list(told[0]["sizes"])


def _values(told: Told, size: int, *path: Any) -> np.ndarray:
    """[districts] the figure at the end of the path."""
    found: list[Any] = [district["sizes"][size] for district in told]
    for step in path:
        found = [each[step] for each in found]
    return np.array(found, dtype=float)


def _hindsight(told: Told, size: int) -> np.ndarray:
    """[districts, 2] log loss and AUC at the one strength whose mean log loss on the tests themselves is least."""
    by_strength = [_values(told, size, "hindsight", strength) for strength in told[0]["sizes"][size]["hindsight"]]
    return min(by_strength, key=lambda figures: float(figures[:, 0].mean()))


def _interval(values: np.ndarray) -> str:
    """Mean and its 90 % interval over draws of districts."""
    drawn = np.random.default_rng(0).integers(0, len(values), (DRAWS, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (5, 95))
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"
