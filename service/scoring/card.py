"""The model card in words, made from its numbers: what it learned from, how good it is, where it fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from service.scoring.definitions import FEATURES, GROUPS
from service.scoring.own_card import is_own, own_card_text
from service.scoring.scorer import Part

BAR = 48  # characters of the longest bar
MEASURE_NAMES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier",
    "log_loss": "log loss",
    "ece": "ECE",
    "recall_top_5pct": "recall in the top 5 %",
}

_OPENING = """# Model card: escalation-{version}

**The data are synthetic (合成数据，非真实).** The model has learned from a simulator written by this project
(`service/scoring/simulation/`), whose numbers are assumptions and not measurements. Its probabilities say how well a
line recovers that simulator. They say nothing yet about any real district. Every score carries `synthetic: true`.

It answers: how likely is it that an open matter (事项) known to touch at least five people escalates within
{horizon_days} days of the moment it is looked at, as far as it is known at that moment? Escalating is disruption
(gathering, road or site blocked, work stopped), harm (injury, violence, self-harm threatened, property) or, while
unanswered, growth past a number of people. The definition is data: `service/scoring/labels.yaml`, version
{label_version}. Petitioning, here or at a higher level, is no part of it.

- artefact: `{file}`, SHA-256 `{sha256}`
- feature schema: `{feature_schema_hash}`
- learner: {way} (decision 0021), chosen by forward-chaining from bent line, trees, their blend, history and base rate:
  the simplest within one standard error of the best that can be served (base rate, history, line). Numbers are bent at
  their quantiles, what is missing has its own value, weights keep their sign in the fit itself. Log loss,
  forward-chained: {losses}. Calibration: slope {slope}, offset {offset}; the newest slice's is taken only as far as
  that of earlier slices has held for the slice after it.
"""

_LIMITS = """
## What it must not be used for

- not for persons: its unit is the matter; nothing in it describes, ranks or finds a petitioner or a grid worker
- not to judge departments, grid workers or areas, nor for any quota or appraisal
- not as a ground for any measure against people: it orders what is to be answered, paid, heard or mediated first
- not for matters that are not known to touch five people; the service leaves these without a score
- not as a statutory warning (预警); the attention levels are internal
- not in a real district before it has been calibrated and judged on that district's own outcomes

Going to a higher level or to a petition office is a right: the source of a report is no feature, neither is the signal
`sensitive_place`; speech (`media_present`, `spreading_online`) and a person's distress (`self_harm_threatened`) are
left out as well.

## What is easier here than in service

