"""The page of evidence from its kept figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

RIVALS = ("base_rate", "history", "logistic_regression", "histogram_boosting", "lightgbm")
TOLERATED = 0.03  # ECE
HEAD = """# Evidence: the learner on real events it has never seen

Made by `make evidence` from public data beside the checkout (none of it is kept here); figures of {days}. One set of
defaults for every task: nothing was tuned per data set. Each line is `weiyu evaluate table TRAIN TEST`, with TRAIN
before the day, less the days the label looks ahead, and TEST all from the day on. The days were fixed beforehand.
Cells read AUC / log loss / ECE (10 equal-width bins); rivals are library defaults on the same columns.

The defaults were not settled blind: which columns are told, and how the ridge and the calibration are chosen, was
decided after earlier figures of about half of these lines had been seen (viol30, lethal, scad, cells). What was tried
after that was judged on splits that end before every TEST of this page, and changed nothing
([0021](decisions/0021-the-learner.md)). Only data that nobody here has can judge it strictly.

These are protests of 162 countries, conflicts in Latin America and reports of one German city. They test the learner;
they say nothing about how well escalation in a Chinese district can be told beforehand.
"""


DRIFT = """
Where the base rate of TEST differs from that of TRAIN, no calibration on the past can know it: ranking survives,
probabilities are off by about the jump, and the intervals, which assume that the future resembles the newest past, hold
less often than stated. Refitting each year narrows the gap, a year late. Where the rate hardly moved and the error is
above chance all the same, columns lost meaning: the loss chained forward inside TRAIN is lower than that of TEST."""


def page(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown; rows in the order to be shown."""
    once, yearly = [r for r in rows if not r["rolling"]], [r for r in rows if r["rolling"]]
    days = sorted({row["day"] for row in rows})
    parts = [HEAD.format(days=days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}")]
    parts += ["## Fitted once\n", *_table(once, RIVALS), ""]
    if yearly:
        parts += ["## Refitted each year (`--rolling yearly`)\n", *_table(yearly, RIVALS[:3]), ""]
    parts += ["## What was chosen, and the intervals\n", *_choices(rows), "", *_read(once)]
    return "\n".join(parts) + "\n"


def _table(rows: Sequence[dict[str, Any]], rivals: Sequence[str]) -> Iterator[str]:
    names = " | ".join(name.replace("_", " ") for name in rivals)
    yield (
        "| task | TEST from | TRAIN, TEST rows | rate in TRAIN, TEST | learner | AP | Brier "
        f"| ECE by chance (95 %) | {names} |"
    )
    yield "|---" * (8 + len(rivals)) + "|"
    for row in rows:
        best = row["models"]["learner"]
        sizes = f"{row['train']['rows']:,}, {row['test']['rows']:,}"
        rates = f"{row['train']['base_rate']:.3f}, {row['test']['base_rate']:.3f}"
        own = f"**{_three(best)}** | {best['average_precision']:.3f} | {best['brier']:.4f}"
        own += f" | {row['ece_by_chance_95']:.3f}"
        others = " | ".join(_three(row["models"][name]) for name in rivals)
        yield f"| {row['about']} | {row['split']} | {sizes} | {rates} | {own} | {others} |"


def _three(measured: dict[str, float]) -> str:
    return f"{measured['auc']:.3f} / {measured['log_loss']:.4f} / {measured['ece']:.3f}"


def _choices(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "Chosen by forward-chaining inside TRAIN alone. Of 50 like cases, the share that came lay within the interval"
    yield "in this share of cells (stated: 0.90; widths are means). CPU seconds include all rivals.\n"
    yield (
        "| task | TEST from | way | line's share | C | trees | half-life (spans) "
        "| chained log loss | log loss in TEST | interval held | width | outside | CPU s |"
    )
    yield "|---" * 13 + "|"
    for row in rows:
        chosen, interval = row["chosen"][-1], row["interval"]
        told = [row["task"], row["split"] + (" yearly" if row["rolling"] else ""), chosen["way"], chosen["share"]]
        told += [chosen["strength"], chosen["trees"], chosen["half_life"] or "none"]
        told += [
            f"{chosen['losses'][chosen['way']]:.4f}",
            f"{row['models']['learner']['log_loss']:.4f}",
            interval["held"],
        ]
        told += [interval["mean_width"], f"{row['outside']:.1%}", row["cpu"]]
        yield "| " + " | ".join(str(cell) for cell in told) + " |"


def _read(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Where it wins and where it fails, reckoned from the figures."""
    yield "## Read honestly\n"
    lost = [f"{row['task']} {row['split']} ({', '.join(who)})" for row in rows if (who := _better(row))]
    yield (
        f"Better than every rival on both AUC and log loss: {len(rows) - len(lost)} of {len(rows)} lines."
        + (f" Not better: {'; '.join(lost)}." if lost else "")
    )
    off = [row for row in rows if row["models"]["learner"]["ece"] > max(TOLERATED, row["ece_by_chance_95"])]
    named = "; ".join(f"{r['task']} {r['split']} {r['models']['learner']['ece']:.3f} ({_drift(r)})" for r in off)
    told = f": {named}" if off else ""
    yield f"\nECE above both {TOLERATED} and what chance allows: {len(off)} of {len(rows)} lines{told}."
    yield DRIFT


def _better(row: dict[str, Any]) -> list[str]:
    """Rivals that are at least as good on one of the two."""
    own = row["models"]["learner"]
    found = []
    for name in RIVALS:
        rival = row["models"][name]
        found += [f"{name} AUC"] if rival["auc"] >= own["auc"] else []
        found += [f"{name} log loss"] if rival["log_loss"] <= own["log_loss"] else []
    return found


def _drift(row: dict[str, Any]) -> str:
    return f"rate {row['train']['base_rate']:.3f} → {row['test']['base_rate']:.3f}"
