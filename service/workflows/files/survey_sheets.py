"""One answer sheet of a questionnaire: read, looked through for anything personal, and let go again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path

from service.text.redaction import redact
from service.workflows.files.survey_columns import Asks, Column, place_of
from service.workflows.files.table_rows import Broken, Cell, Row, at, text_of

LONGEST_ANSWER = 30  # characters of an answer to a closed question; what is longer was written by hand
_APART = re.compile(r"[；;、，,/|\n]+")
_AT_SIGN = re.compile(r"[\w.+-]+@[\w-]+\.\w")
_NO_ANSWER = frozenset(("", "无", "没有", "暂无", "-", "—", "/"))


class Attitude(StrEnum):
    """What a sheet says of the project."""

    IN_FAVOUR = "in_favour"
    CONDITIONAL = "conditional"
    AGAINST = "against"
    NONE = "unanswered"

    @property
    def zh(self) -> str:
        return _ZH[self]


_ZH = {
    Attitude.IN_FAVOUR: "支持", Attitude.CONDITIONAL: "有条件支持", Attitude.AGAINST: "反对", Attitude.NONE: "未表态",
}  # fmt: skip
_WORDS: dict[str, Attitude] = {
    **dict.fromkeys(("支持", "赞成", "同意", "赞同", "完全支持", "非常支持", "完全同意"), Attitude.IN_FAVOUR),
    **dict.fromkeys(
        ("有条件支持", "有条件赞成", "有条件同意", "基本支持", "基本同意", "基本赞成"), Attitude.CONDITIONAL
    ),
    **dict.fromkeys(
        ("反对", "不支持", "不赞成", "不同意", "不赞同", "强烈反对", "坚决反对", "不太支持"), Attitude.AGAINST
    ),
    **dict.fromkeys(
        ("", "未表态", "不表态", "无所谓", "弃权", "不清楚", "未填", "中立", "无意见", "未作答"), Attitude.NONE
    ),
}
_AWARE = {
    **dict.fromkeys(("知晓", "知道", "了解", "是", "听说过", "基本了解", "非常了解", "知情"), True),
    **dict.fromkeys(("不知晓", "不知道", "不了解", "否", "没听说过", "未听说", "不知情"), False),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one sheet says, for as long as it is being counted. `answers`: all of it but serial number and day."""

    attitude: Attitude
    aware: bool | None
    concerns: frozenset[str]
    closed: tuple[str, ...]  # in the order of the columns that ask something else
    day: date | None

    @property
    def answers(self) -> tuple[object, ...]:
        return (self.attitude, self.aware, tuple(sorted(self.concerns)), self.closed)


class SheetReader:
    """Reads rows by columns; what is wrong is told by place and never repeats what stood there."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._path, self._columns = path, columns
        self._of = {asks: [column for column in columns if column.asks is asks] for asks in Asks}

    def faults(self, row: Row) -> list[str]:
        """Everything that keeps a row from being counted."""
        if row.fault is not None:
            return [at(self._path, row.line, 1, row.fault.reason)]
        return [*self._faults(row)]

    def read(self, row: Row) -> Sheet:
        """The sheet of a row without faults."""
        aware = self._of[Asks.AWARE]
        concerns = [self._text(row, column) for column in self._of[Asks.CONCERN]]
        days = [_day(row.cells[column.place]) for column in self._of[Asks.DAY]]
        return Sheet(
            self.attitude(row),
            _AWARE.get(self._text(row, aware[0])) if aware else None,
            frozenset(part for text in concerns for part in _parts(text)),
            tuple(self._text(row, column) for column in self._of[Asks.OTHER]),
            next((day for day in days if day), None),
        )

    def attitude(self, row: Row) -> Attitude:
        return _WORDS[self._text(row, self._of[Asks.ATTITUDE][0])]

    def count(self, row: Row) -> int:
        """The number in an aggregated table."""
        return int(self._text(row, self._of[Asks.COUNT][0]))

    def _text(self, row: Row, column: Column) -> str:
        return text_of(row.cells[column.place]).strip()

    def _faults(self, row: Row) -> Iterator[str]:
        for place, cell in enumerate(row.cells):
            if isinstance(cell, Broken):
                yield place_of(self._path, row.line, place, f"：{cell.reason}")
            elif _is_personal(text_of(cell)):
                yield place_of(self._path, row.line, place, "含有电话、证件、卡号或邮箱；请删除整列后再导入。")
        for column in self._columns:
            cell = row.cells[column.place]
            wrong = None if isinstance(cell, Broken) else _wrong(column, cell)
            if wrong:
                yield place_of(self._path, row.line, column.place, wrong)


def _wrong(column: Column, cell: Cell) -> str | None:
    text = text_of(cell).strip()
    if column.asks is Asks.ATTITUDE and text not in _WORDS:
        return "的态度无法识别；请写：支持、有条件支持、反对、未表态。"
    if column.asks is Asks.COUNT and not re.fullmatch(r"\d{1,7}", text):
        return "应为 0 至 9999999 的整数。"
    if column.asks is Asks.OTHER and len(text) > LONGEST_ANSWER:
        return f"的回答超过 {LONGEST_ANSWER} 个字，像是手写的内容；请删除整列，或把列名改为“主要关切”。"
    if column.asks is Asks.DAY and text and _day(cell) is None:
        return "应为日期，例如 2026-11-22。"
    return None


def _is_personal(text: str) -> bool:
    return bool(redact(text).counts or _AT_SIGN.search(text))


def _parts(text: str) -> Iterator[str]:
    for part in _APART.split(text):
        if part.strip() not in _NO_ANSWER:
            yield part.strip()


def _day(cell: Cell) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if not isinstance(cell, str) or isinstance(cell, time):
        return None
    found = re.match(r"(\d{4})[-/年.](\d{1,2})[-/月.](\d{1,2})", cell)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
