"""What the columns of a questionnaire table ask, and which of them must not be there at all."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from service.text.redaction import redact
from service.workflows.files.table_rows import FileRefused, at, letter

MOST_COLUMNS = 60


class Asks(StrEnum):
    """What a column holds. Of a serial number nothing is read, of a day only the first and the last."""

    ATTITUDE = "attitude"
    AWARE = "aware"
    CONCERN = "concern"
    SERIAL = "serial"
    DAY = "day"
    COUNT = "count"
    OTHER = "other"  # a closed question: an age band, a kind of housing, another answer


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `place` from 0. `name` is the head that was given, of known words or a closed question."""

    place: int
    name: str
    asks: Asks


# Parts of a column's head that tell of a person. Longer ones stand before those they contain.
_TELLING = re.compile(
    "姓名|名字|称呼|户主|联系人|联系方式|联系电话|手机|电话|微信|QQ|邮箱|身份证|证件|证号|护照|社保|医保|住址|地址|门牌|楼栋|房号|"
    "单元号|户号|账号|帐号|卡号|车牌|出生|生日|签名|签字|签章|手印|指纹|照片|填写人|填表人|受访人|被访人|调查员|工号|职务|"
    r"\bname\b|phone|mobile|\btel\b|e-?mail|address|id[ _-]?card|passport|signature|birth",
    re.IGNORECASE,
)
_ATTITUDES = frozenset(("意见", "总体意见", "是否支持", "是否同意", "是否赞成", "支持情况", "意向"))
_SERIALS = frozenset(("序号", "编号", "问卷编号", "答卷编号", "问卷序号", "答卷序号", "份号"))
_COUNTS = frozenset(("人数", "份数", "数量", "户数", "票数", "答卷数"))
_DAYS = re.compile("日期|时间")
_AWARE = re.compile("知晓|知情|是否了解|是否知道|是否听说")
_CONCERNS = re.compile("关切|担心|顾虑|诉求|意见|建议|关心")


def columns_of(path: Path, heads: Collection[str]) -> tuple[Column, ...]:
    """The columns by their heads, one of them the attitude. Raises FileRefused naming each that has to go, by place."""
    faults = [*_faults(path, heads)]
    if faults:
        raise FileRefused(faults)
    columns = [Column(place, head, _asks(head)) for place, head in enumerate(heads) if head]
    return tuple(_one_attitude(path, columns))


def place_of(path: Path, line: int, column: int, message: str) -> str:
    """A place in the file, its column also by the letter that a spreadsheet shows; `column` from 0."""
    return at(path, line, column + 1, f"{letter(column)} 列{message}")


def _faults(path: Path, heads: Collection[str]) -> Iterator[str]:
    if len(heads) > MOST_COLUMNS:
        yield at(path, 1, MOST_COLUMNS + 1, f"有 {len(heads)} 列，最多 {MOST_COLUMNS} 列；请只保留问卷的题目。")
        return
    for place, head in enumerate(heads):
        told = _TELLING.search(head)
        if redact(head).counts:
            yield place_of(path, 1, place, "的第一行含有号码；第一行应为列名，不是答卷。")
        if told:
            text = (
                f"的列名含“{told[0]}”，可能指向个人；请删除整列后再导入。本系统只计数，不接收姓名、号码、住址和签名。"
            )
            yield place_of(path, 1, place, text)


def _asks(head: str) -> Asks:
    plain = re.sub(r"[\s（）()：:？?]", "", head)
    if "态度" in plain or plain in _ATTITUDES:
        return Asks.ATTITUDE
    if plain in _SERIALS:
        return Asks.SERIAL
    if plain in _COUNTS:
        return Asks.COUNT
    for pattern, asks in ((_AWARE, Asks.AWARE), (_DAYS, Asks.DAY), (_CONCERNS, Asks.CONCERN)):
        if pattern.search(plain):
            return asks
    return Asks.OTHER


def _one_attitude(path: Path, columns: list[Column]) -> Iterator[Column]:
    """Several may speak of an attitude: then the one headed 态度 counts, the others are closed questions."""
    found = [column for column in columns if column.asks is Asks.ATTITUDE]
    chosen = [column for column in found if column.name == "态度"] or found
    if len(chosen) != 1:
        what = "没有“态度”列" if not found else f"有 {len(found)} 列像是态度"
        text = f"{what}；请把表示支持、有条件支持、反对的一列命名为“态度”（样表：GET /v1/survey-template.xlsx）。"
        raise FileRefused([at(path, 1, 1, text)])
    for column in columns:
        second = column.asks is Asks.ATTITUDE and column is not chosen[0]
        yield Column(column.place, column.name, Asks.OTHER) if second else column
