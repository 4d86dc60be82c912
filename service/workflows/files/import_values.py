"""What cells of other systems' exports mean: times, numbers, areas, words. Anything unclear is broken, never guessed.

A reason never repeats what a cell says: it may hold personal data, and a wrong mapping may put any column anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from service.domain.catalogue import Catalogue
from service.domain.incidents import IncidentReport
from service.domain.words import Handling, ReportStage, Source
from service.workflows.files.area_names import AreaNames
from service.workflows.files.table_rows import Broken, Cell, text_of

PLACE_FIELDS = ("lat", "lon", "accuracy_m")  # WGS 84 degrees, metres; together they are `location`
FIELDS = (*(name for name in IncidentReport.model_fields if name != "location"), *PLACE_FIELDS)
REQUIRED = tuple(name for name, field in IncidentReport.model_fields.items() if field.is_required())
LONGEST_WORD = 64
MOST_REMEMBERED = 20_000  # answers kept for each field
LONGEST_REMEMBERED = 200
EXACT_NUMBER = 10**15  # workbooks keep 15 digits of a number, and put zeros for the rest

WORDS: dict[str, dict[str, str]] = {
    "source": {
        "网格": Source.GRID,
        "热线": Source.HOTLINE,
        "来信": Source.LETTER,
        "来访": Source.VISIT,
        "网上": Source.ONLINE,
        "上级交办": Source.SUPERIOR,
        "领导信箱": Source.LEADER_MAILBOX,
        "110联动": Source.POLICE_LINKAGE,
        "下访": Source.FIELD_VISIT,
        "其他": Source.OTHER,
    },
    "report_stage": {"初报": ReportStage.INITIAL, "续报": ReportStage.FOLLOW_UP, "终报": ReportStage.FINAL},
    "handling": {"当场办结": Handling.SETTLED_ON_SPOT, "上报": Handling.FORWARDED},
}
_ID = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_BETWEEN = re.compile(r"[;；、，,]")
_COUNT = re.compile(r"(\d{1,3}(?:[,，]\d{3})+|\d+)(?:\.0+)?\s*人?")
_DAY = r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?"
_CLOCK = r"(\d{1,2})\s*[:：时]\s*(\d{1,2})(?:\s*[:：分]\s*(\d{1,2})(?:\.(\d{1,9}))?\s*秒?|\s*分)?"
_INSTANT = re.compile(rf"{_DAY}(?:(?:\s*[Tt]\s*|\s+|(?<=日)){_CLOCK}\s*(Z|[+\-]\d{{2}}:?\d{{2}})?)?")
_BAD_INSTANT = Broken(
    "bad_time", "时间应写作 2019-02-28 11:25:05、2019/2/28 11:25 或 2019年2月28日；Excel 里请设为日期格式。"
)
Reader = Callable[[Cell], Any]


class Values:
    """Reads the cell of a field: the value for an IncidentReport, or Broken. Times without offset are in `zone`."""

    def __init__(self, catalogue: Catalogue, areas: AreaNames, zone: ZoneInfo) -> None:
        self._catalogue, self._areas = catalogue, areas
        self._readers: dict[str, Reader] = dict.fromkeys(FIELDS, text_of)
        self._readers |= {"id": client_id, "area": lambda cell: areas.code_of(text_of(cell))}
        self._readers |= dict.fromkeys(("people_affected", "people_present"), head_count)
        self._readers |= dict.fromkeys(("occurred_at", "captured_at"), lambda cell: instant(cell, zone))
        self._readers |= dict.fromkeys(PLACE_FIELDS, number)
        self._readers |= {"category": _remembering(self._category), "signals": _remembering(self._signals)}
        self._readers |= {field: _word_reader(field, words) for field, words in WORDS.items()}

    def reader(self, field: str) -> Reader:
        """What reads the cells of this field; a broken cell stays as it is."""
        read = self._readers[field]
        return lambda cell: cell if isinstance(cell, Broken) else read(cell)

    def _category(self, text: str) -> str | Broken:
        if text in self._catalogue.categories:
            return text
        like = self._catalogue.category_like(text) if len(text) <= LONGEST_WORD else None
        if like and self._catalogue.category_name(like) == text:
            return like
        near = f"，最接近的是 {like} {self._catalogue.category_name(like)}" if like else ""
        return Broken(
            "unknown_category",
            f"不是目录中的事项类别{near}；可在映射文件 values.category 中写明对应，或不映射此列由系统按文字归类。",
        )

    def _signals(self, text: str) -> list[str] | Broken:
        codes = [self._signal(part.strip()) for part in _BETWEEN.split(text) if part.strip()]
        broken = next((code for code in codes if isinstance(code, Broken)), None)
        return broken or list(dict.fromkeys(code for code in codes if isinstance(code, str)))

    def _signal(self, text: str) -> str | Broken:
        known = self._catalogue.signals
        if text in known:
            return text
        like = self._catalogue.signal_like(text) if len(text) <= LONGEST_WORD else None
        if like and known[like].name == text:
            return like
        near = f"，最接近的是 {like} {known[like].name}" if like else ""
        return Broken("unknown_signal", f"不是目录中的信号{near}；多个信号用分号或顿号隔开。")


def client_id(cell: Cell) -> str | Broken:
    """The other system's own number of a report."""
    if isinstance(cell, int | float) and abs(cell) >= EXACT_NUMBER:
        return Broken("bad_id", "编号在 Excel 里存成了数字，15 位以后已经丢失；请把该列设为文本格式重新导出。")
    text = text_of(cell)
    if _ID.fullmatch(text):
        return text
    if len(text) > 64:
        return Broken("bad_id", f"编号最多 64 个字符，这里有 {len(text)} 个。")
    place = next(place for place, sign in enumerate(text, start=1) if not _ID.fullmatch(sign))
    return Broken("bad_id", f"编号只能由英文字母、数字和 _ . - 组成，如 WX-2019_0001；第 {place} 个字符不合。")


