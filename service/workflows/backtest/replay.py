"""weiyu replay: a history is played through the service in a database of its own, then judged, then written down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from service.domain.problems import Problem
from service.scoring.backtest.known import Span
from service.scoring.backtest.result import judged, without_outcomes
from service.scoring.label_definition import LabelDefinition, load_definition
from service.workflows.backtest.gathered import Gathered, gather
from service.workflows.backtest.history import History, Window
from service.workflows.backtest.page import page_of
from service.workflows.backtest.play import Play, Progress, play
from service.workflows.parts import Doors, Engines

FORMAT = "weiyu-replay-1"
JSON_FILE, PAGE_FILE = "replay.json", "replay.html"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was played, and what the service said and what came of it."""

    history: History
    window: Window
    play: Play
    gathered: Gathered


async def replayed(doors: Doors, engines: Engines, asked: tuple[History, Window], progress: Progress) -> Replayed:
    """Play a history into the empty database behind `doors`."""
    history, window = asked
    made = await play(doors, engines, history, progress)
    departments = {row["id"]: row["name"] for row in history.furniture.departments}
    async with doors.engine.connect() as connection:
        gathered = await gather(connection, engines, made, departments)
    if not made.reports:
        raise Problem(422, "nothing_taken", f"报告全部未被接收：{_counted(made.refused)}。")
    return Replayed(history, window, made, gathered)


def result_of(run: Replayed, engines: Engines) -> Json:
    """Everything the backtest says; docs/replay.md describes it."""
    definition = load_definition()
    horizon = engines.scorer.horizon_days if engines.scorer else definition.horizons[-1]
    span = Span(run.window.start, run.window.end, run.history.end, engines.zone, horizon)
    matters, received = run.gathered.matters, run.gathered.received
    measures = (
        judged(matters, received, span, definition)
        if run.history.outcomes
        else without_outcomes(matters, received, span)
    )
    return {
        "format": FORMAT,
        "outcomes": run.history.outcomes,
        "synthetic": run.history.synthetic,
        "about": _about(run, engines, span, definition),
        **measures,
    }


def write(result: Json, engines: Engines, folder: Path) -> list[Path]:
    """Write the JSON and the page into a folder, which is made; gives both. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / JSON_FILE, folder / PAGE_FILE]
    files[0].write_text(json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False) + "\n", "utf-8")
    files[1].write_text(page_of(result, engines.catalogue), "utf-8")
    return files


def _about(run: Replayed, engines: Engines, span: Span, definition: LabelDefinition) -> Json:
    rulebook, history = engines.rulebooks.current, run.history
    return {
        "source": history.source,
        "played_from": _local(history.start, engines),
        "from": _local(span.start, engines),
        "to": _local(span.end, engines),
        "known_until": _local(history.end, engines),
        "reports": run.play.reports,
        "matters": len(run.gathered.matters),
        "reminders": run.gathered.reminders,
        "refused": dict(run.play.refused),
        "untaken": dict(run.play.untaken),
        "rulebook": f"{rulebook.name} {rulebook.version}",
        "thresholds": engines.thresholds.version,
        "model": run.gathered.model_version,
        "why_no_model": engines.why_no_scorer,
        "model_synthetic": engines.scorer.synthetic if engines.scorer else None,
        "label": f"{definition.name} {definition.version}",
        "horizon_days": span.horizon_days,
        "notes": [*history.notes, *_not_played(run.play)],
    }


def _not_played(made: Play) -> list[str]:
    said = []
    if made.refused:
        said.append(f"{made.refused.total()} 件报告未被接收：{_counted(made.refused)}。")
    if made.untaken:
        said.append(f"{made.untaken.total()} 次签收、答复或办结未被接受（归并与当时不同）：{_counted(made.untaken)}。")
    return said


def _counted(counts: dict[str, int]) -> str:
    return "、".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _local(at: datetime, engines: Engines) -> str:
    return at.astimezone(engines.zone).isoformat(timespec="minutes")
