"""The card of a model that learned from the service's own outcomes, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from service.scoring.own_files import OWN

_REAL = """**It has learned from this service's own settled forecasts** (本地已知结果): for each matter and month
the row of features as it was kept with the first forecast, and what came of it by the label."""
_INVENTED = """**The data are synthetic (合成数据，非真实).** It has learned from the settled forecasts of a service
that was fed by a simulator: areas whose code begins with 99 exist nowhere. Its probabilities say nothing about any real
district."""
_OPENING = """# Model card: {version}

{data}

It answers: how likely is it that an open matter (事项) known to touch at least five people escalates within
{horizon_days} days? The definition is data: `service/scoring/labels.yaml`, version {label}. Petitioning, here or at a
higher level, is no part of it.

- artefact: `{file}`, SHA-256 `{sha256}`
- feature schema: `{feature_schema_hash}`
- learner: a line drawn away from the stated prior (`prior.yaml`, version {prior}) as far as outcomes say (decision
  0026), {looser:g} times the stated variances; median share of prior in the newest scores: {share}
- nobody promoted it: it is a challenger until somebody does

## What it has learned from

{matters} matters with {forecasts} settled forecasts of {since} to {until}, {escalated} of them escalated. Left out:
{never_known} forecasts of which it will never be known what came (未知, kept apart from "no"), {other_schema} with
features of another version. All outcomes teach the model that is kept; what measures it is the same learner taught by
the older ones alone, those that were settled before the first of the newest matters opened.

| part | forecasts | of these escalating |
|---|---|---|"""
_LIMITS = """
## What it must not be used for

- not for persons: its unit is the matter; nothing in it describes, ranks or finds a petitioner or a grid worker
- not to judge departments, grid workers or areas, nor for any quota or appraisal
- not as a ground for any measure against people: it orders what is to be answered, paid, heard or mediated first
- not as a statutory warning (预警); the attention levels are internal

## Where it fails

- a warning that was answered may be why nothing came: what was prevented is learned as harmless
- outcomes are those of matters with a score; what nobody reported teaches nothing
- with some dozens of escalations its figures are wide: read the intervals, and its own record in shadow first
"""


def is_own(card: dict[str, Any]) -> bool:
    """Whether a card tells of a model made here."""
    trained = card.get("trained_on")
    return isinstance(trained, dict) and trained.get("data") == OWN


def own_card_text(card: dict[str, Any]) -> str:
    """The card as Markdown."""
    return "\n".join([_opening(card), *_parts(card), *_metrics(card), *_calibration(card), _LIMITS])


def _opening(card: dict[str, Any]) -> str:
    trained, chosen = card["trained_on"], card["chosen"]
    return _OPENING.format(
        **{name: card[name] for name in ("version", "horizon_days", "file", "sha256", "feature_schema_hash")},
        **{name: trained[name] for name in ("matters", "forecasts", "escalated", "never_known", "other_schema")},
        data=_INVENTED if card["synthetic"] else _REAL,
        label=trained["label"]["version"],
        since=trained["from"],
        until=trained["until"],
        prior=chosen["prior"],
        looser=chosen["looser"],
        share=_digits(chosen["share_of_prior"]),
    )


def _parts(card: dict[str, Any]) -> Iterator[str]:
    trained = card["trained_on"]
    for part, number in trained["examples"].items():
        yield f"| {part} | {number} | {trained['positives'][part]} |"


def _metrics(card: dict[str, Any]) -> Iterator[str]:
    yield "\n## How good it is\n\nOn the newest matters, with 90 % bootstrap intervals over matters.\n"
    for title, part in (("all of them", "newest"), ("where the model in use had spoken", "where_in_use_spoke")):
        rows = card["metrics"][part]
        if rows:
            names = list(next(iter(rows.values())))
            yield f"\n| {title} | {' | '.join(names)} |\n|---|{'---|' * len(names)}"
            yield from (f"| {who} | {' | '.join(_said(row[name]) for name in names)} |" for who, row in rows.items())


def _calibration(card: dict[str, Any]) -> Iterator[str]:
    yield "\n## Calibration\n\n| forecasts | said | came |\n|---|---|---|"
    for row in card["metrics"]["calibration"]:
        yield f"| {row['examples']} | {_digits(row['said'])} | {_digits(row['came'])} |"


def _said(measured: dict[str, float | None]) -> str:
    return f"{_digits(measured['value'])} ({_digits(measured['low'])}–{_digits(measured['high'])})"


def _digits(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