def head_count(cell: Cell) -> int | Broken:
    """35, 35人, 1,200 人. Words such as 数十人 are no number and are not made one."""
    read = _COUNT.fullmatch(text_of(cell))
    if read is None:
        return Broken("bad_number", "人数应为整数，如 35 或 35人；写“数十人”之类的请留空。")
    return int(read[1].replace(",", "").replace("，", ""))


def number(cell: Cell) -> float | Broken:
    """Degrees or metres."""
    try:
        return float(text_of(cell))
    except ValueError:
        return Broken("bad_number", "应为数字。")


def instant(cell: Cell, zone: ZoneInfo) -> datetime | Broken:
    """A moment; one without offset is the local time of `zone`, a day without a time its first moment."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=zone) if cell.tzinfo is None else cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day, tzinfo=zone)
    read = _INSTANT.fullmatch(cell) if isinstance(cell, str) else None
    if read is None:
        return _BAD_INSTANT
    year, month, day, hour, minute, second = (int(part or 0) for part in read.groups()[:6])
    fraction, offset = read.groups()[6:]
    micros = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, micros, _offset(offset) or zone)
    except ValueError:
        return _BAD_INSTANT


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return timezone.utc  # noqa: UP017
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _word_reader(field: str, words: dict[str, str]) -> Reader:
    known = {**{str(code): code for code in words.values()}, **words}
    listed = "、".join(f"{name}({code})" for name, code in words.items())
    unknown = Broken(f"unknown_{field}", f"只能是 {listed}；别的写法请在映射文件 values.{field} 中写明对应。")
    return lambda cell: known.get(text_of(cell).replace(" ", ""), unknown)


def _remembering(read: Callable[[str], Any]) -> Reader:
    """Words repeat from row to row, and finding the nearest known one is slow."""
    answers: dict[str, Any] = {}

    def reader(cell: Cell) -> Any:
        text = text_of(cell)
        if len(text) > LONGEST_REMEMBERED:
            return read(text)
        if text not in answers:
            if len(answers) >= MOST_REMEMBERED:
                answers.clear()
            answers[text] = read(text)
        return answers[text]

    return reader
