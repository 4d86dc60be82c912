"""Answer sheets become counts: attitudes, concerns, equal sheets, bands. Nothing of a single sheet is left.

Who said what must not be reckoned back from the counts: a concern is told when five sheets share it, a band when each
of its counts is five or more, and what a withheld band would show by subtraction is pooled away with a second one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from service.text.redaction import mask
from service.workflows.files.survey_columns import Asks, Column, place_of
from service.workflows.files.survey_sheets import Attitude, Sheet
from service.workflows.files.table_rows import FileRefused

FEWEST = 5  # sheets behind anything that is told; our own convention, as for matters that touch few people
MOST_CONCERNS, LONGEST_CONCERN = 20, 60
MOST_FAULTS = 50  # told of one file
MOST_VALUES = 20  # different answers to a closed question; with more it was filled in one by one
COMPARED_FROM = 3  # answers on a sheet from which equal sheets say something
POOLED = "其余"
# The hundred commonest surnames, two characters apart from the rest. Source: 公安部 2020 年姓名报告 as published.
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓韩冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾"
    "夏付方邹熊白孟秦邱侯江尹薛闫雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严欧莫孔向汤"
)
_PLACES = tuple("村组镇街路区园苑里巷屯乡县")


@dataclass(frozen=True, slots=True)
class Band:
    """The attitudes of those who gave one answer to a closed question."""

    question: str
    answer: str
    counts: Mapping[Attitude, int]


@dataclass(frozen=True, slots=True)
class Tally:
    """All that is left of a questionnaire. `identical`: the largest group of equal sheets, None when not compared."""

    sheets: int
    attitudes: Mapping[Attitude, int]
    identical: int | None = None
    aware: int | None = None
    unaware: int | None = None
    concerns: tuple[tuple[str, int], ...] = ()
    other_concerns: int = 0  # mentions of what fewer than five sheets said
    bands: tuple[Band, ...] = ()
    first_day: date | None = None
    last_day: date | None = None

    @property
    def answered(self) -> int:
        """Sheets that take a side; a blank one reaches nobody."""
        return self.sheets - self.attitudes[Attitude.NONE]


@dataclass(frozen=True, slots=True)
class SurveyFile:
    """A counted file: its SHA-256 says later which one it was; `per_sheet`: one row for each sheet, else sums."""

    sha256: str
    tally: Tally
    per_sheet: bool


class Counting:
    """Takes sheet after sheet; keeps counters."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._closed = [column for column in columns if column.asks is Asks.OTHER]
        self._compared = sum(c.asks in (Asks.ATTITUDE, Asks.AWARE, Asks.CONCERN, Asks.OTHER) for c in columns)
        self._asks_aware = any(column.asks is Asks.AWARE for column in columns)
        self._attitudes: Counter[Attitude] = Counter()
        self._equal: Counter[tuple[object, ...]] = Counter()
        self._aware: Counter[bool | None] = Counter()
        self._concerns: Counter[str] = Counter()
        self._bands: list[dict[str, Counter[Attitude]]] = [{} for _ in self._closed]
        self._days: list[date] = []

    def add(self, sheet: Sheet) -> None:
        self._attitudes[sheet.attitude] += 1
        self._aware[sheet.aware] += 1
        self._concerns.update(sheet.concerns)
        if sheet.attitude is not Attitude.NONE:
            self._equal[sheet.answers] += 1
        for answers, given in zip(self._bands, sheet.closed, strict=True):
            if len(answers) <= MOST_VALUES or given in answers:
                answers.setdefault(given, Counter())[sheet.attitude] += 1
        if sheet.day:
            self._days = [min([sheet.day, *self._days]), max([sheet.day, *self._days])]

    def faults(self, path: Path) -> list[str]:
        """Closed questions that turn out to be filled in one by one, or with names."""
        found = []
        for column, answers in zip(self._closed, self._bands, strict=True):
            if len(answers) > MOST_VALUES:
                text = f"有超过 {MOST_VALUES} 种不同的回答，像是逐人填写；请删除整列，或改为分段（如年龄段）。"
                found.append(place_of(path, 1, column.place, text))
            elif _are_names(answers):
                found.append(place_of(path, 1, column.place, "的内容像是姓名；请删除整列后再导入。"))
        return found

    def tally(self) -> Tally:
        told, pooled = _told_concerns(self._concerns)
        return Tally(
            sheets=self._attitudes.total(),
            attitudes={each: self._attitudes[each] for each in Attitude},
            identical=max(self._equal.values(), default=0) if self._compared >= COMPARED_FROM else None,
            aware=self._aware[True] if self._asks_aware else None,
            unaware=self._aware[False] if self._asks_aware else None,
            concerns=told,
            other_concerns=pooled,
            bands=tuple(
                band
                for column, answers in zip(self._closed, self._bands, strict=True)
                for band in bands_told(column.name, answers)
            ),
            first_day=min(self._days, default=None),
            last_day=max(self._days, default=None),
        )


def summed(path: Path, counts: Iterable[tuple[Attitude, int]]) -> Tally:
    """The tally of a table that was counted before: one row per attitude. Raises FileRefused for one given twice."""
    attitudes = dict.fromkeys(Attitude, 0)
    seen: set[Attitude] = set()
    for line, (attitude, count) in enumerate(counts, 2):
        if attitude in seen:
            raise FileRefused([place_of(path, line, 0, f"：“{attitude.zh}”一类出现两次；每种态度只写一行。")])
        seen.add(attitude)
        attitudes[attitude] = count
    return Tally(sum(attitudes.values()), attitudes)


def bands_told(question: str, answers: Mapping[str, Counter[Attitude]]) -> list[Band]:
    """The bands that may be told, the largest first, and the rest pooled where that leaves it large enough."""
    taken = [each for each in Attitude if any(counts[each] for counts in answers.values())]
    rows = sorted(((a or "未填", c) for a, c in answers.items()), key=lambda row: -row[1].total())
    shown = [row for row in rows if _is_large(row[1], taken)]
    rest: Counter[Attitude] = Counter()
    for row in rows:
        if row not in shown:
            rest += row[1]
    while rest and shown and not _is_large(rest, taken):
        rest += shown.pop()[1]
    pooled = [(POOLED, rest)] if shown and rest else []
    told = [*shown, *pooled] if len(shown) + len(pooled) > 1 else []
    return [Band(question, answer, {each: counts[each] for each in taken}) for answer, counts in told]


def _is_large(counts: Counter[Attitude], taken: Sequence[Attitude]) -> bool:
    return all(counts[each] >= FEWEST for each in taken)


def _told_concerns(concerns: Counter[str]) -> tuple[tuple[tuple[str, int], ...], int]:
    shared = [(text, n) for text, n in concerns.most_common() if n >= FEWEST and len(text) <= LONGEST_CONCERN]
    told = shared[:MOST_CONCERNS]
    return tuple((mask(text), n) for text, n in told), concerns.total() - sum(n for _, n in told)


def _are_names(answers: Mapping[str, object]) -> bool:
    given = [answer for answer in answers if answer]
    named = [answer for answer in given if 2 <= len(answer) <= 4 and answer[0] in _SURNAMES]
    return len(given) >= 3 and len([one for one in named if not one.endswith(_PLACES)]) > 0.6 * len(given)
