"""A trial of the learner on two tables: what is asked, what is checked beforehand, and which rows go where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from service.scoring.evaluate import Marks, Numbers
from service.scoring.learning.events import Events, Rows, Settings
from service.scoring.learning.kinds import Kind, kind_of
from service.scoring.learning.moments import year_of
from service.scoring.learning.table import Table, TableRefused, labels_of, read_table, times_of

LARGEST_GAP = 0.1  # of TRAIN's span: a longer silence between TRAIN and TEST says nothing about a horizon


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked. `horizon` None: as long as the silence between TRAIN and TEST; `monotone` as +COLUMN, -COLUMN."""

    train: Path
    test: Path
    label: str
    time: str
    group: str | None = None
    drop: Sequence[str] = ()
    monotone: Sequence[str] = ()
    horizon: float | None = None
    rolling: bool = False
    seed: int = 0
    out: Path | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One table as events; `labels` None where TEST has no label column."""

    events: Events
    labels: Marks | None
    table: Table

    def take(self, rows: Rows) -> Part:
        """Only these rows."""
        kept = rows.tolist()
        columns = {name: [cells[row] for row in kept] for name, cells in self.events.columns.items()}
        groups = [self.events.groups[row] for row in kept] if self.events.groups is not None else None
        labels = self.labels[rows] if self.labels is not None else None
        return Part(Events(columns, self.events.times[rows], groups), labels, self.table)


@dataclass(frozen=True, slots=True)
class Trial:
    """Both parts, ready; `warnings` in Chinese."""

    order: Order
    train: Part
    test: Part
    settings: Settings
    warnings: list[str] = field(default_factory=list)


def prepared(order: Order) -> Trial:
    """Read and check. TableRefused, with the place in the file and what to do, at the first thing that is wrong."""
    train, test = read_table(order.train), read_table(order.test)
    for option, named in (("--group", [order.group] if order.group else []), ("--drop", order.drop)):
        for column in named:
            _require(train, column, option)
    kept = [name for name in train.columns if name not in {order.label, order.time, *order.drop}]
    warnings = _compared(order, train, test, kept)
    parts = [_part(order, table, kept) for table in (train, test)]
    monotone = _monotone(order, parts[0])
    _require_both_labels(order, parts[0])
    first, times = float(parts[1].events.times.min()), parts[0].events.times
    late = int((times >= first).sum())
    if late:
        warnings.append(f"TRAIN 有 {late} 行不早于 TEST 的第一行：两者不是按时间先后切开的，这些行未参与训练。")
    horizon = _gap(times, first) if order.horizon is None else order.horizon
    return Trial(order, parts[0], parts[1], Settings(monotone, horizon, order.seed), warnings)


def known_before(part: Part, moment: float, horizon: float) -> Rows:
    """Rows that happened before, and whose labels were settled."""
    return np.flatnonzero((part.events.times < moment) & (part.events.times + horizon <= moment))


def joined(one: Part, other: Part) -> Part:
    """Both parts' rows, one after the other; both have labels."""
    columns = {name: [*cells, *other.events.columns[name]] for name, cells in one.events.columns.items()}
    groups = [*one.events.groups, *other.events.groups] if one.events.groups and other.events.groups else None
    times = np.concatenate([one.events.times, other.events.times])
    labels = np.concatenate([labels for labels in (one.labels, other.labels) if labels is not None])
    return Part(Events(columns, times, groups), labels, one.table)


def years_of(part: Part) -> list[tuple[int, Rows]]:
    """Each calendar year of the rows, and its rows."""
    years = year_of(part.events.times)
    return [(int(year), np.flatnonzero(years == year)) for year in np.unique(years)]


def _part(order: Order, table: Table, kept: Sequence[str]) -> Part:
    labels = labels_of(table, order.label) if order.label in table.columns else None
    groups = [cell.strip() for cell in table.columns[order.group]] if order.group else None
    columns = {name: table.columns[name] for name in kept}
    return Part(Events(columns, times_of(table, order.time), groups), labels, table)


def _compared(order: Order, train: Table, test: Table, kept: Sequence[str]) -> list[str]:
    """Warnings about columns that differ; refused when TEST lacks one that TRAIN teaches from."""
    _require(train, order.label, "--label")
    for table in (train, test):
        _require(table, order.time, "--time")
    lacking = [name for name in kept if name not in test.columns]
    if lacking:
        what = "、".join(lacking)
        wish = " ".join(f"--drop {name}" for name in lacking)
        raise TableRefused(f"{test.name}:1:1 TEST 缺少 TRAIN 中的列：{what}；请补上，或用 {wish} 不用这些列。")
    if order.label not in test.columns and (order.out is None or order.rolling):
        advice = "请补上标签列" if order.rolling else "请补上标签列，或用 --out 只写出预测"
        raise TableRefused(f"{test.name}:1:1 TEST 没有标签列“{order.label}”，无从评估；{advice}。")
    extra = [name for name in test.columns if name not in train.columns]
    return [f"TEST 多出的列没有使用：{'、'.join(extra)}。"] if extra else []


def _require(table: Table, column: str, option: str) -> None:
    if column not in table.columns:
        has = "、".join(table.columns)
        raise TableRefused(f"{table.name}:1:1 没有 {option} 指定的列“{column}”；现有列：{has}。")


def _require_both_labels(order: Order, part: Part) -> None:
    labels = part.labels if part.labels is not None else np.zeros(0, dtype=bool)
    if labels.all() or not labels.any():
        place = f"{part.table.name}:1:{list(part.table.columns).index(order.label) + 1}"
        alike = "全部为真" if labels.all() else "全部为假"
        raise TableRefused(f"{place} TRAIN 的标签{alike}，无从学习；请核对 --label 或补充另一类的事件。")


def _monotone(order: Order, part: Part) -> dict[str, int]:
    signs: dict[str, int] = {}
    for said in order.monotone:
        sign, column = {"+": 1, "-": -1}.get(said[:1]), said[1:]
        if sign is None:
            raise TableRefused(f"--monotone {said}：须以 + 或 - 开头，例如 --monotone +人数,-距离。")
        _require(part.table, column, "--monotone")
        if column not in part.events.columns or column == order.group:
            raise TableRefused(f"--monotone {said}：标签、时间、分组和已去掉的列不能限定方向。")
        kind = kind_of(part.events.columns[column]).kind
        if kind not in (Kind.NUMBER, Kind.IGNORED):
            place = f"{part.table.name}:1:{list(part.table.columns).index(column) + 1}"
            raise TableRefused(f"{place} 列“{column}”不是数值（{kind}），不能用 --monotone 限定方向。")
        signs[column] = sign
    return signs


def _gap(times: Numbers, first: float) -> float:
    """The silence between TRAIN and TEST, in days: a label that looks ahead was purged by so much."""
    before = times[times < first]
    silence = first - float(before.max()) if len(before) else 0.0
    return silence if silence <= LARGEST_GAP * float(np.ptp(times)) else 0.0