- reports are linked to their matters without error
- every escalation is reported, with its signal stated and heads counted; other reports may be lost
- matters are looked at on half days, where the process knows the true probability of the label
- the text reader is simulated by a rate of finding and of inventing, not run
- departments' clocks run from the first report; in service they run from a warning
"""


def words_of(card: dict[str, Any], model: dict[str, Any]) -> str:
    """The card as Markdown; one that another learner wrote, with other entries, is given entry by entry."""
    try:
        return own_card_text(card) if is_own(card) else card_text(card, model)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return "\n".join([f"# Model card: {card.get('version')}", "", *_entries(card, 0)]) + "\n"


def _entries(said: dict[str, Any], depth: int) -> Iterator[str]:
    for name, value in said.items():
        if isinstance(value, dict):
            yield f"{'  ' * depth}- {name}:"
            yield from _entries(value, depth + 1)
        else:
            yield f"{'  ' * depth}- {name}: {value}"


def card_text(card: dict[str, Any], model: dict[str, Any]) -> str:
    """The card as Markdown."""
    sections = [
        _OPENING.format(**card, **_learner(card), label_version=card["trained_on"]["label"]["version"]),
        *_data(card),
        *_metrics(card),
        *_horizons(card),
        *_calibration(card),
        *_failures(card),
        _LIMITS,
        *_weights(model),
    ]
    return "\n".join(sections) + "\n"


def summary_text(card: dict[str, Any], folder: Path) -> str:
    """A few lines in Chinese for the command line."""
    trained, later = card["trained_on"], card["metrics"]["later"]["model"]
    best = card["metrics"]["best_reachable"]["true_probability"]
    return (
        f"模型 {card['version']} 已写入 {folder}\n"
        f"训练数据：合成（模拟 {trained['districts']} 个区县，{trained['from']} 至 {trained['until']}，"
        f"报告 {trained['reports']} 件，事项 {trained['matters']} 件，其中升级 {trained['escalated']} 件）\n"
        f"时间外推检验：AUC {_said(later['auc'])}，AP {_said(later['average_precision'])}，"
        f"Brier {_said(later['brier'])}，ECE {_said(later['ece'])}\n"
        f"已知真实概率所能达到的 AUC（抽样）：{_said(best['auc'])}"
    )


def _data(card: dict[str, Any]) -> Iterator[str]:
    trained = card["trained_on"]
    yield "\n## What it has learned from\n"
    yield (
        f"{trained['districts']} simulated districts, {trained['from']} to {trained['until']}, seed {trained['seed']}: "
        f"{trained['reports']} reports, {trained['matters']} matters, {trained['escalated']} escalated. The process "
        "(hidden grievance that grows unanswered, projects and the steps they left out, self-exciting reports, "
        "departments of differing diligence, noise of reporting, known hazard) and the reason of every number: "
        "`service/scoring/simulation/parameters.py`."
    )
    yield "\n| part | snapshots | of these escalating |\n|---|---|---|"
    for part, count in trained["examples"].items():
        yield f"| {part} | {count} | {trained['positives'][part]} |"
    yield (
        "\n`later`: the trained districts, later matters. `unseen`: districts never trained on. Between the parts lies "
        f"one horizon. {trained['censored']} snapshots were dropped because it is not yet known what came of them, "
        f"{trained['left_out']} lie in the warm-up or in a gap."
    )


def _metrics(card: dict[str, Any]) -> Iterator[str]:
    metrics, best = card["metrics"], card["metrics"]["best_reachable"]
    yield "\n## How good it is\n"
    yield "With 90 % bootstrap intervals over matters.\n"
    yield "| test | predictor | " + " | ".join(MEASURE_NAMES.values()) + " |"
    yield "|---|---|" + "---|" * len(MEASURE_NAMES)
    rows = [(part, name, metrics[part][name]) for part in ("later", "unseen") for name in metrics[part]]
    rows += [("sample of later", name, best[name]) for name in ("model", "true_probability")]
    for part, name, measured in rows:
        cells = " | ".join(_said(measured[measure]) for measure in MEASURE_NAMES)
        yield f"| {part} | {name} | {cells} |"
    yield (
        f"\n`true_probability` continues the hidden process from {best['examples']} snapshots many times: the best "
        "that could be reached by one who sees the grievance itself. Between lie noise and what nobody reports."
    )


def _horizons(card: dict[str, Any]) -> Iterator[str]:
    yield "\n### By horizon\n"
    yield (
        f"The same learner for each horizon of the label; that of {card['horizon_days']} days is the one that ships. "
        "`of the share`: log loss of whoever says the test's own share for everyone.\n"
    )
    yield "| test | days | came | AUC | log loss | of the share |\n|---|---|---|---|---|---|"
    for part, rows in card["metrics"]["horizons"].items():
        for days, row in rows.items():
            yield f"| {part} | {days} | {row['came']} | {row['auc']} | {row['log_loss']} | {row['of_share']} |"


def _calibration(card: dict[str, Any]) -> Iterator[str]:
    """A plot in text: a bar for what was said (░) beside one for what came (█)."""
    rows = card["metrics"]["calibration"]
    longest = max(max(row["said"], row["came"]) for row in rows)
    yield "\n## Calibration\n"
    yield "Both tests together, ten groups of equally many snapshots by what was said.\n\n```"
    for row in rows:
        for mark, key in (("░", "said"), ("█", "came")):
            yield f"{key} {row[key]:.3f} {mark * round(BAR * row[key] / longest)}"
    yield "```\n"
    for part, told in card["metrics"]["interval"].items():
        yield (
            f"- {part}: the interval (split-conformal, of fifty like snapshots, stated {told['coverage']:.0%}) held "
            f"for {told['held']} of such groups, mean width {told['mean_width']}; {told['outside']} of the snapshots "
            "lay outside what was seen in training, and the score says so"
        )


def _learner(card: dict[str, Any]) -> dict[str, str]:
    chosen = card["chosen"]
    losses = ", ".join(f"{way} {loss:.5f}" for way, loss in chosen["losses"].items())
    calibration = chosen["calibration"]
    way = {"line": "bent line"}.get(chosen["way"], chosen["way"])
    return {"way": way, "losses": losses, "slope": calibration["slope"], "offset": calibration["offset"]}


def _failures(card: dict[str, Any]) -> Iterator[str]:
    slices = card["metrics"]["slices"]
    yield "\n## Where it fails\n"
    yield "Both tests together. `said` is the mean probability, `came` the share that escalated.\n"
    yield "| slice | snapshots | escalating | AUC | said | came |\n|---|---|---|---|---|---|"
    ranked = sorted(slices.items(), key=lambda item: (item[1]["auc"] is None, item[1]["auc"] or 0.0))
    for name, row in ranked:
        known = "too few" if row["auc"] is None else f"{row['auc']:.2f}"
        yield f"| {name} | {row['examples']} | {row['positives']} | {known} | {row['said']} | {row['came']} |"
    worst = [name for name, row in ranked if row["auc"] is not None][:3]
    yield f'\nWeakest: {"; ".join(worst)}. Where it says "too few" nothing is known.'


def _weights(model: dict[str, Any]) -> Iterator[str]:
    yield "## The bent line\n"
    yield (
        "Log-odds against the usual value, calibration included: at the lowest and the highest value seen, and when "
        "missing. Where a feature has a sign the part never moves against it; a level one says nothing here.\n"
    )
    yield "| feature | group | sign | meaning | unit | lowest | highest | when missing | usual |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for feature in FEATURES:
        part = model["parts"][feature.name]
        usual = "missing" if part["reference"] is None else f"{part['reference']:.2f}"
        at_usual = part["when_missing"] if part["reference"] is None else _at(part, part["reference"])
        cells = [_at(part, end) - at_usual for end in part["within"]] + [part["when_missing"] - at_usual]
        yield (
            f"| {feature.name} | {GROUPS[feature.group].title} | {' +-'[feature.sign]} | {feature.meaning} "
            f"| {feature.unit} | {cells[0]:+.3f} | {cells[1]:+.3f} | {cells[2]:+.3f} | {usual} |"
        )


def _at(part: dict[str, Any], value: float) -> float:
    return Part(tuple(part["at"]), tuple(part["log_odds"]), 0.0, None).of(value)


def _said(measured: dict[str, float | None]) -> str:
    if measured["value"] is None:
        return "–"
    ends = [f"{measured[end]:.3f}" if measured[end] is not None else "–" for end in ("low", "high")]
    return f"{measured['value']:.3f} ({ends[0]}–{ends[1]})"
